"""Chunking and reassembly."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from rollcast.chunks import Drop, IndexSet, Label, Layout, digest_of, is_chunk, label_of

LAYOUTS = st.builds(Layout, size=st.integers(0, 5_000), chunk_size=st.integers(1, 700))


@given(LAYOUTS)
def test_chunks_cover_the_file_without_overlap(layout: Layout) -> None:
    """Each chunk begins where the one before it ends, and the last one ends with the file."""
    ends = [layout.offset(index) + layout.length(index) for index in range(layout.count)]
    assert [layout.offset(index) for index in range(layout.count)] == [0, *ends][: layout.count]
    assert [0, *ends][-1] == layout.size


@given(st.binary(max_size=2_000), st.integers(1, 300), st.data())
def test_a_file_survives_reordering_and_duplication(
    content: bytes, chunk_size: int, data: st.DataObject
) -> None:
    """Chunks that come in any order, some of them repeatedly, make up the file."""
    layout = Layout(len(content), chunk_size)
    order = data.draw(st.permutations([*range(layout.count), *range(0, layout.count, 3)]))
    received, had = bytearray(layout.size), IndexSet(layout.count)
    for index in order:
        at = layout.offset(index)
        if had.add(index):
            received[at : at + layout.length(index)] = content[at : at + layout.length(index)]
    assert had.full
    assert received == content


@given(LAYOUTS, st.data())
def test_the_bytes_there_are_the_sum_of_the_chunks_there(layout: Layout, data: st.DataObject) -> None:
    """The shorter last chunk counts as what it is."""
    had = _some(layout.count, data)
    assert layout.bytes_in(had) == sum(layout.length(index) for index in range(layout.count) if index in had)


@given(st.integers(0, 200), st.integers(0, 250), st.data())
def test_gaps_are_the_first_missing_chunks(count: int, most: int, data: st.DataObject) -> None:
    """Ranges ascend, do not touch each other, and name what is missing, up to the limit."""
    had = _some(count, data)
    gaps = list(had.gaps(most))
    named = [index for first, stop in gaps for index in range(first, stop)]
    assert named == [index for index in range(count) if index not in had][:most]
    assert all(stop < first for (_, stop), (first, _) in itertools.pairwise(gaps))


@given(st.integers(0, 100), st.lists(st.tuples(st.integers(-5, 120), st.integers(-5, 120)), max_size=10))
def test_ranges_beyond_the_file_are_cut(count: int, ranges: list[tuple[int, int]]) -> None:
    """A journal of another file can do no harm."""
    had = IndexSet(count)
    for first, stop in ranges:
        had.add_range(first, stop)
    wanted = {index for first, stop in ranges for index in range(first, stop) if 0 <= index < count}
    assert {index for index in range(count) if index in had} == wanted
    assert len(had) == len(wanted)


def test_a_label_survives_its_headers() -> None:
    """What is published with a chunk is what is read from it."""
    label = Label("0" * 32, 7, digest_of(b"chunk"))
    assert label_of(label.headers()) == label
    assert is_chunk(label.headers())
    assert not is_chunk({})


def test_malformed_headers_have_no_label() -> None:
    """Headers come from strangers: a boolean is no index."""
    headers = Label("0" * 32, 1, "0" * 64).headers()
    for wrong in ({"index": True}, {"index": "1"}, {"transfer": 1}, {"blake3": b"0"}):
        assert label_of({**headers, **wrong}) is None
    assert label_of({}) is None


def test_what_does_not_fit_is_named() -> None:
    """An index outside the file, a length other than the chunk's."""
    layout = Layout(10, 4)
    assert layout.misfit(3, 4) is Drop.WRONG_INDEX
    assert layout.misfit(-1, 4) is Drop.WRONG_INDEX
    assert layout.misfit(2, 4) is Drop.WRONG_LENGTH
    assert layout.misfit(2, 2) is None


def _some(count: int, data: st.DataObject) -> IndexSet:
    had = IndexSet(count)
    for index in data.draw(st.lists(st.integers(0, max(count - 1, 0)), max_size=count)):
        had.add(index)
    return had
