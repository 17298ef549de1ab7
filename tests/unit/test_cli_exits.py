"""Exit statuses of the command line."""

import pytest

from rollcast.cli.exits import (
    STATUSES,
    Exit,
    Interrupted,
    UsageError,
    status_of_error,
    status_of_report,
    status_of_sending,
)
from rollcast.errors import (
    BrokerRefused,
    BrokerUnavailable,
    FileUnusable,
    IdentityError,
    InvalidMessage,
    RequestRefused,
    RollcastError,
    TransferRefusedError,
)
from rollcast.report import Report
from rollcast.states import FINAL_TRANSFER, OPEN_TRANSFER, Receiver, Transfer
from tests.unit.cli_samples import receiver, transfer


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError(""), 2),
        (FileUnusable(""), 2),
        (InvalidMessage(""), 2),
        (BrokerRefused("", code="no_credentials"), 2),
        (RequestRefused(""), 3),
        (TransferRefusedError(""), 3),
        (BrokerRefused(""), 4),
        (BrokerRefused("", code="already_receiving"), 4),
        (BrokerUnavailable(""), 4),
        (BrokerUnavailable("", code="server_silent"), 4),
        (RollcastError(""), 70),
        (IdentityError(""), 70),
        (Interrupted(""), 130),
    ],
)
def test_each_error_has_its_status(error: RollcastError, status: int) -> None:
    """Scripts tell by it whose turn it is."""
    assert status_of_error(error) == status


def test_the_help_tells_every_status() -> None:
    """And no other."""
    lines = [line.split()[0] for line in STATUSES.splitlines()[1:] if line.split()[0].isdigit()]
    assert lines == [str(int(status)) for status in Exit]


@pytest.mark.parametrize("state", sorted(FINAL_TRANSFER - {Transfer.REFUSED, Transfer.LISTED}))
def test_an_end_without_the_file_for_all_is_incomplete(state: Transfer) -> None:
    """However it came to its end."""
    delivered, failed = receiver("bob@acme", Receiver.DELIVERED), receiver("eve@acme", Receiver.FAILED)
    assert status_of_report(Report(transfer(state), [delivered])) == Exit.DONE
    assert status_of_report(Report(transfer(state), [delivered, failed])) == Exit.INCOMPLETE


@pytest.mark.parametrize("state", sorted(OPEN_TRANSFER))
def test_a_transfer_that_goes_on_has_failed_nobody(state: Transfer) -> None:
    """It may still reach all."""
    assert status_of_report(Report(transfer(state), [receiver("bob@acme", Receiver.ASKED)])) == Exit.DONE


def test_send_ends_while_some_put_their_decision_off() -> None:
    """The transfer goes on, but not all have the file; `status` may be asked again."""
    delivered, deferred = receiver("bob@acme", Receiver.DELIVERED), receiver("eve@acme", Receiver.DEFERRED)
    report = Report(transfer(Transfer.CASTING), [delivered, deferred])
    assert (status_of_sending(report), status_of_report(report)) == (Exit.INCOMPLETE, Exit.DONE)
    assert status_of_sending(Report(transfer(Transfer.CASTING), [delivered])) == Exit.DONE


def test_a_dry_run_is_done_if_all_are_listed() -> None:
    """Those who accepted are."""
    listed, silent = receiver("bob@acme", Receiver.ACCEPTED), receiver("eve@acme", Receiver.NO_ANSWER)
    assert status_of_report(Report(transfer(Transfer.LISTED), [listed])) == Exit.DONE
    assert status_of_report(Report(transfer(Transfer.LISTED), [listed, silent])) == Exit.INCOMPLETE


def test_a_refused_transfer_is_refused() -> None:
    """Also when it is asked after later."""
    assert status_of_report(Report(transfer(Transfer.REFUSED), [])) == Exit.REFUSED
