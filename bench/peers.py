"""What our fan-out is measured against, in turns and on the same machine."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Protocol

from bench.nats_store import NatsStore
from bench.nginx import Nginx
from bench.rsync import Rsync
from dev.packages import Missing


class Peer(Protocol):
    """Something else that brings a file to many."""

    name: str

    def fetch(self, source: Path, clients: int) -> float:
        """Seconds in which so many clients have the file, verified and synced."""

    def close(self) -> None:
        """Stop it."""


PEERS: Sequence[Callable[[Path], Peer]] = (Nginx, Rsync, NatsStore)


@contextmanager
def peers(folder: Path) -> Iterator[list[Peer]]:
    """Those that are to be had, each with its files below a folder of its own in `folder`."""
    with ExitStack() as running:
        yield [peer for kind in PEERS for peer in _started(kind, folder, running)]


def _started(kind: Callable[[Path], Peer], folder: Path, running: ExitStack) -> Iterator[Peer]:
    try:
        yield running.enter_context(closing(kind(folder / kind.__name__.lower())))
    except Missing as missing:
        print(f"left out: {missing}", file=sys.stderr)
