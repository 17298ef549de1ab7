"""A worker that dies over one message, and is started again each time, as an orchestrator would.

Run with a JSON object as its argument: the settings of the worker, the message's transfer, a file for what is
handled, and from how many deliveries on it is set aside. Each life is a process, killed by SIGKILL.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from rollcast import topology
from rollcast.broker import Consumer, Link, Publisher
from rollcast.messages import ConsentAnswered
from workers import runner
from workers.actions import Actions
from workers.allowances import Allowances
from workers.broker.declarer import Declarer
from workers.broker.outbox import Outbox
from workers.isolation import Isolation
from workers.ladder import Ladder
from workers.ledger import Database
from workers.replies import Replies
from workers.runner import BATCH, SLOTS, Runner
from workers.settings import Settings
from workers.work import Outcome, Received, Services, Step


class Fate(NamedTuple):
    """What it is told."""

    settings: dict[str, Any]
    step: str
    poison: str
    record: str
    set_aside_at: int

    def kills(self) -> Step:
        """A step that writes down each batch that it is given, and kills the process over the poison."""

        async def handle(batch: Sequence[Received], services: Services) -> list[Outcome]:
            named = [cast(ConsentAnswered, received.message).transfer_id for received in batch]
            self._note(named)
            if self.poison in named:
                os.kill(os.getpid(), signal.SIGKILL)
            return []

        return handle

    def _note(self, named: Sequence[str]) -> None:
        with Path(self.record).open("a") as record:
            record.write(json.dumps(named) + "\n")


async def live(fate: Fate) -> None:
    """Consume and handle, until the end."""
    settings = Settings(**fate.settings)
    database = Database(settings.ledger_url)
    incoming, outgoing = Link(settings.amqp_url, "in"), Link(settings.amqp_url, "out")
    publisher, declarer = Publisher(outgoing), Declarer(outgoing)
    replies = Replies(publisher)
    worker = Runner(
        fate.step,
        fate.kills(),
        settings,
        database,
        cast(Actions, None),
        Outbox(publisher, replies, declarer, database, settings),
        Ladder(publisher, replies, declarer, settings.server),
        Isolation(),
        Allowances(settings.account_rate, settings.account_burst),
    )
    queue = topology.step_queue(settings.server, fate.step, settings.domains)
    consumer = Consumer(incoming, queue.name, worker.take, prefetch=BATCH * SLOTS)
    await asyncio.gather(worker.run(), consumer.run())


def main(fate: Fate) -> int:
    """Live again each time; the status of a death by anything else than the poison."""
    runner.SET_ASIDE_AT = fate.set_aside_at  # type: ignore[attr-defined]
    while True:
        child = os.fork()
        if not child:
            asyncio.run(live(fate))
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            return 1


if __name__ == "__main__":
    sys.exit(main(Fate(**json.loads(sys.argv[1]))))
