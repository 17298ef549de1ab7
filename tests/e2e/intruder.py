"""A terminal that publishes in others' names as fast as it can, and what became of that."""

import threading
from collections import Counter
from types import TracebackType

from pamqp import commands

from tests.contract.raw_amqp import Closed, Connection

MARK = b"not mine to say"
TAKEN, LOST = "taken", "lost"


class Intruder:
    """Publishes under forbidden keys (exchange, key) with a terminal's own credentials, until the block ends.

    `outcomes` counts the publishes that the broker took, the codes by which it refused others, and lost connections.
    It keeps a channel as long as it can: the broker remembers what a busy channel was allowed.
    """

    def __init__(self, amqp_url: str, exchange: str, key: str) -> None:
        self._amqp_url, self._exchange, self._key = amqp_url, exchange, key
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.outcomes: Counter[str | int] = Counter()

    def __enter__(self) -> "Intruder":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=60)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with Connection(self._amqp_url) as connection:
                    self._publish(connection)
            except Closed as refused:
                self.outcomes[refused.code] += 1
            except OSError:
                self.outcomes[LOST] += 1

    def _publish(self, connection: Connection) -> None:
        while not self._ended.is_set():
            connection.publish(self._exchange, self._key, MARK, commands.Basic.Properties())
            self.outcomes[TAKEN] += 1
