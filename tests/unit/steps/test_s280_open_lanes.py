"""S280: lanes are opened, and prompts answered."""

import pytest

from rollcast.errors import IdentityError
from rollcast.messages import (
    LaneOpened,
    LanesDue,
    LanesOpened,
    ReceiversFinished,
    TransferClosed,
)
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, GLOBEX, INITECH, MALLORY
from tests.unit.steps.build import (
    HOUR,
    T,
    accept,
    at,
    by,
    delivered,
    discarded,
    failed,
    of,
    one,
    reject,
    request,
    whereto,
)
from tests.unit.steps.world import World
from workers.work import DropLanes, OpenLanes, Outcome, ToInboxes


def due(*receivers: str, sender: str = ALICE) -> LanesDue:
    """Lanes of these receivers are due."""
    return LanesDue(transfer_id=T, sender=sender, receivers=list(receivers))


async def accepted(world: World) -> None:
    """Carol and dave have accepted, bob has not answered."""
    await world.asking(request([BOB, CAROL, DAVE]))
    await world.tell(by(CAROL, accept()), by(DAVE, accept()))


async def prompt(world: World, *receivers: str) -> list[Outcome]:
    """Ask globex for these lanes."""
    return await world.tell(at(GLOBEX, due(*receivers)))


async def test_each_receiver_gets_a_lane_and_is_told(world: World) -> None:
    """Its name comes with the whole offer, and lasts until the expiry."""
    await accepted(world)
    outcomes = await prompt(world, CAROL, DAVE)
    offer = await world.offer()
    assert sorted(one(outcomes, OpenLanes).receivers) == [CAROL, DAVE]
    told = of(outcomes, LaneOpened)
    assert sorted(message.lane for message in told) == [f"rollcast.lane.{a}.{T}" for a in (CAROL, DAVE)]
    assert {message.offer for message in told} == {offer}
    assert {inbox.expires_at for inbox in of(outcomes, ToInboxes)} == {offer.expires_at}
    assert whereto(outcomes, LanesOpened) == [ACME]
    assert one(outcomes, LanesOpened).domain == GLOBEX
    assert {(await world.invited_states())[a] for a in (CAROL, DAVE)} == {Receiver.RECEIVING}


async def test_a_repeated_prompt_opens_and_tells_again(world: World) -> None:
    """Lanes may be gone, receivers may have missed the word; the ledger does not change."""
    await accepted(world)
    first = await prompt(world, CAROL, DAVE)
    before = await world.invited()
    assert await prompt(world, CAROL, DAVE) == first
    assert await world.invited() == before


async def test_whose_end_is_known_is_answered_with_it(world: World) -> None:
    """The receipt may have been lost on its way."""
    await accepted(world)
    await prompt(world, CAROL, DAVE)
    await world.tell(by(CAROL, delivered()), by(DAVE, failed(detail="disk full")))
    outcomes = await prompt(world, CAROL, DAVE)
    assert len(outcomes) == 1
    finished = {status.address: status for status in one(outcomes, ReceiversFinished).receivers}
    assert finished[CAROL].state == Receiver.DELIVERED
    assert (finished[DAVE].state, finished[DAVE].reason) == (Receiver.FAILED, Code.NOT_STORED)
    assert whereto(outcomes, ReceiversFinished) == [ACME]


async def test_some_are_finished_and_some_are_not(world: World) -> None:
    """Each is answered for by itself."""
    await accepted(world)
    await prompt(world, CAROL, DAVE)
    await world.tell(by(CAROL, delivered()))
    outcomes = await prompt(world, CAROL, DAVE)
    assert [status.address for status in one(outcomes, ReceiversFinished).receivers] == [CAROL]
    assert list(one(outcomes, OpenLanes).receivers) == [DAVE]


async def test_only_those_who_accepted_get_a_lane(world: World) -> None:
    """Not those still asked, not strangers."""
    await accepted(world)
    assert await world.tell(at(ACME, due(BOB, MALLORY))) == []


async def test_who_rejected_is_answered_with_it(world: World) -> None:
    """Whatever the sender's server believes."""
    await accepted(world)
    await world.tell(by(BOB, reject()))
    outcomes = await world.tell(at(ACME, due(BOB)))
    assert one(outcomes, ReceiversFinished).receivers[0].state == Receiver.REJECTED
    assert not of(outcomes, OpenLanes)


async def test_an_unknown_transfer_opens_nothing(world: World) -> None:
    """This server was never invited."""
    assert await prompt(world, CAROL) == []


async def test_after_the_end_no_lane_is_opened(world: World) -> None:
    """The prompt is answered with how the receivers ended, once they have confirmed it."""
    await accepted(world)
    await world.tell(at(GLOBEX, TransferClosed(transfer_id=T, sender_domain=ACME, state=Transfer.EXPIRED)))
    outcomes = await prompt(world, CAROL)
    assert not of(outcomes, OpenLanes)
    assert one(outcomes, DropLanes).receivers == [CAROL]
    assert not of(outcomes, ReceiversFinished)
    await world.tell(by(CAROL, discarded()))
    outcomes = await prompt(world, CAROL)
    assert one(outcomes, ReceiversFinished).receivers[0].state == Receiver.EXPIRED


async def test_after_the_expiry_no_lane_is_opened(world: World) -> None:
    """Even if the closing has not come yet."""
    await accepted(world)
    world.pass_time(25 * HOUR)
    assert await prompt(world, CAROL) == []


async def test_lanes_are_opened_for_the_transfers_own_sender(world: World) -> None:
    """Another sender's transfer with the same id gets nothing."""
    await accepted(world)
    with pytest.raises(IdentityError):
        await world.tell(at(GLOBEX, due(CAROL, sender=f"mallory@{INITECH}")))
