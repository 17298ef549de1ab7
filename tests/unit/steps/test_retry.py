"""A transfer that is tried again: to those who had accepted it and do not have it, without asking them again."""

from typing import Any

import pytest
from msgspec import structs

from rollcast.messages import (
    CancelRequested,
    CloseDue,
    ConsentAsked,
    LaneOpened,
    TransferAccepted,
    TransferRefused,
    TransferReported,
    TransferRequested,
)
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, GLOBEX, MALLORY
from tests.unit.steps.build import (
    HOUR,
    OTHER_T,
    SECOND,
    WRONG,
    T,
    accept,
    at,
    by,
    delivered,
    discarded,
    failed,
    file,
    invitation,
    of,
    one,
    reject,
    reported,
    request,
    whereto,
)
from tests.unit.steps.world import World
from workers.ledger import roll


def again(**fields: Any) -> TransferRequested:
    """The transfer is tried again, to all that it went to."""
    usual: dict[str, Any] = {"transfer_id": OTHER_T, "retry_of": T}
    return request([BOB, CAROL, DAVE], **usual | fields)


async def ended(world: World) -> None:
    """Bob could not store the file, carol was cut off, dave declined."""
    await world.asking(request([BOB, CAROL, DAVE]))
    await world.settle(by(BOB, accept()), by(CAROL, accept()), by(DAVE, reject()))
    await world.settle(by(BOB, failed(detail="disk full")))
    await world.settle(by(ALICE, CancelRequested(transfer_id=T)))
    await world.settle(by(CAROL, discarded()))


async def test_those_who_had_accepted_get_it_unasked(world: World) -> None:
    """And nobody else gets anything."""
    await ended(world)
    outcomes = await world.settle(by(ALICE, again()))
    assert one(outcomes, TransferAccepted).recipients == 2
    assert not of(outcomes, ConsentAsked)
    assert sorted(whereto(outcomes, LaneOpened), key=str) == [(BOB, None), (CAROL, None)]
    assert await world.sent_states(OTHER_T) == {BOB: Receiver.RECEIVING, CAROL: Receiver.RECEIVING}
    receipts = (by(a, delivered(transfer_id=OTHER_T)) for a in (BOB, CAROL))
    report = reported(await world.settle(*receipts))
    assert (report.transfer.state, report.transfer.retry_of) == (Transfer.COMPLETED, T)


async def test_who_has_it_is_not_sent_it_again(world: World) -> None:
    """Then there is nobody left, and that is said."""
    await world.casting(request([BOB]))
    await world.settle(by(BOB, delivered()))
    refused = one(await world.settle(by(ALICE, again())), TransferRefused)
    assert refused.reason == Code.NOT_RETRYABLE


async def test_who_has_it_by_now_or_waits_for_it_is_left_out(world: World) -> None:
    """Whichever of the family is tried again: bob has it from one retry, carol is still at another one."""
    await ended(world)
    await world.settle(by(ALICE, again()))
    await world.settle(by(BOB, failed(transfer_id=OTHER_T)), by(CAROL, failed(transfer_id=OTHER_T)))
    third, fourth, fifth, sixth = (digit * 32 for digit in "cdef")
    await world.settle(by(ALICE, request([BOB], transfer_id=third, retry_of=OTHER_T)))
    await world.settle(by(BOB, delivered(transfer_id=third)))
    outcomes = await world.settle(by(ALICE, again(transfer_id=fourth)))
    assert whereto(outcomes, LaneOpened) == [(CAROL, None)]
    for transfer_id, former in ((fifth, OTHER_T), (sixth, T)):
        outcomes = await world.settle(by(ALICE, again(transfer_id=transfer_id, retry_of=former)))
        assert one(outcomes, TransferRefused).reason == Code.NOT_RETRYABLE


async def test_who_may_still_join_another_retry_is_left_out(world: World) -> None:
    """Its server was away, and is asked again as long as that retry is open."""
    await ended(world)
    await world.settle(by(ALICE, again()))
    async with world.database.begin() as ledger:
        await roll.move(ledger, OTHER_T, [Receiver.RECEIVING], Receiver.NO_ANSWER, [CAROL])
    outcomes = await world.settle(by(ALICE, again(transfer_id="c" * 32)))
    assert one(outcomes, TransferRefused).reason == Code.NOT_RETRYABLE


async def test_a_retry_that_was_refused_keeps_nobody_from_another(world: World) -> None:
    """Nothing of it is under way."""
    await ended(world)
    await world.suspend(ALICE)
    assert of(await world.settle(by(ALICE, again())), TransferRefused)
    await world.suspend(ALICE, False)
    outcomes = await world.settle(by(ALICE, again(transfer_id="c" * 32)))
    assert len(of(outcomes, LaneOpened)) == 2


