"""A deployment that stays from one module of tests to the next, until another one is needed."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dev.broker import Broker
from tests.e2e.world import World, deployed


class Warm:
    """Keeps at most one deployment, in the virtual host of this process; `folder` holds what belongs to it."""

    def __init__(self, folder: Path, node: Broker) -> None:
        self._folder, self._node = folder, node
        self._servers: Mapping[str, Sequence[str]] = {}
        self._running = ExitStack()
        self._world: World | None = None
        self._count = 0

    @contextmanager
    def world(self, servers: Mapping[str, Sequence[str]]) -> Iterator[World]:
        """A world of these servers with all pools in one process each, and nobody who receives."""
        world = self._world
        if world is None or self._servers != servers:
            world = self._start(servers)
        for worker in world.running.workers:
            worker.check()
        yield world
        world.close()
        shutil.rmtree(world.folder / "received", ignore_errors=True)

    def end(self) -> Broker:
        """End it; the virtual host, for another deployment."""
        self._world = None
        self._running.close()
        return self._node

    def _start(self, servers: Mapping[str, Sequence[str]]) -> World:
        self.end()
        self._count += 1
        folder = self._folder / str(self._count)
        self._world, self._servers = (
            self._running.enter_context(deployed(folder, self._node, servers)),
            servers,
        )
        return self._world
