"""S260: the first answer of each receiver stands."""

import pytest

from rollcast.errors import IdentityError
from rollcast.messages import (
    AnswerRecorded,
    AnswerRefused,
    CancelRequested,
    ConsentAnswered,
    ReceiversAnswered,
    TransferClosed,
)
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, MALLORY
from tests.unit.steps.build import (
    HOUR,
    MINUTE,
    OTHER_T,
    T,
    accept,
    at,
    by,
    defer,
    of,
    one,
    reject,
    request,
    whereto,
)
from tests.unit.steps.world import World

YES, NO = accept(), reject(detail="no, thanks")


async def test_an_acceptance_is_written_down_and_forwarded(world: World) -> None:
    """To the server of the sender's domain."""
    await world.asking(request())
    answer = by(CAROL, YES, reply_to="r", correlation_id="1")
    outcomes = await world.tell(answer)
    assert whereto(outcomes, AnswerRecorded) == [answer]
    assert whereto(outcomes, ReceiversAnswered) == [ACME]
    (status,) = one(outcomes, ReceiversAnswered).receivers
    assert (status.address, status.state, status.reason) == (CAROL, Receiver.ACCEPTED, None)


async def test_a_rejection_carries_its_reason(world: World) -> None:
    """And the words of the receiver."""
    await world.asking(request())
    (status,) = one(await world.tell(by(BOB, NO)), ReceiversAnswered).receivers
    assert (status.state, status.step, status.reason) == (Receiver.REJECTED, "s260", Code.REJECTED)
    assert status.detail == "no, thanks"


async def test_any_text_can_be_written_down(world: World) -> None:
    """PostgreSQL knows no NUL; the answer counts all the same."""
    await world.asking(request())
    await world.settle(by(BOB, reject(detail="a\0b")))
    assert (await world.sent())[BOB].detail == "a\ufffdb"


@pytest.mark.parametrize("answer", [YES, NO], ids=["yes", "no"])
async def test_a_repeated_answer_is_announced_again(world: World, answer: ConsentAnswered) -> None:
    """A fact is recorded once, and its redelivery says the same."""
    await world.asking(request())
    first = await world.tell(by(BOB, answer))
    assert await world.tell(by(BOB, answer)) == first
    again = await world.tell(by(BOB, answer), by(BOB, answer))
    assert again[:-1] == first


@pytest.mark.parametrize(("first", "second"), [(YES, NO), (NO, YES)], ids=["yes-no", "no-yes"])
async def test_another_answer_does_not_count(
    world: World, first: ConsentAnswered, second: ConsentAnswered
) -> None:
    """The receiver is told, and the first answer is announced again."""
    await world.asking(request())
    announced = await world.tell(by(BOB, first))
    outcomes = await world.tell(by(BOB, second))
    assert one(outcomes, AnswerRefused).reason == Code.ALREADY_ANSWERED
    assert whereto(outcomes, AnswerRefused) == [(BOB, None)]
    assert one(outcomes, ReceiversAnswered) == one(announced, ReceiversAnswered)


async def test_contradictory_answers_in_one_batch(world: World) -> None:
    """The first in line stands there, too."""
    await world.asking(request())
    outcomes = await world.tell(by(BOB, YES), by(BOB, NO), by(BOB, YES))
    assert one(outcomes, AnswerRefused).reason == Code.ALREADY_ANSWERED
    (status,) = one(outcomes, ReceiversAnswered).receivers
    assert (status.state, status.revision) == (Receiver.ACCEPTED, 3)


async def test_answers_in_a_batch_are_forwarded_together(world: World) -> None:
    """One message for each transfer."""
    await world.asking(request([BOB, CAROL, DAVE]))
    await world.asking(request([BOB], transfer_id=OTHER_T))
    batch = (by(BOB, YES), by(CAROL, NO), by(BOB, accept(OTHER_T)), by(DAVE, YES))
    forwarded = of(await world.tell(*batch), ReceiversAnswered)
    assert [message.transfer_id for message in forwarded] == [T, OTHER_T]
    assert {status.address for status in forwarded[0].receivers} == {BOB, CAROL, DAVE}


