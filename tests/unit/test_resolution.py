"""The new receiver list, from its versions and their parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.events import ListResolved
from rollcast.messages import ReceiverListResolved
from rollcast.messages.values import ReceiverStatus
from rollcast.report import Report
from rollcast.sending.resolution import Resolution
from rollcast.states import FINAL_RECEIVER, ON_THE_LIST, Receiver, Transfer
from tests.unit.cli_samples import receiver, transfer
from tests.unit.offers import TRANSFER


def status(address: str, state: Receiver = Receiver.ACCEPTED) -> ReceiverStatus:
    """How a receiver stands."""
    return ReceiverStatus(address=address, state=state)


def part(version: int, number: int, of: int, *receivers: ReceiverStatus) -> ReceiverListResolved:
    """A part of a version."""
    return ReceiverListResolved(
        transfer_id=TRANSFER,
        list_version=version,
        listed=4,
        requested=5,
        receivers=list(receivers),
        part=number,
        parts=of,
    )


PARTS = [
    part(1, 0, 2, status("a@x"), status("b@x", Receiver.DEFERRED)),
    part(1, 1, 2, status("c@x"), status("d@x", Receiver.NO_ANSWER), status("e@x", Receiver.REJECTED)),
    part(2, 0, 1, status("d@x")),
    part(3, 0, 1, status("b@x")),
]


def addresses(receivers: tuple[ReceiverStatus, ...]) -> list[str]:
    """Who they are."""
    return [one.address for one in receivers]


@given(st.permutations([*PARTS, *PARTS]))
def test_versions_add_up_in_their_order(parts: list[ReceiverListResolved]) -> None:
    """However their parts come, and however often."""
    resolution = Resolution(TRANSFER)
    events = [event for one in parts for event in resolution.add(one)]
    assert [event.list_version for event in events] == [1, 2, 3]
    assert [addresses(event.listed) for event in events] == [
        ["a@x", "c@x"],
        ["a@x", "c@x", "d@x"],
        ["a@x", "c@x", "d@x", "b@x"],
    ]
    assert [addresses(event.added) for event in events] == [["a@x", "c@x"], ["d@x"], ["b@x"]]
    assert [addresses(event.others) for event in events] == [["b@x", "d@x", "e@x"], ["b@x", "e@x"], ["e@x"]]


@pytest.mark.parametrize("state", Receiver)
def test_a_list_that_is_known_from_a_report(state: Receiver) -> None:
    """While the transfer goes on, only those on the list can have come further than accepting."""
    (event,) = Resolution(TRANSFER).know(Report(transfer(Transfer.CASTING), [receiver("a@x", state)]))
    beyond = ON_THE_LIST | (
        FINAL_RECEIVER - {Receiver.REJECTED, Receiver.INCAPABLE, Receiver.UNKNOWN, Receiver.NO_ANSWER}
    )
    assert addresses(event.listed) == (["a@x"] if state in beyond else [])
    assert addresses(event.others) == ([] if state in beyond else ["a@x"])


def test_what_follows_on_a_known_list() -> None:
    """What the report held is not told again; what is new is."""
    resolution = Resolution(TRANSFER)
    known = [receiver("a@x", Receiver.RECEIVING), receiver("c@x", Receiver.DELIVERED)]
    deciding = [receiver("b@x", Receiver.DEFERRED), receiver("d@x", Receiver.NO_ANSWER)]
    resolution.know(Report(transfer(Transfer.CASTING), [*known, *deciding]))
    assert [resolution.add(one) for one in PARTS[:2]] == [[], []]
    (event,) = resolution.add(PARTS[2])
    assert isinstance(event, ListResolved)
    assert addresses(event.listed) == ["a@x", "c@x", "d@x"]
    assert addresses(event.others) == ["b@x"]
