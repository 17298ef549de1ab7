"""Deployments that the tests of a module share, if they need no other one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.broker import Broker
from dev.deployment import deployment
from tests.e2e.world import World, clean
from tests.people import ONE_SERVER, SERVER_PER_DOMAIN


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[World]:
    """One server for two domains, with all pools in one process."""
    with _world(tmp_path_factory.mktemp("world"), node, ONE_SERVER) as made:
        yield made


@pytest.fixture(scope="module")
def world_of_two(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[World]:
    """A server for each domain."""
    with _world(tmp_path_factory.mktemp("two"), node, SERVER_PER_DOMAIN) as made:
        yield made


@contextmanager
def _world(folder: Path, node: Broker, servers: Mapping[str, Sequence[str]]) -> Iterator[World]:
    clean(node)
    with deployment(folder, node, servers) as running:
        made = World(running, node, folder)
        try:
            yield made
        finally:
            made.close()
