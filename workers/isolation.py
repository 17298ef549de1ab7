"""Messages that are delivered again and again: handled one at a time, and set aside in the end.

A worker that dies over a message gives back all that it has in hand, and the broker counts that for each of them.
So from the third time on a message is handled alone: one at a time in the whole process, behind what came for the
first time, and in no order. Whoever has the misfortune to stand behind such a message then comes before it at the
next start, or at the one after that; the message itself comes again until its number is full.
"""

import random

from rollcast.broker import Delivery
from rollcast.errors import Permanent

ALONE_FROM, SET_ASIDE_AT = 3, 100
"""Earlier deliveries from which on a message is handled alone, and from which on not at all."""
SPREAD_S = 1.0
"""Seconds within which those that are handled alone have their turn, at random."""
COUNTS = ("x-acquired-count", "x-delivery-count")
"""Where the broker writes how often a message was delivered before: from 4.3 the first, which counts all, up to 4.2
the second, which from 4.3 counts failures only."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0


class DeliveryLimit(Permanent):
    """A message that was delivered too often and never done."""

    code = "delivery_limit"


def earlier_deliveries(delivery: Delivery) -> int:
    """How often a message was delivered before.

    Only the header that the broker of this version writes can be relied on; the other one may be a client's. The
    greater number counts: so a client can have its own message set aside early, and no message passes for fresh.
    """
    if not delivery.redelivered:
        return 0
    found = [delivery.headers.get(name) for name in COUNTS]
    return max((number for number in found if type(number) is int and number > 0), default=1)


def pause_before_return(deliveries: int) -> float:
    """Seconds before a message that cannot be done at present is given back.

    Twice as long each time, so that it takes an outage of an hour and a half to have a healthy message set aside.
    """
    return float(min(FIRST_PAUSE * 2 ** min(deliveries, 10), LONGEST_PAUSE))


def delay() -> float:
    """Seconds before a message that is handled alone asks for its turn."""
    return random.uniform(0, SPREAD_S)
