"""What tests need of the machine: a broker and a database, stopped when the tests end."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from dev import postgres
from dev.broker import Broker, prepare
from dev.packages import Missing
from tests.e2e.warm import Warm
from tests.lacking import give_up
from tests.people import VHOST, everybodys
from tests.sharing import own_virtual_host, shared_node

LONG = 100
"""How many times as many cases the long profile tries."""

WAITED_FOR = ("warm", "virtual_host", "postgres_cluster")
"""Fixtures, the slowest first."""

# No test asserts anything of a clock, and a busy machine is slow.
settings.register_profile("usual", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("usual")
settings.register_profile("long", max_examples=LONG * settings().max_examples)
if profile := os.environ.get("HYPOTHESIS_PROFILE"):
    settings.load_profile(profile)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Tests have the same names in all processes of pytest-xdist."""
    return common if isinstance(val, str) and (common := everybodys(val)) != val else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what shares a warm deployment, then what else waits for a broker: it takes longest."""
    items.sort(key=lambda item: [name not in getattr(item, "fixturenames", ()) for name in WAITED_FOR])


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over all that was imported: else it takes a tenth of the unit tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_configure(config: pytest.Config) -> None:
    """Have the broker that BROKER asks for before any test begins, and once for all processes of the run."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        try:
            prepare()
        except Missing as missing:
            pytest.exit(str(missing), returncode=2)


@pytest.fixture(scope="session")
def virtual_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A virtual host of this process on the broker of the test run; that of ROLLCAST_AMQP_URL if it is set."""
    top = tmp_path_factory.getbasetemp()
    # Each process of pytest-xdist has a folder below that of the run.
    run = top.parent if "PYTEST_XDIST_WORKER" in os.environ else top
    try:
        with shared_node(run / "shared-broker") as running, own_virtual_host(running, VHOST) as own:
            yield own
    except Missing as missing:
        pytest.exit(str(missing), returncode=2)


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory, virtual_host: Broker) -> Iterator[Warm]:
    """What keeps a deployment running from module to module."""
    made = Warm(tmp_path_factory.mktemp("warm"), virtual_host)
    yield made
    made.end()


@pytest.fixture(scope="session")
def node(virtual_host: Broker) -> Broker:
    """A broker."""
    return virtual_host


@pytest.fixture(scope="session")
def postgres_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Cluster]:
    """A PostgreSQL server; `postgres_cluster.database(name)` makes an empty database."""
    try:
        with postgres.cluster(tmp_path_factory.mktemp("postgres")) as running:
            yield running
    except Missing as missing:
        give_up(missing)


@pytest.fixture(scope="session")
def postgres_url(postgres_cluster: postgres.Cluster) -> str:
    """The URL of an empty PostgreSQL database."""
    return postgres_cluster.url