async def test_a_retry_can_be_tried_again(world: World) -> None:
    """Consent is handed on."""
    await ended(world)
    await world.settle(by(ALICE, again()))
    await world.settle(*(by(a, failed(transfer_id=OTHER_T)) for a in (BOB, CAROL)))
    third = "c" * 32
    outcomes = await world.settle(by(ALICE, again(transfer_id=third, retry_of=OTHER_T)))
    assert len(of(outcomes, LaneOpened)) == 2


async def test_who_is_not_able_any_more_does_not_get_it(world: World) -> None:
    """Consent makes no room."""
    await ended(world)
    await world.suspend(CAROL)
    outcomes = await world.settle(by(ALICE, again()))
    assert whereto(outcomes, LaneOpened) == [(BOB, None)]
    assert (await world.sent(OTHER_T))[CAROL].reason == Code.SUSPENDED


@pytest.mark.parametrize(
    "wanted",
    [
        again(file=file(hash=WRONG)),
        again(file=file(size=1)),
        again(file=file(name="setup.exe")),
        again(file=file(type="application/x-msdownload")),
        again(retry_of="e" * 32),
    ],
)
async def test_nothing_else_goes_under_that_consent(world: World, wanted: TransferRequested) -> None:
    """Neither another file, nor this one as something else, nor another transfer's receivers."""
    await ended(world)
    outcomes = await world.settle(by(ALICE, wanted))
    assert one(outcomes, TransferRefused).reason == Code.NOT_RETRYABLE
    assert not of(outcomes, LaneOpened)


@pytest.mark.parametrize("shown", [{"name": "setup.exe"}, {"type": "application/x-msdownload"}])
async def test_who_is_offered_it_as_something_else_is_asked(world: World, shown: dict[str, Any]) -> None:
    """Whatever the sender's server let through."""
    await ended(world)
    offer = structs.replace(await world.offer(), transfer_id=OTHER_T, retry_of=T, file=file(**shown))
    outcomes = await world.settle(at(GLOBEX, invitation(offer, CAROL)))
    assert whereto(outcomes, ConsentAsked) == [(CAROL, None)]
    assert await world.invited_states(OTHER_T) == {CAROL: Receiver.ASKED}


async def test_nobody_elses(world: World) -> None:
    """Another sender learns nothing of it."""
    await ended(world)
    await world.account(MALLORY)
    outcomes = await world.settle(by(MALLORY, again()))
    assert one(outcomes, TransferRefused).reason == Code.NOT_RETRYABLE


async def test_not_against_its_list_policy(world: World) -> None:
    """Who was listed was to have it together with the others, or not at all."""
    await world.asking(request(list_policy="all_or_nothing"))
    await world.settle(by(BOB, accept()), by(CAROL, reject()))
    assert await world.state() == Transfer.DECLINED
    refused = one(await world.settle(by(ALICE, again())), TransferRefused)
    assert (refused.reason, "policy" in refused.detail) == (Code.NOT_RETRYABLE, True)


async def test_not_before_it_has_ended(world: World) -> None:
    """Whoever is cut off may still come to have it."""
    await world.casting(request([BOB]))
    outcomes = await world.settle(by(ALICE, again()))
    assert one(outcomes, TransferRefused).reason == Code.NOT_RETRYABLE


async def test_in_two_parts(world: World) -> None:
    """The second may hold nobody that is left."""
    await ended(world)
    await world.settle(by(ALICE, request([BOB], transfer_id=OTHER_T, retry_of=T, parts=2)))
    second = request([DAVE], transfer_id=OTHER_T, retry_of=T, parts=2, part=1)
    outcomes = await world.settle(by(ALICE, second))
    assert whereto(outcomes, LaneOpened) == [(BOB, None)]


async def test_who_expired_is_tried_again(world: World) -> None:
    """Silent ones, too: they may have come back."""
    await world.casting(request([BOB]))
    world.pass_time(25 * HOUR)
    outcomes = await world.settle(by(ALICE, CancelRequested(transfer_id=T)))
    assert not of(outcomes, TransferReported)
    await world.settle(by(BOB, discarded()))
    outcomes = await world.settle(by(ALICE, again()))
    assert whereto(outcomes, LaneOpened) == [(BOB, None)]


async def test_without_anybody_it_is_not_completed(world: World) -> None:
    """The second part, with whoever is left, never came."""
    await ended(world)
    await world.settle(by(ALICE, request([DAVE], transfer_id=OTHER_T, retry_of=T, parts=2)))
    report = one(await world.settle(by(ALICE, CancelRequested(transfer_id=OTHER_T))), TransferReported)
    assert report.transfer.state == Transfer.CANCELLED


async def test_consent_stands_though_the_closing_has_not_come(world: World) -> None:
    """The message that closes the former transfer at the receivers' server may be the slower one."""
    await world.casting(request([BOB]))
    await world.tell(by(ALICE, CancelRequested(transfer_id=T)))
    world.pass_time(61 * SECOND)
    await world.tell(at(ACME, CloseDue(transfer_id=T)))
    outcomes = await world.settle(by(ALICE, again()))
    assert whereto(outcomes, LaneOpened) == [(BOB, None)]
    assert not of(outcomes, ConsentAsked)
