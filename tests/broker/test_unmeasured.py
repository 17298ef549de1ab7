"""A broker whose management collects no figures: what is not seen is not taken for nothing."""

from collections.abc import Iterator

import pytest

from dev.broker import MEMORY, Node, private_node
from rollcast.messages import OverviewAnswered
from tests.broker.clinic import Clinic
from tests.broker.clinic import clinic as clinic
from tests.broker.test_watchdog import AT_ONCE, Lanes
from tests.broker.test_watchdog import api as api
from tests.broker.test_watchdog import lanes as lanes
from tests.people import ACME, BOB
from tests.waiting import until_async
from workers.broker import own_queues
from workers.broker.management import Management
from workers.doctor import broker_checks
from workers.looking.broker_view import BrokerView
from workers.watchdog import Watchdog

pytestmark = pytest.mark.long

OFF = {"management_agent.disable_metrics_collector": "true"}
NOTHING = OverviewAnswered(server="", at=0, queues=[], counts=[], open=0, transfers=[], stragglers=[])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A broker of its own."""
    with private_node(tmp_path_factory.mktemp("unmeasured") / "broker", more=OFF) as made:
        yield made


async def test_what_lanes_hold_is_not_guessed(lanes: Lanes, api: Management) -> None:
    """Nobody is cut off, though it took much, and that is no fault."""
    taker = await lanes.taken_by(BOB)
    await Watchdog([ACME], api, AT_ONCE).look()
    # Its answer comes after a cancellation, had there been one.
    assert await api.call("GET", f"queues/{api.vhost}/{taker.lane}?columns=name") == {"name": taker.lane}
    assert not taker.farewell.done()


async def test_its_alarms_are_seen(clinic: Clinic, node: Node) -> None:
    """They hold new transfers; doctor says what cannot be seen."""
    assert await clinic.api.fullness() is None
    [finding] = await broker_checks.check_room(clinic.api)
    assert finding.ok
    assert "how full memory and disk are" in finding.detail
    assert "cannot be seen" in finding.detail
    assert "are not cut off" in finding.detail
    _, plugins = await broker_checks.check_version(clinic.api)
    assert "cannot be seen" in plugins.detail

    async def is_full() -> bool:
        return await clinic.api.fullness() == "the broker's memory is full"

    node.allow_memory("1MB")
    try:
        await until_async(is_full, "the alarm is seen")
        [finding] = await broker_checks.check_room(clinic.api)
    finally:
        node.allow_memory(MEMORY)
    assert (finding.ok, finding.detail) == (False, "the broker's memory is full")


async def test_its_queues_are_seen(clinic: Clinic) -> None:
    """As they were declared, and how many messages wait; what is taken is not told as none."""
    found = await clinic.queues()
    assert found["queues"].ok, found
    seen = await BrokerView(clinic.settings, clinic.declarer, clinic.api).complete(NOTHING)
    assert len(seen.queues) == len(own_queues.names(clinic.settings))
    assert seen.trouble is None
    assert seen.broker is not None
    assert (seen.broker.version, seen.broker.measured) == (clinic.node.version, False)


async def test_a_policy_that_would_lose_messages(clinic: Clinic) -> None:
    """It is found by its name: what it sets is told nowhere else."""
    name = own_queues.of_pools(clinic.settings)["s270"].name

    async def is_seen() -> bool:
        finding = (await clinic.queues()).get(f"queue {name}")
        return finding is not None and "sets message-ttl" in finding.detail

    with clinic.policy(f"^{name}$", {"message-ttl": 1000}, 5):
        await until_async(is_seen, "the policy is seen")
