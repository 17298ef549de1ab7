"""What `rollcast cancel` says while it waits."""

import msgspec
import pytest

from rollcast.cli import cancelling
from rollcast.messages.values import ReceiverCount
from rollcast.queries import Glance
from rollcast.states import Receiver, Transfer
from tests.unit.cli_samples import receiver, transfer


def glance(number: int, *addresses: str) -> Glance:
    """So many are on the list, of whom these are known; somebody else has put the decision off."""
    counts = [ReceiverCount(state=Receiver.RECEIVING, number=number)]
    others = [receiver("dave@acme", Receiver.DEFERRED)]
    known = [receiver(address, Receiver.RECEIVING) for address in addresses]
    status = msgspec.structs.replace(transfer(Transfer.CASTING), counts=counts)
    return Glance(status, [*others, *known], at=0)


@pytest.mark.parametrize(
    ("seen", "who"),
    [
        (glance(1, "bob@acme"), "bob@acme"),
        (glance(9, "bob@acme", "carol@globex"), "bob@acme, carol@globex and 7 more"),
        (glance(3), "3 more"),
    ],
)
def test_those_are_named_who_have_not_confirmed(seen: Glance, who: str) -> None:
    """Who is not on the list has nothing to remove."""
    assert cancelling.waits_for(seen) == f"waiting for {who} to confirm that, for a minute at the most"


def test_nobody_is_waited_for() -> None:
    """Then there is nothing to say."""
    assert cancelling.waits_for(glance(0)) == ""
