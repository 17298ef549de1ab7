"""S270: the round is closed exactly once, and the new receiver list made."""

from typing import Any

import pytest

from rollcast.messages import (
    CloseDue,
    LanesDue,
    ReceiverListResolved,
    ReceiversAnswered,
    RoundDue,
    SenderCheckDue,
)
from rollcast.messages.values import ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, ERIN, GLOBEX
from tests.unit.steps.build import MINUTE, RIGHT, SECOND, SESSION, T, at, by, file, of, one, request, whereto
from tests.unit.steps.world import World
from workers.work import Outcome

RECEIVERS = [BOB, CAROL, DAVE]
ROUND_DUE = at(ACME, RoundDue(transfer_id=T))


def status(address: str, state: Receiver, revision: int = 3, **fields: Any) -> ReceiverStatus:
    """How a receiver's server says that it stands."""
    return ReceiverStatus(address=address, state=state, revision=revision, **fields)


def yes(address: str) -> ReceiverStatus:
    """It accepts."""
    return status(address, Receiver.ACCEPTED)


def no(address: str) -> ReceiverStatus:
    """It rejects."""
    return status(address, Receiver.REJECTED, reason=Code.REJECTED, step="s260")


async def start(world: World, **fields: Any) -> None:
    """A transfer that waits for its receivers' answers."""
    await world.tell(by(ALICE, request(RECEIVERS, **fields)))
    await world.tell(at(ACME, SenderCheckDue(transfer_id=T)))


async def answer(world: World, *statuses: ReceiverStatus) -> list[Outcome]:
    """Answers come from the receivers' servers."""
    return await world.tell(at(ACME, ReceiversAnswered(transfer_id=T, receivers=list(statuses))))


async def test_the_round_is_closed_by_the_last_answer(world: World) -> None:
    """Lanes are due for those on the list, through the servers of their domains."""
    await start(world)
    assert await answer(world, yes(BOB)) == []
    assert await answer(world, no(DAVE)) == []
    outcomes = await answer(world, yes(CAROL))
    assert whereto(outcomes, LanesDue) == [ACME, GLOBEX]
    assert [due.receivers for due in of(outcomes, LanesDue)] == [[BOB], [CAROL]]
    assert {due.sender for due in of(outcomes, LanesDue)} == {ALICE}
    transfer = await world.transfer()
    assert (transfer.state, transfer.list_version, transfer.reason) == (Transfer.CASTING, 1, None)


async def test_the_sender_gets_the_new_receiver_list(world: World) -> None:
    """With those that are not on it, and why."""
    await start(world)
    outcomes = await answer(world, yes(BOB), no(CAROL), yes(DAVE))
    resolved = one(outcomes, ReceiverListResolved)
    assert (resolved.listed, resolved.requested, resolved.part, resolved.parts) == (2, 3, 0, 1)
    assert [(r.address, r.state, r.reason) for r in resolved.receivers] == [
        (BOB, Receiver.ACCEPTED, None),
        (CAROL, Receiver.REJECTED, Code.REJECTED),
        (DAVE, Receiver.ACCEPTED, None),
    ]
    assert whereto(outcomes, ReceiverListResolved) == [(ALICE, SESSION)]
    assert {address: row.listed_in for address, row in (await world.sent()).items()} == {
        BOB: 1,
        CAROL: None,
        DAVE: 1,
    }


async def test_a_closed_round_stays_closed(world: World) -> None:
    """Repeated answers, late ones and the deadline's prompt change nothing."""
    await start(world)
    await answer(world, yes(BOB), yes(CAROL), no(DAVE))
    before = await world.sent()
    assert await answer(world, yes(BOB), yes(CAROL), no(DAVE)) == []
    assert await answer(world, status(DAVE, Receiver.ACCEPTED, revision=9)) == []
    assert await world.tell(ROUND_DUE) == []
    assert await world.sent() == before