@pytest.mark.parametrize("answer", [YES, NO], ids=["yes", "no"])
async def test_an_answer_after_the_deadline_counts(world: World, answer: ConsentAnswered) -> None:
    """The roll call has gone on without it, but the transfer is open."""
    await world.asking(request(consent_timeout=60_000))
    world.pass_time(2 * MINUTE)
    outcomes = await world.tell(by(BOB, answer))
    assert whereto(outcomes, ReceiversAnswered) == [ACME]
    assert not of(outcomes, AnswerRefused)


async def test_a_decision_is_put_off_and_made(world: World) -> None:
    """Until then it is no consent; what is decided stands."""
    await world.asking(request())
    (status,) = one(await world.tell(by(BOB, defer())), ReceiversAnswered).receivers
    assert (status.state, status.reason) == (Receiver.DEFERRED, None)
    await world.tell(by(BOB, YES))
    outcomes = await world.tell(by(BOB, defer()))
    assert not of(outcomes, AnswerRefused)
    assert (await world.invited_states())[BOB] == Receiver.ACCEPTED


async def test_an_answer_after_the_expiry_is_too_late(world: World) -> None:
    """The receiver is told; nothing changes."""
    await world.asking(request(consent_timeout=60_000))
    world.pass_time(25 * HOUR)
    outcomes = await world.tell(by(BOB, YES))
    assert not of(outcomes, ReceiversAnswered)
    assert one(outcomes, AnswerRefused).reason == Code.ANSWERED_TOO_LATE
    assert (await world.invited_states())[BOB] == Receiver.ASKED


async def test_an_answer_repeated_after_the_deadline_stands(world: World) -> None:
    """It was there in time."""
    await world.asking(request(consent_timeout=60_000))
    first = await world.tell(by(BOB, YES))
    world.pass_time(2 * MINUTE)
    assert await world.tell(by(BOB, YES)) == first


@pytest.mark.parametrize("answer", [YES, NO], ids=["yes", "no"])
@pytest.mark.parametrize("state", [Transfer.EXPIRED, Transfer.CANCELLED, Transfer.PARTIAL])
async def test_an_answer_after_the_end_is_too_late(
    world: World, state: Transfer, answer: ConsentAnswered
) -> None:
    """The receiver is told as long as anything of it is known."""
    await world.asking(request())
    await world.tell(at(ACME, TransferClosed(transfer_id=T, sender_domain=ACME, state=state)))
    outcomes = await world.tell(by(BOB, answer))
    assert one(outcomes, AnswerRefused).reason == Code.ANSWERED_TOO_LATE
    assert (await world.invited_states())[BOB] != Receiver.ACCEPTED


async def test_whoever_was_not_asked_has_nothing_to_answer(world: World) -> None:
    """Neither about a transfer of others nor about one that is not known; nothing is told of it."""
    await world.asking(request())
    for intruder in (by(MALLORY, YES), by(ALICE, YES), by(BOB, accept(OTHER_T))):
        with pytest.raises(IdentityError):
            await world.tell(intruder)


async def test_a_tombstone_was_never_asked_about(world: World) -> None:
    """A transfer that ended before the invitation came is not known."""
    await world.tell(at(ACME, TransferClosed(transfer_id=T, sender_domain=ACME, state=Transfer.CANCELLED)))
    with pytest.raises(IdentityError):
        await world.tell(by(BOB, YES))


async def test_an_intruder_in_a_batch_rolls_it_back(world: World) -> None:
    """The runner then handles the others one by one."""
    await world.asking(request())
    with pytest.raises(IdentityError):
        await world.tell(by(BOB, YES), by(MALLORY, YES))
    assert (await world.invited_states())[BOB] == Receiver.ASKED


async def test_a_cancelled_transfer_needs_no_answers(world: World) -> None:
    """What comes later opens nothing."""
    await world.asking(request())
    await world.settle(by(ALICE, CancelRequested(transfer_id=T)))
    await world.settle(by(BOB, YES))
    assert await world.state() == Transfer.CANCELLED
    assert (await world.sent_states())[BOB] == Receiver.CANCELLED


async def test_what_is_deferred_twice_is_one_fact(world: World) -> None:
    """A terminal says so each time it is asked; the repetition announces the same again."""
    await world.asking(request())
    first = await world.tell(by(BOB, defer()))
    assert of(await world.tell(by(BOB, defer())), ReceiversAnswered) == of(first, ReceiversAnswered)
