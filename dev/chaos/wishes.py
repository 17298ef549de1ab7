"""Which file is sent when, by whom, to whom and how: a pure function of the seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from rollcast.topology import MiB

SERVERS = {"one": ("acme", "globex"), "north": ("north",), "south": ("south",)}
"""One server for two domains, and one for each of two more; all of them are peers."""
SENDERS = tuple(
    f"{name}@{domain}" for domain in ("acme", "north") for name in ("alice", "amy", "ned", "nora")
)
"""So many, since an account may have no more than 16 connections: five processes."""
ACCEPTING = ("bob@acme", "carol@globex", "nina@north", "sam@south")
ON_SMALL_DISK = "dan@acme"
DECLINING = "erin@globex"
SILENT = "grace@south"
"""Has registered once, and never runs again."""
OTHERS = (ON_SMALL_DISK, ON_SMALL_DISK, DECLINING, SILENT, "heidi@acme", "ivan@initech")
"""The last two do not exist: no such account, no such domain."""

SIZES = (0, 1, 4 * MiB, 3 * MiB + 17, MiB - 1, 12 * MiB + 5, 64 * MiB)
MODES = ((), ("--upload", "eager"), ("--detach",))
POLICIES = ("subset", "all_or_nothing", "at_least:2", "subset")
EVERY_S = 2.0
AT_ONCE = 4
"""Seconds between two transfers on average; those that begin at the start."""
CONSENT_S = (8, 15)
EXPIRES_S = (50, 90)
CANCELLED = 5
"""Every so many-th is taken back after `CANCEL_AFTER_S`."""
CANCEL_AFTER_S = (0.7, 4.0)

T = TypeVar("T")


@dataclass(frozen=True)
class Wish:
    """A transfer that is to be. `at` and `cancel_after` in seconds, the latter after the former."""

    number: int
    at: float
    sender: str
    recipients: tuple[str, ...]
    size: int
    options: tuple[str, ...]
    cancel_after: float | None

    @property
    def name(self) -> str:
        """The file's name, which no other transfer has."""
        return f"file-{self.number:03}.bin"


def wishes(seed: int, seconds: float) -> list[Wish]:
    """The transfers of a run, in the order of time."""
    rng = Random(f"transfers {seed}")
    sizes, modes, policies = (_in_turns(rng, values) for values in (SIZES, MODES, POLICIES))
    later = sorted(rng.uniform(0, seconds) for _ in range(int(seconds / EVERY_S)))
    return [
        _wish(rng, number, at, next(sizes), next(modes), next(policies))  # type: ignore[arg-type]
        for number, at in enumerate([0.0] * AT_ONCE + later, 1)
    ]


def _in_turns(rng: Random, values: Sequence[T]) -> Iterator[T]:
    """Without end; all of them before one comes again."""
    while True:
        yield from rng.sample(values, len(values))


def _wish(rng: Random, number: int, at: float, size: int, mode: tuple[str, ...], policy: str) -> Wish:
    recipients = rng.sample(ACCEPTING, rng.randint(2, len(ACCEPTING)))
    if policy != "all_or_nothing":
        recipients += rng.sample(OTHERS, rng.randint(0, 3))
    times = ("--consent-timeout", f"{rng.randint(*CONSENT_S)}s", "--expires", f"{rng.randint(*EXPIRES_S)}s")
    taken_back = rng.uniform(*CANCEL_AFTER_S) if number % CANCELLED == 0 else None
    options = ("--list-policy", policy, *times, *mode)
    return Wish(number, at, rng.choice(SENDERS), tuple(recipients), size, options, taken_back)