async def test_answers_and_their_repetition_in_one_batch_close_once(world: World) -> None:
    """A batch counts after all of it is recorded."""
    await start(world)
    answers = at(ACME, ReceiversAnswered(transfer_id=T, receivers=[yes(BOB), yes(CAROL), yes(DAVE)]))
    outcomes = await world.tell(answers, ROUND_DUE, answers)
    assert len(of(outcomes, ReceiverListResolved)) == 1
    assert len(of(outcomes, LanesDue)) == 2


async def test_nothing_is_closed_before_the_deadline(world: World) -> None:
    """A prompt that comes too early waits for the next one."""
    await start(world)
    await answer(world, yes(BOB))
    assert await world.tell(ROUND_DUE) == []


async def test_the_deadline_closes_the_round(world: World) -> None:
    """Who has not answered is not on the list."""
    await start(world, consent_timeout=60_000)
    await answer(world, yes(BOB), status(CAROL, Receiver.ASKED, revision=2))
    world.pass_time(MINUTE)
    outcomes = await world.tell(ROUND_DUE)
    assert [due.receivers for due in of(outcomes, LanesDue)] == [[BOB]]
    rows = await world.sent()
    assert [(rows[a].state, rows[a].step, rows[a].reason) for a in (CAROL, DAVE)] == [
        (Receiver.NO_ANSWER, "s270", Code.NO_ANSWER)
    ] * 2
    assert (await world.transfer()).due_at > 0


async def test_an_answer_at_the_deadline_counts_if_it_comes_in_the_closing_batch(world: World) -> None:
    """What is there is recorded before the round is closed."""
    await start(world, consent_timeout=60_000)
    world.pass_time(MINUTE)
    outcomes = await answer(world, yes(CAROL))
    assert [due.receivers for due in of(outcomes, LanesDue)] == [[CAROL]]


async def test_an_older_revision_is_ignored(world: World) -> None:
    """Messages overtake one another."""
    await start(world)
    await answer(world, yes(BOB))
    await answer(world, status(BOB, Receiver.ASKED, revision=2))
    await answer(world, status(BOB, Receiver.REJECTED, revision=3))
    assert (await world.sent_states())[BOB] == Receiver.ACCEPTED


async def test_the_newest_revision_in_a_message_counts(world: World) -> None:
    """Whatever their order."""
    await start(world)
    await answer(world, status(BOB, Receiver.REJECTED, revision=5), yes(BOB))
    assert (await world.sent_states())[BOB] == Receiver.REJECTED


async def test_an_end_stands_and_delivered_outranks_it(world: World) -> None:
    """A receiver that has the file has it."""
    await start(world)
    await answer(world, no(BOB))
    await answer(world, status(BOB, Receiver.ACCEPTED, revision=7))
    assert (await world.sent_states())[BOB] == Receiver.REJECTED
    await answer(world, yes(CAROL), no(DAVE))
    receipt: dict[str, Any] = {"bytes": file().size, "blake3": RIGHT.blake3}
    await answer(world, status(CAROL, Receiver.DELIVERED, revision=1, **receipt))
    await answer(world, status(CAROL, Receiver.EXPIRED, revision=9))
    assert (await world.sent_states())[CAROL] == Receiver.DELIVERED


async def test_nobody_has_it_who_is_not_on_the_list(world: World) -> None:
    """Whatever another server says."""
    await start(world)
    await answer(world, yes(CAROL), no(BOB), no(DAVE))
    await answer(world, status(BOB, Receiver.DELIVERED, revision=9))
    assert (await world.sent_states())[BOB] == Receiver.REJECTED


async def test_answers_of_those_who_were_not_requested_are_ignored(world: World) -> None:
    """Nobody gets onto a list by answering."""
    await start(world)
    await answer(world, yes(ERIN), yes(BOB), no(CAROL))
    assert list(await world.sent()) == RECEIVERS
    outcomes = await answer(world, no(DAVE), yes(ERIN))
    assert one(outcomes, ReceiverListResolved).requested == 3


