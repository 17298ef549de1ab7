"""The clock: what is due in each state, and how often."""

from collections.abc import Iterable

import pytest

from rollcast.messages import (
    CancelRequested,
    CloseDue,
    ClosingConfirmed,
    InvitationsDue,
    LanesDue,
    Message,
    RoundDue,
    SenderCheckDue,
    UploadDue,
)
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, GLOBEX
from tests.unit.steps.build import (
    HOUR,
    MINUTE,
    OTHER_T,
    SECOND,
    T,
    accept,
    at,
    by,
    defer,
    delivered,
    file,
    reject,
    request,
)
from tests.unit.steps.world import World
from workers.clock import Clock
from workers.ledger import roll
from workers.work import Publication, ToStep


class Recorder:
    """Keeps what a clock publishes."""

    def __init__(self) -> None:
        self.published: list[Publication] = []

    async def publish(self, publications: Iterable[Publication]) -> None:
        """Note it."""
        self.published += publications


async def tick(world: World) -> list[Publication]:
    """What the clock publishes now."""
    recorder = Recorder()
    await Clock(world.database, recorder).tick()  # type: ignore[arg-type]
    return recorder.published


async def due(world: World, after: int = 6 * SECOND) -> set[tuple[str, type[Message]]]:
    """What is due a while after something moved: domain and kind of each message."""
    assert await tick(world) == []
    world.pass_time(after)
    published = await tick(world)
    assert await tick(world) == []
    return {(one.domain, type(one.message)) for one in published if isinstance(one, ToStep)}


async def test_a_list_that_is_open(world: World) -> None:
    """The file is to come, whoever may still join; later answers are asked for at their servers."""
    await world.asking(request([CAROL]))
    await world.settle(by(CAROL, defer()))
    assert await due(world) == {(ACME, InvitationsDue), (ACME, UploadDue)}
    await world.change(uploaded_at=1)
    assert await due(world, 2 * MINUTE) == {(ACME, InvitationsDue), (ACME, CloseDue)}
    await world.change(finished_at=1)
    assert await due(world, 2 * MINUTE) == {(ACME, InvitationsDue)}


async def test_requested(world: World) -> None:
    """The sender is to be checked."""
    await world.tell(by(ALICE, request()))
    assert await due(world) == {(ACME, SenderCheckDue)}


async def test_held(world: World) -> None:
    """It is checked again whether there is room."""
    await world.settle(by(CAROL, request(transfer_id=OTHER_T, file=file(size=900 << 20))))
    await world.change(OTHER_T, due_at=None)
    await world.asking(request())
    assert await world.state() == Transfer.HELD
    assert await due(world) == {(ACME, SenderCheckDue)}


@pytest.mark.parametrize("uploaded", [None, 1])
async def test_asking(world: World, uploaded: int | None) -> None:
    """Those without an answer are to be invited, and an eager upload to go on."""
    await world.asking(request(upload="eager"))
    await world.change(uploaded_at=uploaded)
    upload = set() if uploaded else {(ACME, UploadDue)}
    assert await due(world) == {(ACME, InvitationsDue), *upload}


async def test_asking_live(world: World) -> None:
    """A live upload has not begun."""
    await world.asking(request())
    assert await due(world) == {(ACME, InvitationsDue)}


async def test_the_consent_deadline(world: World) -> None:
    """From then on the round is to be closed; the clock looks at it at once."""
    await world.asking(request(consent_timeout=7_000))
    assert await due(world) == {(ACME, InvitationsDue)}
    assert await due(world, after=2 * SECOND) == {(ACME, RoundDue)}


async def test_an_unmet_policy(world: World) -> None:
    """The transfer is to be closed."""
    await world.asking(request([BOB]))
    await world.tell(by(BOB, reject()))
    await world.change(resolved_at=1, reason=Code.NOBODY_LISTED)
    assert await due(world) == {(ACME, CloseDue)}


async def test_casting(world: World) -> None:
    """Lanes for those who are not final, and the upload as long as its end was not cast."""
    await world.casting(request())
    assert await due(world) == {(ACME, LanesDue), (GLOBEX, LanesDue), (ACME, UploadDue)}
    await world.settle(by(BOB, delivered()))
    await world.change(cast_ended_at=1, due_at=0)
    published = await tick(world)
    assert published == [ToStep(GLOBEX, LanesDue(transfer_id=T, sender=ALICE, receivers=[CAROL]))]


async def test_casting_with_all_final(world: World) -> None:
    """The closing may have been lost between two steps."""
    await world.casting(request())
    await world.tell(by(BOB, delivered()), by(CAROL, delivered()))
    async with world.database.begin() as ledger:
        await roll.move(ledger, T, [Receiver.RECEIVING], Receiver.DELIVERED)
    await world.change(cast_ended_at=1)
    assert await due(world) == {(ACME, CloseDue)}


@pytest.mark.parametrize("reason", [Code.SOURCE_CHANGED, Code.CANCELLED])
async def test_a_reason_to_end(world: World, reason: Code) -> None:
    """Closing comes before all else."""
    await world.casting(request())
    await world.change(reason=reason)
    assert await due(world) == {(ACME, CloseDue)}


@pytest.mark.parametrize("state", ["requested", "held", "asking", "casting"])
async def test_the_expiry(world: World, state: str) -> None:
    """Whatever the state, the transfer is to be closed."""
    await world.casting(request(expires=60_000))
    await world.change(state=state, due_at=0)
    assert await tick(world)
    world.pass_time(2 * MINUTE)
    assert [type(one.message) for one in await tick(world)] == [CloseDue]


