"""One server for two domains, shared by the tests of a module that need no other deployment."""

from collections.abc import Iterator

import pytest

from dev.broker import Broker
from dev.deployment import deployment
from tests.e2e.world import World, clean


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[World]:
    """A world with all pools in one process."""
    clean(node)
    folder = tmp_path_factory.mktemp("world")
    with deployment(folder, node) as running:
        made = World(running, node, folder)
        try:
            yield made
        finally:
            made.close()