@pytest.mark.parametrize(
    ("policy", "answers", "met"),
    [
        ("subset", [yes(BOB), no(CAROL), no(DAVE)], True),
        ("all_or_nothing", [yes(BOB), yes(CAROL), yes(DAVE)], True),
        ("all_or_nothing", [yes(BOB), yes(CAROL), no(DAVE)], False),
        ("at_least:2", [yes(BOB), yes(CAROL), no(DAVE)], True),
        ("at_least:2", [yes(BOB), no(CAROL), no(DAVE)], False),
        (f"mandatory:{BOB},{DAVE}", [yes(BOB), no(CAROL), yes(DAVE)], True),
        (f"mandatory:{BOB},{DAVE}", [yes(BOB), yes(CAROL), no(DAVE)], False),
    ],
)
async def test_the_list_policy_decides(
    world: World, policy: str, answers: list[ReceiverStatus], met: bool
) -> None:
    """The list is announced either way; lanes are opened only if it satisfies the policy."""
    await start(world, list_policy=policy)
    outcomes = await answer(world, *answers)
    assert one(outcomes, ReceiverListResolved)
    assert bool(of(outcomes, LanesDue)) == met
    assert bool(of(outcomes, CloseDue)) != met
    transfer = await world.transfer()
    assert transfer.state == (Transfer.CASTING if met else Transfer.ASKING)
    assert transfer.reason == (None if met else Code.POLICY_NOT_MET)


async def test_nobody_on_the_list_has_its_own_reason(world: World) -> None:
    """The receivers' reasons tell the rest."""
    await start(world)
    outcomes = await answer(world, no(BOB), no(CAROL), no(DAVE))
    assert whereto(outcomes, CloseDue) == [ACME]
    assert (await world.transfer()).reason == Code.NOBODY_LISTED


async def test_a_dry_run_ends_with_its_list(world: World) -> None:
    """No lane is opened."""
    await start(world, dry_run=True)
    outcomes = await answer(world, yes(BOB), yes(CAROL), no(DAVE))
    assert one(outcomes, ReceiverListResolved).listed == 2
    assert not of(outcomes, LanesDue)
    assert of(outcomes, CloseDue)


async def test_a_long_list_is_announced_in_parts(world: World) -> None:
    """At most 500 receivers in a message, all of them once."""
    names = [f"r{number}@{GLOBEX}" for number in range(750)]
    for part in range(2):
        await world.tell(by(ALICE, request(names[part * 500 :][:500], part=part, parts=2)))
    await world.tell(at(ACME, SenderCheckDue(transfer_id=T)))
    await answer(world, *map(yes, names[:500]))
    resolved = of(await answer(world, *map(yes, names[500:])), ReceiverListResolved)
    assert [(message.part, message.parts, len(message.receivers)) for message in resolved] == [
        (0, 2, 500),
        (1, 2, 250),
    ]
    assert [r.address for message in resolved for r in message.receivers] == names
    assert {message.listed for message in resolved} == {750}


async def test_a_transfer_that_must_end_is_not_resolved(world: World) -> None:
    """An eager upload may show that the file changed while receivers are still being asked."""
    await start(world, upload="eager")
    await world.change(reason=Code.SOURCE_CHANGED)
    assert await answer(world, yes(BOB), yes(CAROL), yes(DAVE)) == []
    transfer = await world.transfer()
    assert (transfer.state, transfer.reason) == (Transfer.ASKING, Code.SOURCE_CHANGED)


async def test_the_clock_looks_at_the_lanes_soon(world: World) -> None:
    """A live cast does not wait long for lanes that are late."""
    await start(world)
    await answer(world, yes(BOB), yes(CAROL), yes(DAVE))
    transfer = await world.transfer()
    assert transfer.due_at == transfer.resolved_at + 3 * SECOND


async def test_answers_about_an_unknown_transfer_are_nothing(world: World) -> None:
    """A peer may tell of what this server does not have."""
    assert await answer(world, yes(BOB)) == []