async def test_the_expiry_comes_between_two_prompts(world: World) -> None:
    """However long the pause has become."""
    await world.casting(request(expires=3_600_000))
    await world.change(due_at=0, due_wait=600 * SECOND)
    world.pass_time(55 * MINUTE)
    await tick(world)
    transfer = await world.transfer()
    assert transfer.due_at == transfer.expires_at


async def test_after_the_expiry_prompts_come_often_again(world: World) -> None:
    """A transfer ends within a minute of its expiry even if messages get lost."""
    await world.casting(request(expires=3_600_000))
    await world.change(due_wait=600 * SECOND, due_at=(await world.transfer()).expires_at)
    world.pass_time(HOUR + 1)
    prompts = 0
    for _ in range(60):
        prompts += len(await tick(world))
        world.pass_time(SECOND)
    assert prompts >= 4


async def test_an_ended_transfer_until_it_is_closed_everywhere(world: World) -> None:
    """Then the clock forgets it."""
    await world.casting(request())
    await world.tell(by(BOB, delivered()), by(CAROL, delivered()))
    await world.change(state=Transfer.COMPLETED)
    assert await due(world) == {(ACME, CloseDue)}
    for domain in (ACME, GLOBEX):
        await world.tell(at(ACME, ClosingConfirmed(transfer_id=T, domain=domain)))
    assert await due(world, after=24 * HOUR) == set()


async def test_a_refused_transfer_is_forgotten(world: World) -> None:
    """Nothing of it is due."""
    await world.tell(by(ALICE, request(list_policy="most")))
    assert await due(world, after=48 * HOUR) == set()


async def test_the_pause_doubles_up_to_ten_minutes(world: World) -> None:
    """5 s after something has moved, then 10 s, 20 s and so on."""
    await world.asking(request(consent_timeout=86_000_000))
    pauses = []
    for _ in range(10):
        before = (await world.transfer()).due_at
        world.pass_time(1200 * SECOND)
        await world.change(due_at=before)
        await tick(world)
        transfer = await world.transfer()
        pauses.append(transfer.due_wait // SECOND)
    assert pauses == [10, 20, 40, 80, 160, 320, 600, 600, 600, 600]


async def test_what_moves_begins_anew(world: World) -> None:
    """A transfer that goes on is left alone for five seconds."""
    await world.asking(request())
    await world.change(due_at=0, due_wait=600 * SECOND)
    await world.settle(by(BOB, accept()), by(CAROL, accept()))
    transfer = await world.transfer()
    assert transfer.due_wait == 5 * SECOND


async def test_two_clocks_do_not_both_prompt(world: World) -> None:
    """One after the other, whoever is first."""
    for number in range(5):
        await world.tell(by(ALICE, request(transfer_id=f"{number:032x}")))
    world.pass_time(6 * SECOND)
    assert len(await tick(world)) == 5
    assert await tick(world) == []


async def test_prompts_change_no_protocol_state(world: World) -> None:
    """The clock notes when it prompted, and nothing else."""
    await world.casting(request())
    before = (await world.transfer())._mapping
    await due(world)
    after = (await world.transfer())._mapping
    assert {name for name in before if before[name] != after[name]} == {"due_at", "due_wait"}


async def test_many_receivers_are_prompted_in_several_messages(world: World) -> None:
    """At most 500 in each."""
    names = [f"r{number}@{ACME}" for number in range(501)]
    await world.tell(*(by(ALICE, request(names[p * 500 :][:500], part=p, parts=2)) for p in range(2)))
    async with world.database.begin() as ledger:
        await roll.move(ledger, T, [Receiver.INVITED], Receiver.ACCEPTED)
    await world.change(state=Transfer.CASTING, cast_ended_at=1, due_at=0)
    sizes = [len(one.message.receivers) for one in await tick(world) if isinstance(one.message, LanesDue)]
    assert sizes == [500, 1]


async def test_what_moves_a_transfer_does_not_put_off_its_end(world: World) -> None:
    """A sender that uploads a little every second is no reason to look at the expiry later."""
    await world.casting(request(expires=60_000))
    world.pass_time(58 * SECOND)
    for index in range(4):
        world.pass_time(SECOND)
        await world.spool([index])
    assert CloseDue in {type(published.message) for published in await tick(world)}


async def test_what_moves_a_transfer_does_not_put_off_the_end_of_its_round(world: World) -> None:
    """Nor is an eager upload one to close the round later."""
    await world.asking(request(upload="eager", consent_timeout=60_000))
    world.pass_time(58 * SECOND)
    for index in range(4):
        world.pass_time(SECOND)
        await world.spool([index])
    assert RoundDue in {type(published.message) for published in await tick(world)}


async def test_chunks_on_their_way_do_not_put_off_the_end_of_what_is_cut_off(world: World) -> None:
    """The minute in which receivers confirm is one, however long the sender goes on."""
    await world.casting(request())
    await world.settle(by(ALICE, CancelRequested(transfer_id=T)))
    world.pass_time(58 * SECOND)
    await tick(world)
    for index in range(4):
        world.pass_time(SECOND)
        await world.spool([index])
    assert CloseDue in {type(published.message) for published in await tick(world)}
