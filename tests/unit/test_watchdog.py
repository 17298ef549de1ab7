"""When a receiver that acknowledges nothing is cut off."""

import pytest

from rollcast.topology import LANE_BYTES
from workers.watchdog import MUCH, Lane, Patience, Standstill, allowed, standstills

LANE = "rollcast.lane.bob@acme.1"
OTHER = "rollcast.lane.carol@acme.1"
PATIENCE = Patience(600.0, 15.0)


def test_its_time_begins_when_it_is_first_seen() -> None:
    """Whatever it has acknowledged before."""
    assert standstills({}, [Lane(LANE, MUCH + 1, 7)], 100.0) == {LANE: Standstill(100.0, 7)}


def test_its_time_goes_on_while_it_acknowledges_nothing() -> None:
    """However much it takes meanwhile."""
    before = {LANE: Standstill(100.0, 7)}
    assert standstills(before, [Lane(LANE, 2 * MUCH, 7)], 130.0) == before


def test_any_acknowledgement_begins_its_time_anew() -> None:
    """Also if it takes more than it acknowledges; a lane made again counts from zero."""
    before = {LANE: Standstill(100.0, 7), OTHER: Standstill(100.0, 7)}
    lanes = [Lane(LANE, 3 * MUCH, 8), Lane(OTHER, 2 * MUCH, 0)]
    assert standstills(before, lanes, 130.0) == {LANE: Standstill(130.0, 8), OTHER: Standstill(130.0, 0)}


def test_who_does_not_hold_much_is_forgotten() -> None:
    """Nothing is kept of lanes that have gone."""
    assert standstills({LANE: Standstill(100.0, 7)}, [], 130.0) == {}


@pytest.mark.parametrize(
    ("held", "full", "seconds"),
    [
        (MUCH + 1, False, 600.0),
        (LANE_BYTES, False, 600.0),
        (LANE_BYTES + 1, False, 15.0),
        (MUCH + 1, True, 15.0),
    ],
)
def test_much_may_be_held_for_long_where_there_is_room(held: int, full: bool, seconds: float) -> None:
    """More than a whole lane may not, and nothing that keeps all others from publishing."""
    assert allowed(Lane(LANE, held, 0), full, PATIENCE) == seconds
