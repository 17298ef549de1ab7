"""How a worker process stands, as whoever runs it wants to know: does it live, is it ready?

It lives as long as its loop runs and no pool has died: a broker or a ledger that is away is no reason to start it
again. It is ready while it is connected, all its pools consume, and the ledger answers; a worker of `operator` also
while terminals are let in, for which their rights have to be there.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from rollcast.broker import Link
from rollcast.redaction import without_passwords
from workers.pool import OK, Pool
from workers.process.probe import Probe

RUNNING, STOPPING = "running", "stopping"


@dataclass(frozen=True)
class Report:
    """Whether all is well, and what is to be said of it."""

    well: bool
    told: dict[str, object]


class Standing:
    """What `/livez` and `/readyz` tell. `phase` says in words what the process does.

    `others` say what else is needed: why it is not there, in words, or None.
    """

    def __init__(
        self,
        pools: Iterable[Pool],
        broker: Link,
        ledger: Callable[[], Awaitable[None]],
        others: Mapping[str, Callable[[], str | None]],
    ) -> None:
        self.phase = "starting"
        self._pools = list(pools)
        self._broker = broker
        self._ledger = Probe(ledger)
        self._others = others

    def alive(self) -> Report:
        """Nothing has died, except on its way out."""
        pools = {pool.name: pool.death() for pool in self._pools}
        alive = self.phase == STOPPING or not any(pools.values())
        return Report(alive, {"alive": alive, "phase": self.phase, "pools": _told(pools)})

    async def ready(self) -> Report:
        """All that is needed is there; what is not is told pool by pool."""
        pools = {pool.name: pool.fault() for pool in self._pools}
        needed = {
            "broker": None if self._broker.is_open else "not connected",
            "ledger": await self._ledger.fault(),
            **{what: fault() for what, fault in self._others.items()},
        }
        ready = self.phase == RUNNING and not any((*pools.values(), *needed.values()))
        return Report(ready, {"ready": ready, "phase": self.phase, **_told(needed), "pools": _told(pools)})

    async def close(self) -> None:
        """Ask the ledger no more."""
        await self._ledger.close()


def _told(faults: dict[str, str | None]) -> dict[str, str]:
    return {name: OK if fault is None else without_passwords(fault) for name, fault in faults.items()}
