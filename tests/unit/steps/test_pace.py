"""How long lanes hold the next piece back: whoever is slow is waited for, whoever stands still is not."""

from collections.abc import Sequence

import pytest

from workers.pace import ALL_BUSY, OTHERS_WAIT, hold

PIECE = 10
EMPTY, ROOM, DEEP, FULL = 0, 10, 11, 31
"""Chunks in a lane: it may take the next piece; it should not, but could; it would drop some."""


@pytest.mark.parametrize(
    ("depths", "wait"),
    [
        ([], 0),
        ([EMPTY, ROOM, ROOM], 0),
        ([DEEP, ROOM], 0),
        ([DEEP] * 8 + [ROOM] * 8, 0),
        ([DEEP, DEEP, EMPTY], OTHERS_WAIT),
        ([DEEP] * 9 + [EMPTY] * 7, OTHERS_WAIT),
        ([FULL, FULL, EMPTY], 0),
        ([FULL] * 15 + [ROOM], 0),
        ([FULL] * 10 + [DEEP] * 3 + [EMPTY] * 3, 0),
        ([FULL] * 10 + [DEEP] * 4 + [EMPTY] * 2, OTHERS_WAIT),
        ([DEEP], ALL_BUSY),
        ([DEEP, FULL], ALL_BUSY),
        ([FULL, FULL], ALL_BUSY),
    ],
)
def test_lanes_hold_the_next_piece_back(depths: Sequence[int], wait: int) -> None:
    """Long while nobody starves; a moment while most of those that can still take it are deep; else not at all."""
    assert hold(depths, PIECE) == wait


def test_two_of_three_that_stand_still_cost_the_third_two_waits() -> None:
    """However big the file is: after that their lanes are full, and nobody waits for them any more."""
    waits = [hold([cast, cast, EMPTY], PIECE) for cast in range(2 * PIECE, 50 * PIECE, PIECE)]
    assert sum(waits) == 2 * OTHERS_WAIT


def test_most_that_drain_a_piece_in_time_never_overflow() -> None:
    """The fast ones wait for them, as long as it takes them."""
    depth, held = 2 * PIECE, 0
    for _ in range(1_000):
        while held < hold([depth, depth, EMPTY], PIECE):
            depth, held = depth - 1, held + OTHERS_WAIT // PIECE
        depth, held = depth + PIECE, 0
        assert depth < FULL
