"""Deployments that tests share, if they need no other one."""

from collections.abc import Iterator

import pytest

from dev.broker import Broker, private_node
from tests.e2e.warm import Warm
from tests.e2e.world import World, deployed
from tests.people import ONE_SERVER, SERVER_PER_DOMAIN


@pytest.fixture(scope="module")
def node(warm: Warm) -> Broker:
    """A broker without a deployment, for tests that make one of their own."""
    return warm.end()


@pytest.fixture(scope="module")
def world(warm: Warm) -> Iterator[World]:
    """One server for two domains, with all pools in one process."""
    with warm.world(ONE_SERVER) as made:
        yield made


@pytest.fixture(scope="module")
def world_of_two(warm: Warm) -> Iterator[World]:
    """A server for each domain."""
    with warm.world(SERVER_PER_DOMAIN) as made:
        yield made


@pytest.fixture(scope="module")
def world_anew(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[World]:
    """One server that nobody has used yet, for tests that look at all it has."""
    with deployed(tmp_path_factory.mktemp("anew"), node) as made:
        yield made


@pytest.fixture(scope="module")
def world_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server on a broker of its own, which may be starved, stopped or killed."""
    folder = tmp_path_factory.mktemp("apart")
    with private_node(folder / "broker") as apart, deployed(folder, apart) as made:
        yield made
