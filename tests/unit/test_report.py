"""The JSON document of a transfer."""

import msgspec
import pytest

from rollcast.messages.values import FileSelector, Hashes, ReceiverStatus, TransferStatus
from rollcast.reasons import Code
from rollcast.report import Report, instant
from rollcast.states import Receiver, Transfer
from tests.unit.offers import NO_HASH, TRANSFER


def transfer(state: Transfer, file_hash: Hashes = NO_HASH) -> TransferStatus:
    """A transfer of alice's."""
    return TransferStatus(
        transfer_id=TRANSFER,
        state=state,
        report_version=2,
        list_version=1,
        list_policy="subset",
        sender="alice@acme",
        created_at=1_767_225_600_000_000,
        expires_at=1_767_225_600_000_001,
        file=FileSelector(name="plan.pdf", size=3, type="application/pdf", hash=file_hash),
        roll_call_us=1_500_000,
    )


def test_the_document_has_exactly_these_fields() -> None:
    """Programs rely on each of them."""
    delivered = ReceiverStatus(
        address="bob@acme",
        state=Receiver.DELIVERED,
        step="s310",
        bytes=3,
        stored_as="plan (2).pdf",
        delivered_at=1_767_225_600_000_000,
    )
    rejected = ReceiverStatus(
        address="carol@acme", state=Receiver.REJECTED, step="s260", reason=Code.REJECTED
    )
    assert Report(transfer(Transfer.PARTIAL), [delivered, rejected]).to_json() == {
        "transfer_id": TRANSFER,
        "state": "partial",
        "report_version": 2,
        "list_version": 1,
        "list_policy": "subset",
        "retry_of": None,
        "sender": "alice@acme",
        "created_at": "2026-01-01T00:00:00.000000Z",
        "expires_at": "2026-01-01T00:00:00.000001Z",
        "reason": None,
        "detail": None,
        "file": {"name": "plan.pdf", "size": 3, "type": "application/pdf", "hash": {"blake3": "0" * 64}},
        "receivers": [
            {
                "address": "bob@acme",
                "disposition": "delivered",
                "step": "s310",
                "reason": None,
                "detail": None,
                "may_ask_again": False,
                "bytes": 3,
                "stored_as": "plan (2).pdf",
                "delivered_at": "2026-01-01T00:00:00.000000Z",
            },
            {
                "address": "carol@acme",
                "disposition": "rejected",
                "step": "s260",
                "reason": "rejected",
                "detail": "the receiver declined",
                "may_ask_again": True,
                "bytes": 0,
                "stored_as": None,
                "delivered_at": None,
            },
        ],
        "timings": {"roll_call_s": 1.5, "delivery_s": None},
    }


def test_both_digests_are_shown_where_there_are_two() -> None:
    """SHA-256 is there only if the sender asked for it."""
    both = Hashes(blake3="a" * 64, sha256="b" * 64)
    document = Report(transfer(Transfer.COMPLETED, both), []).to_json()
    assert document["file"]["hash"] == {"blake3": "a" * 64, "sha256": "b" * 64}


def test_complete_means_everybody() -> None:
    """Who is on the list counts in a dry run, who has the file otherwise."""
    accepted = ReceiverStatus(address="bob@acme", state=Receiver.ACCEPTED)
    delivered = ReceiverStatus(address="carol@acme", state=Receiver.DELIVERED)
    assert Report(transfer(Transfer.LISTED), [accepted]).complete
    assert Report(transfer(Transfer.LISTED), [accepted]).disposition(accepted) == "listed"
    assert Report(transfer(Transfer.COMPLETED), [delivered]).complete
    assert not Report(transfer(Transfer.CASTING), [delivered, accepted]).complete


@pytest.mark.parametrize(
    ("state", "receiver", "version", "settled"),
    [
        (Transfer.CASTING, Receiver.RECEIVING, 1, False),
        (Transfer.CASTING, Receiver.DEFERRED, 0, False),
        (Transfer.CASTING, Receiver.DEFERRED, 1, True),
        (Transfer.EXPIRED, Receiver.EXPIRED, 1, True),
    ],
)
def test_settled_means_that_nobody_receives(
    state: Transfer, receiver: Receiver, version: int, *, settled: bool
) -> None:
    """A report says so, not the states alone: before the cast nobody receives either."""
    status = msgspec.structs.replace(transfer(state), report_version=version)
    report = Report(status, [ReceiverStatus(address="bob@acme", state=receiver)])
    assert report.settled is settled


def test_an_instant_keeps_its_microseconds() -> None:
    """Also those that are zero."""
    assert instant(1_767_225_600_000_000) == "2026-01-01T00:00:00.000000Z"
    assert instant(1) == "1970-01-01T00:00:00.000001Z"
