"""Which chunks the spool has, against a set."""

from itertools import count, pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollcast.messages.values import Range
from tests.people import ALICE
from tests.unit.steps.build import T, by, digest, request
from tests.unit.steps.world import World
from workers.ledger import spooled

FEW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
INDEXES = st.sets(st.integers(0, 40))
RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)))
_ids = (f"{number:032x}" for number in count())


def indexes(ranges: list[Range]) -> list[int]:
    """The chunks of ranges, in their order."""
    return [index for start, stop in ranges for index in range(start, stop)]


@FEW
@given(there=INDEXES, stop=st.integers(0, 45), most=st.integers(0, 50))
async def test_what_is_missing(world: World, there: set[int], stop: int, most: int) -> None:
    """The first chunks below `stop` that are not there, as many as wanted, in ranges that do not touch."""
    transfer_id = next(_ids)
    await world.tell(by(ALICE, request(transfer_id=transfer_id)))
    await world.spool(there, transfer_id)
    async with world.database.begin() as ledger:
        found = await spooled.missing(ledger, transfer_id, stop, most)
    assert indexes(found) == [index for index in range(stop) if index not in there][:most]
    assert all(first < last for first, last in found)
    assert all(one[1] < other[0] for one, other in pairwise(found))


@FEW
@given(uploads=st.lists(INDEXES, max_size=4))
async def test_chunks_are_counted_once(world: World, uploads: list[set[int]]) -> None:
    """However often they come."""
    transfer_id = next(_ids)
    await world.tell(by(ALICE, request(transfer_id=transfer_id)))
    had: set[int] = set()
    for upload in uploads:
        async with world.database.begin() as ledger:
            chunks = {index: digest(index) for index in upload}
            assert await spooled.add(ledger, transfer_id, chunks) == (len(upload - had), None)
        had |= upload
    assert (await world.transfer(transfer_id)).spooled == len(had)


async def test_the_first_digest_of_a_chunk_stands(world: World) -> None:
    """Another one is told."""
    await world.tell(by(ALICE, request()))
    await world.spool([1, 2])
    async with world.database.begin() as ledger:
        changed = {2: digest(9), 3: digest(3)}
        assert await spooled.add(ledger, T, changed) == (1, 2)
        assert await spooled.add(ledger, T, {2: digest(2)}) == (0, None)


@given(RANGES, st.integers(0, 60))
def test_the_first_chunks_of_ranges(ranges: list[Range], most: int) -> None:
    """In their order; what is no range is nothing."""
    assert indexes(spooled.first_of(ranges, most)) == indexes(ranges)[:most]


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 20))
def test_pieces_of_a_range(start: int, stop: int, size: int) -> None:
    """Nothing is lost, nothing is too long."""
    pieces = spooled.pieces(start, stop, size)
    assert indexes(pieces) == list(range(start, stop))
    assert all(0 < last - first <= size for first, last in pieces)


@given(RANGES, st.integers(1, 20))
def test_portions_of_ranges(ranges: list[Range], size: int) -> None:
    """All but the last are full."""
    portions = spooled.portions(ranges, size)
    assert [index for portion in portions for index in indexes(portion)] == indexes(ranges)
    assert all(len(indexes(portion)) == size for portion in portions[:-1])
    assert all(0 < len(indexes(portion)) <= size for portion in portions)
