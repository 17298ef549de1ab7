"""How far receivers are, as it is noted for whoever looks."""

from sqlalchemy import select

from rollcast.addresses import domain_of
from rollcast.codec import encode
from rollcast.messages import ReceiversProgressed
from rollcast.messages.values import MAX_FILE_SIZE, ReceiverProgress
from rollcast.states import Transfer
from rollcast.topology import STEP
from tests.fuzz.letters import Letter
from tests.people import ACME, ALICE, BOB, CAROL, SERVER_USER
from tests.unit.steps.build import MINUTE, OTHER_T, SECOND, T, request
from tests.unit.steps.test_clock import Recorder
from tests.unit.steps.world import SETTINGS, World
from workers.ledger import figures
from workers.ledger.figures import STARTED_OVER, STILL, TOO_SOON, Figure
from workers.ledger.tables import sent_progress
from workers.progress import Progress

NOW = 1_000 * MINUTE
MB = 1_000_000
Row = tuple[int, int | None, int]


async def note(world: World, *noted: Figure) -> None:
    """Write figures down."""
    async with world.database.begin() as ledger:
        await figures.note(ledger, noted)


async def rows(world: World) -> dict[tuple[str, str], Row]:
    """Bytes, rate and instant of each receiver."""
    async with world.database.begin() as ledger:
        found = await ledger.all(select(sent_progress))
    return {(row.transfer_id, row.address): (row.bytes, row.rate, row.moved_at) for row in found}


async def of_bob(world: World, *noted: tuple[int, int]) -> Row:
    """What is known of Bob after these bytes at these µs."""
    for size, at in noted:
        await note(world, Figure(T, BOB, size, NOW + at))
    size, rate, at = (await rows(world))[T, BOB]
    return size, rate, at - NOW


async def test_the_rate_is_that_of_the_last_seconds(world: World) -> None:
    """There is none after one report; the newest counts as much as all before it."""
    assert await of_bob(world, (MB, 0)) == (MB, None, 0)
    assert await of_bob(world, (5 * MB, 2 * SECOND)) == (5 * MB, 2 * MB, 2 * SECOND)
    assert await of_bob(world, (13 * MB, 4 * SECOND)) == (13 * MB, 3 * MB, 4 * SECOND)
    _, rate, _ = await of_bob(world, (13 * MB + 333, 7 * SECOND))
    assert (rate, type(rate)) == ((3 * MB + 111) // 2, int)


async def test_numbers_that_only_just_fit(world: World) -> None:
    """The biggest file in no time at all is no fault of the database, and fits into a message."""
    assert await of_bob(world, (0, 0), (MAX_FILE_SIZE, 1)) == (0, None, 0)
    size, rate, _ = await of_bob(world, (MAX_FILE_SIZE, TOO_SOON))
    assert size == MAX_FILE_SIZE
    assert rate == 10 * MAX_FILE_SIZE < 2**53


async def test_a_late_report_changes_nothing(world: World) -> None:
    """Another worker's may have overtaken it; the same bytes again are no progress."""
    await of_bob(world, (MB, 0), (3 * MB, 2 * SECOND))
    for late in ((2 * MB, SECOND), (2 * MB, 3 * SECOND), (3 * MB, 4 * SECOND), (4 * MB, SECOND)):
        assert await of_bob(world, late) == (3 * MB, MB, 2 * SECOND)


async def test_who_has_lost_all_begins_again(world: World) -> None:
    """Fewer bytes are believed when nothing has come for a while."""
    await of_bob(world, (MB, 0), (3 * MB, 2 * SECOND))
    again = 2 * SECOND + STARTED_OVER + 1
    assert await of_bob(world, (MB, again)) == (MB, None, again)


async def test_one_note_has_many_receivers_of_many_transfers(world: World) -> None:
    """In any order, each its own row."""
    await note(world, Figure(T, CAROL, 1, NOW), Figure(OTHER_T, BOB, 2, NOW), Figure(T, BOB, 3, NOW))
    await note(world, Figure(T, BOB, 4, NOW + SECOND), Figure(T, CAROL, 1, NOW + SECOND))
    found = {key: size for key, (size, _, _) in (await rows(world)).items()}
    assert found == {(T, CAROL): 1, (OTHER_T, BOB): 2, (T, BOB): 4}


async def test_the_rate_of_who_stands_still(world: World) -> None:
    """It is none of what it was."""
    await of_bob(world, (MB, 0), (3 * MB, 2 * SECOND))
    for now, expected in ((2 * SECOND + STILL, MB), (2 * SECOND + STILL + 1, 0)):
        async with world.database.begin() as ledger:
            assert await ledger.count(select(figures.rate(NOW + now))) == expected


def _progressed(transfer_id: str, **stored: int) -> Letter:
    receivers = [ReceiverProgress(address=f"{name}@{ACME}", bytes=size) for name, size in stored.items()]
    message = ReceiversProgressed(transfer_id=transfer_id, receivers=receivers)
    return Letter(encode(message), SERVER_USER, STEP, f"{domain_of(ALICE)}.progress", {})


async def test_the_pool_notes_what_goes_on(world: World) -> None:
    """Of transfers that are open here, until they have ended."""
    await world.casting(request())
    pool = Progress(SETTINGS, world.database, Recorder())  # type: ignore[arg-type]
    for letter in (_progressed(T, bob=1), _progressed(T, bob=7), _progressed(OTHER_T, bob=9)):
        await pool.take(letter.delivery())
    await pool.note()
    assert {key: size for key, (size, _, _) in (await rows(world)).items()} == {(T, BOB): 7}
    await pool.forget()
    assert len(await rows(world)) == 1
    await world.change(state=Transfer.COMPLETED)
    await pool.take(_progressed(T, carol=7).delivery())
    await pool.note()
    await pool.forget()
    assert await rows(world) == {}
