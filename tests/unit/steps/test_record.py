"""What receivers' servers say comes to the same, in whatever order and however often it comes."""

from itertools import count
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollcast.codec import decode, encode
from rollcast.messages import ReceiversFinished
from rollcast.messages.values import MAX_FILE_SIZE, MAX_RECEIVERS, MAX_TEXT, ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import Receiver
from tests.people import ALICE, BOB, CAROL, DAVE
from tests.unit.steps.build import by, request
from tests.unit.steps.world import World
from workers.ledger import roll

RECEIVERS = [BOB, CAROL, DAVE]
BEFORE = [Receiver.INVITED, Receiver.ASKED, Receiver.ACCEPTED, Receiver.RECEIVING]
ENDS = [Receiver.REJECTED, Receiver.INCAPABLE, Receiver.FAILED, Receiver.CANCELLED, Receiver.EXPIRED]
_ids = (f"{number:032x}" for number in count())


@st.composite
def histories(draw: st.DrawFn) -> list[ReceiverStatus]:
    """The changes of one receiver in its server's ledger, each with its revision."""
    states = BEFORE[: draw(st.integers(1, len(BEFORE)))]
    states += draw(st.lists(st.sampled_from(ENDS), max_size=1))
    states += draw(st.lists(st.just(Receiver.DELIVERED), max_size=1))
    address = draw(st.sampled_from(RECEIVERS))
    return [
        ReceiverStatus(address=address, state=state, revision=number)
        for number, state in enumerate(states, start=1)
    ]


def test_as_many_as_a_message_may_name_fit_into_one() -> None:
    """Whatever they say of themselves."""
    row = SimpleNamespace(
        address=f"{'b' * 63}@{'a' * 63}",
        state=Receiver.FAILED,
        revision=2**31 - 1,
        step="s310",
        reason=max(Code, key=len),
        detail="\U0001f4a3" * MAX_TEXT,
        bytes=MAX_FILE_SIZE,
        stored_as="\U0001f4a3" * MAX_TEXT,
        delivered_at=2**53 - 1,
        blake3="e" * 64,
    )
    finished = ReceiversFinished(
        transfer_id="e" * 32, receivers=[roll.status_of(cast(Any, row))] * MAX_RECEIVERS
    )
    assert decode(encode(finished)) == finished


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(histories(), unique_by=lambda history: history[0].address),
    repeated=st.lists(st.integers(0, 30)),
    sizes=st.lists(st.integers(1, 6)),
    data=st.data(),
)
async def test_any_order_comes_to_the_same(
    world: World,
    said: list[list[ReceiverStatus]],
    repeated: list[int],
    sizes: list[int],
    data: st.DataObject,
) -> None:
    """The last change of each receiver stands in the sender's ledger."""
    transfer_id = next(_ids)
    await world.tell(by(ALICE, request(RECEIVERS, transfer_id=transfer_id)))
    async with world.database.begin() as ledger:
        await roll.move(ledger, transfer_id, [Receiver.INVITED], Receiver.INVITED, listed_in=1)
    once = [status for history in said for status in history]
    twice = once + [once[index] for index in repeated if index < len(once)]
    order = data.draw(st.permutations(twice))
    while order:
        size = sizes.pop() if sizes else len(order)
        async with world.database.begin() as ledger:
            news = await roll.record(ledger, transfer_id, order[:size])
        assert len({status.address for status in news}) == len(news)
        order = order[size:]
    last = {history[-1].address: history[-1].state for history in said}
    assert await world.sent_states(transfer_id) == {a: last.get(a, Receiver.INVITED) for a in RECEIVERS}
