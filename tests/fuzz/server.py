"""A server without its broker: real runner, steps, ledger, ladder, actions and store."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

from rollcast.broker import Delivery, Link, Publisher
from rollcast.topology import INNER, STEP, parked
from tests.fuzz.letters import Letter, Post, Sent
from tests.people import SERVER_USER
from tests.unit.steps.world import SETTINGS, TimeTravel
from workers.actions import Actions
from workers.allowances import Allowances
from workers.broker.declarer import Call, Declarer
from workers.broker.management import Management
from workers.broker.outbox import Outbox
from workers.broker.rights import Rights
from workers.clock import Clock
from workers.envelope import Envelope
from workers.isolation import Isolation
from workers.ladder import Ladder
from workers.parked.label import read
from workers.parked.parking import Parking
from workers.parked.queue import Found, ParkedQueue
from workers.replies import Replies
from workers.runner import Runner
from workers.spool.caster import Caster
from workers.spool.store import Store
from workers.steps import STEPS
from workers.work import Outcome, Received, Services

WITHIN_S = 20.0
"""Seconds that a handful of messages may take: not their speed is tried here, but that they have an end."""


class NoBroker(Declarer):
    """Declares nothing, nowhere."""

    async def _look(self, call: Call) -> None:
        """Leave it."""


class NoManagement(Management):
    """Changes no users, and says that they have the topic permissions that they were given."""

    async def call(self, method: str, path: str, body: Any = None, *, missing_is_fine: bool = False) -> Any:
        """Leave it."""
        if (method, path.partition("/")[0]) == ("GET", "topic-permissions"):
            return [{"exchange": entry} for entry in INNER]
        return None


class KeptHere(ParkedQueue):
    """The parked messages of a server whose broker is a post."""

    def __init__(self, post: Post) -> None:
        super().__init__(SETTINGS)
        self._post = post

    @asynccontextmanager
    async def messages(self, domain: str) -> AsyncIterator[AsyncIterator[Found]]:
        """All of them that this domain's operators may see."""
        yield self._read(domain)

    async def _read(self, domain: str) -> AsyncIterator[Found]:
        for sent in [sent for sent in self._post.sent if sent.key == parked(SETTINGS.server).name]:
            delivery = come_again(sent).delivery()
            found = read(delivery)
            if self._domain_of(found) in {domain, None}:
                yield delivery, found


class WatchedLadder(Ladder):
    """Remembers which messages failed, and why."""

    def __init__(self, publisher: Publisher, replies: Replies, declarer: Declarer) -> None:
        super().__init__(publisher, replies, declarer, SETTINGS.server)
        self.failed: list[tuple[Delivery, Exception]] = []

    async def lift(self, step: str, delivery: Delivery, envelope: Envelope | None, error: Exception) -> str:
        """Keep a failed message."""
        self.failed.append((delivery, error))
        return await super().lift(step, delivery, envelope, error)


class Server:
    """One server on a copy of a ledger. `handled` counts the messages that steps have seen through."""

    def __init__(self, database: TimeTravel, folder: Path, *, away: bool) -> None:
        self.post = Post(away=away)
        self.calls, self.handled = 0, 0
        self.database = database
        publisher = cast(Publisher, self.post)
        declarer, store = NoBroker(Link("amqp://nobody@nowhere", "none")), Store(f"file://{folder}")
        caster, rights = Caster(publisher, declarer, store), Rights(NoManagement(None, "/"))
        management = Management(None, "/")
        replies = Replies(publisher)
        self.outbox = Outbox(publisher, replies, declarer, database, SETTINGS)
        self.ladder = WatchedLadder(publisher, replies, declarer)
        parking = Parking(publisher, KeptHere(self.post))
        self._actions = Actions(SETTINGS, database, declarer, store, caster, rights, parking, management)

    async def handle(self, step: str, *letters: Letter) -> None:
        """Let the runner of a step take deliveries; returns when it is through with them."""
        runner = Runner(
            step,
            self._counted(step),
            SETTINGS,
            self.database,
            self._actions,
            self.outbox,
            self.ladder,
            Isolation(),
            Allowances(SETTINGS.account_rate, SETTINGS.account_burst),
        )
        for letter in letters:
            await runner.take(letter.delivery())
        running = asyncio.create_task(runner.run())
        drained = asyncio.create_task(runner.drained())
        done, _ = await asyncio.wait(
            {running, drained}, timeout=WITHIN_S, return_when=asyncio.FIRST_COMPLETED
        )
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        assert drained in done, f"{step} is not through with {letters} after {WITHIN_S} s"

    async def tick(self) -> None:
        """Let the clock say what is due."""
        await Clock(self.database, self.outbox).tick()

    def _counted(self, step: str) -> Any:
        async def counted(batch: Sequence[Received], services: Services) -> list[Outcome]:
            self.calls += 1
            outcomes = await STEPS[step](batch, services)
            self.handled += len(batch)
            return outcomes

        return counted


@asynccontextmanager
async def serving(ledger: Path, folder: Path, ahead: int, *, away: bool = False) -> AsyncIterator[Server]:
    """A server on a copy of `ledger`, so many µs later."""
    database = TimeTravel(f"sqlite:///{_copied(ledger, folder)}")
    database.ahead = ahead
    try:
        yield Server(database, folder / "spool", away=away)
    finally:
        await database.close()


def come_again(sent: Sent) -> Letter:
    """What the broker makes of a copy on a rung, when its time has come."""
    return Letter(sent.body, SERVER_USER, STEP, sent.key, dict(sent.headers))


def _copied(ledger: Path, folder: Path) -> Path:
    for old in folder.glob("ledger.db*"):
        old.unlink()
    return Path(shutil.copy(ledger, folder / "ledger.db"))
