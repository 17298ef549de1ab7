"""A meter lets a burst through, then so many a second, for each key by itself."""

from workers import meter
from workers.meter import Meter


class Clock:
    """As the test says."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def taken(some: Meter, key: str, times: int) -> int:
    """How many of so many are let through."""
    return sum(some.take(key) for _ in range(times))


def test_a_burst_and_then_the_rate() -> None:
    """A pause pays for a burst, and never for more."""
    clock = Clock()
    some = Meter(0.5, 3, clock)
    assert taken(some, "alice", 10) == 3
    assert taken(some, "bob", 2) == 2
    clock.now += 4
    assert taken(some, "alice", 10) == 2
    clock.now += 1_000
    assert taken(some, "alice", 10) == 3


def test_bursts_of_any_size_are_whole() -> None:
    """Numbers that are none in binary are no reason to lose one."""
    for rate in (0.1, 0.3, 3, 7, 200, 999.9):
        for burst in (1, 2, 3, 200, 2000):
            assert taken(Meter(rate, burst, Clock()), "alice", burst + 5) == burst


def test_who_owes_nothing_is_forgotten() -> None:
    """Else each account that was ever seen would stay in memory."""
    clock = Clock()
    some = Meter(1, 1, clock)
    for number in range(meter.FORGET_EVERY - 1):
        some.take(number)
    clock.now += 2
    some.take("alice")
    assert set(some._paid_until) == {"alice"}
