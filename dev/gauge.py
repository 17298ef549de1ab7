"""Watches a broker while it works: its memory, its memory alarm, and how much its lanes hold."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from dev import management
from dev.broker import Node

EVERY_S = 0.5
ALARM = "memory resource limit alarm set"
"""What the broker logs when it stops its publishers."""


class Gauge:
    """Peaks during the block: bytes of memory, bytes that wait in the fullest lane; and how long an alarm lasted."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._alarmed = False
        self.memory = self.lane = 0
        self.alarm_s = 0.0

    @property
    def alarmed(self) -> bool:
        """Whether the memory alarm was raised, however briefly."""
        return self._alarmed or self._node.has_logged(ALARM)

    def __enter__(self) -> "Gauge":
        self._watching = self._pool.submit(self._watch)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._pool.shutdown()
        self._watching.result()

    def _watch(self) -> None:
        while not self._ended.wait(EVERY_S):
            (node,) = management.call(self._node.management_url, "GET", "/api/nodes")
            # Soon after its start it tells nothing yet.
            if node.get("mem_alarm", False):
                self._alarmed = True
                self.alarm_s += EVERY_S
            self.memory = max(self.memory, node.get("mem_used", 0))
            for queue in management.call(self._node.management_url, "GET", "/api/queues"):
                if queue["name"].startswith("rollcast.lane."):
                    self.lane = max(self.lane, queue.get("message_bytes_ready", 0))
