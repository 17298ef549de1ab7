"""How long lanes may hold the next piece of an upload or a cast back.

A lane that drains a piece in time holds it back, so that whoever is merely slow is not flooded. One that stands still
does so only until it can take no more: what it drops then is repaired from the spool.
"""

from collections.abc import Sequence

PIECES_IN_LANE = 4
"""A lane drops its oldest chunks when it is to hold more pieces than this."""
OTHERS_WAIT = 5_000_000
ALL_BUSY = 60_000_000
"""µs for which deep lanes hold the next piece back, if somebody has nothing to do meanwhile, and if nobody has."""


def hold(depths: Sequence[int], piece: int) -> int:
    """For how many µs lanes with so many chunks hold a piece of so many back; 0 if it may come at once."""
    if depths and min(depths) > piece:
        return ALL_BUSY
    with_room = [depth for depth in depths if depth <= (PIECES_IN_LANE - 1) * piece]
    deep = sum(depth > piece for depth in with_room)
    return OTHERS_WAIT if deep * 2 > len(with_room) else 0
