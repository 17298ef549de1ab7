"""What is seen of the queues at a real broker, as they should be and as they should not."""

import asyncio
from dataclasses import replace

import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from pamqp.common import FieldTable

from rollcast.messages import OverviewAnswered
from rollcast.messages.figures import Finding
from rollcast.topology import INNER, STEP, earlier_step_queue, parked, progress_queue, step_queue
from tests.broker.clinic import Clinic
from tests.broker.clinic import clinic as clinic
from tests.broker.clinic import database as database
from tests.waiting import until_async
from workers.broker import own_queues
from workers.broker.management import Management
from workers.ladder import rung_queues
from workers.looking.broker_view import BrokerView

DEADLINE_S = 30.0
NOTHING = OverviewAnswered(server="", at=0, queues=[], counts=[], open=0, transfers=[], stragglers=[])


async def test_all_queues_are_there_and_nobody_consumes(clinic: Clinic, admin: AbstractChannel) -> None:
    """Each pool without a worker is named, with what waits for it."""
    name = step_queue(clinic.settings.server, "s240", ()).name
    for _ in range(3):
        await admin.default_exchange.publish(Message(b"x"), name)
    found = await clinic.queues()
    assert found["queues"].ok
    assert found["parked"].ok
    assert {subject for subject, finding in found.items() if not finding.ok} == {
        f"pool {pool}" for pool in own_queues.of_pools(clinic.settings)
    }
    assert found["pool s240"].detail == "nobody consumes its queue; waiting in it: 3"
    assert found["pool s240"].remedy == "Start it: python -m workers s240"
    queue = await admin.get_queue(name, ensure=False)
    tag = await queue.consume(_take)
    assert "pool s240" not in await clinic.queues()
    await queue.cancel(tag)


async def _take(_: AbstractIncomingMessage) -> None:
    """Leave it."""


async def test_a_queue_that_is_not_there(clinic: Clinic) -> None:
    """It is named, and who declares it."""
    server = clinic.settings.server
    gone = [progress_queue(server, ()).name, rung_queues(server)[0].name]
    await clinic.declarer.delete_queues(gone)
    found = await clinic.queues()
    assert "queues" not in found
    assert [found[f"queue {name}"].detail for name in gone] == ["it is not there"] * 2
    assert "pool progress" in (found[f"queue {gone[0]}"].remedy or "")
    assert "pool progress" in found


async def test_a_queue_with_other_arguments(clinic: Clinic, admin: AbstractChannel) -> None:
    """What differs is told: whoever declares it would be refused."""
    spec = step_queue(clinic.settings.server, "s260", ())
    await clinic.declarer.delete_queues([spec.name])
    await admin.declare_queue(spec.name, durable=True, arguments={**spec.arguments, "x-delivery-limit": 5})
    found = await clinic.queues()
    assert found[f"queue {spec.name}"].detail == "x-delivery-limit is 5, not 1000"
    assert "Stop the pool s260, delete the queue" in (found[f"queue {spec.name}"].remedy or "")


async def test_a_queue_whose_type_the_broker_has_written_down(clinic: Clinic, admin: AbstractChannel) -> None:
    """RabbitMQ 4 does so with the default type of a virtual host; another type than classic is told."""
    spec = rung_queues(clinic.settings.server)[0]
    for written, well in (("classic", True), ("quorum", False)):
        await clinic.declarer.delete_queues([spec.name])
        arguments: FieldTable = {**spec.arguments, "x-queue-type": written}
        await admin.declare_queue(spec.name, durable=True, arguments=arguments)
        assert (f"queue {spec.name}" not in await clinic.queues()) == well


async def test_a_policy_that_would_lose_messages(clinic: Clinic) -> None:
    """It is named, and what it sets."""
    name = step_queue(clinic.settings.server, "s270", ()).name
    with clinic.policy(f"^{name}$", {"message-ttl": 1000}, 5):
        finding = await _until(clinic, f"queue {name}")
        assert "sets message-ttl" in finding.detail


@pytest.mark.parametrize("kind", ["policies", "operator-policies"])
async def test_a_policy_that_lowers_the_limit_of_deliveries(clinic: Clinic, kind: str) -> None:
    """An operator's, too; one that is higher changes nothing."""
    name = step_queue(clinic.settings.server, "s270", ()).name
    with clinic.policy(f"^{name}$", {"delivery-limit": 20}, 5, kind):
        finding = await _until(clinic, f"queue {name}")
        assert "policy test-" in finding.detail
        assert ("operator" in finding.detail) == (kind == "operator-policies")
        assert finding.detail.endswith("sets delivery-limit")
    other = step_queue(clinic.settings.server, "s280", ()).name
    with (
        clinic.policy(f"^{other}$", {"delivery-limit": 2000}, 5, kind),
        clinic.policy(f"^{name}$", {"message-ttl": 1000}, 5),
    ):
        await _until(clinic, f"queue {name}")
        assert f"queue {other}" not in await clinic.queues()


async def test_a_policy_that_dead_letters(clinic: Clinic) -> None:
    """Terminals write into the queues of steps."""
    name = step_queue(clinic.settings.server, "s270", ()).name
    with clinic.policy(f"^{name}$", {"dead-letter-exchange": "elsewhere"}, 5):
        assert (await _until(clinic, f"queue {name}")).detail.endswith("sets dead-letter-exchange")


async def test_queues_of_an_earlier_version(clinic: Clinic, admin: AbstractChannel) -> None:
    """They are named for as long as they are there, with what waits in them."""
    earlier = earlier_step_queue(clinic.settings.server, "s240", ())
    assert "earlier queues" not in await clinic.queues()
    await clinic.declarer.queues([earlier])
    await admin.default_exchange.publish(Message(b"x"), earlier.name)
    finding = (await clinic.queues())["earlier queues"]
    await clinic.declarer.delete_queues([earlier.name])
    assert not finding.ok
    assert finding.detail.startswith(f"{earlier.name}: 1 messages wait in them")


async def _until(clinic: Clinic, subject: str) -> Finding:
    """A finding that comes a little later: the broker applies a policy in its own time."""
    found: dict[str, Finding] = {}

    async def told() -> bool:
        found.update(await clinic.queues())
        return subject in found

    await until_async(told, f"a finding about {subject}")
    return found[subject]


async def test_parked_messages_are_counted(clinic: Clinic, admin: AbstractChannel) -> None:
    """And wait for a decision."""
    name = parked(clinic.settings.server).name
    for _ in range(2):
        await admin.default_exchange.publish(Message(b"x"), name)
    finding = (await clinic.queues())["parked"]
    assert (finding.ok, finding.detail[:2]) == (False, "2 ")
    assert "rollcast parked list" in (finding.remedy or "")


async def test_a_queue_that_hears_nothing(clinic: Clinic) -> None:
    """Each lost binding is named."""
    assert (await clinic.bindings())["bindings"].ok
    queue = step_queue(clinic.settings.server, "s240", ()).name
    key = f"{clinic.settings.domains[0]}.s240"
    await clinic.declarer.unbind(queue, INNER[STEP], key)
    finding = (await clinic.bindings())["bindings"]
    assert (finding.ok, finding.detail) == (False, f"not bound: {queue} ({key})")


async def test_a_peer_without_a_server(clinic: Clinic) -> None:
    """It is named; one that is there is not."""
    there, missing = clinic.settings.domains[1], "nobody-there"
    clinic.settings = replace(clinic.settings, peers=(there, missing))
    found = await clinic.bindings()
    assert (found["bindings"].ok, found[f"peer {missing}"].ok) == (True, False)
    assert f"peer {there}" not in found


async def test_an_overview_asks_the_broker_itself(clinic: Clinic, admin: AbstractChannel) -> None:
    """What is in the queues at this moment; who looks at the same time is told the same."""
    name = step_queue(clinic.settings.server, "s240", ()).name
    await admin.default_exchange.publish(Message(b"x"), name)
    view = BrokerView(clinic.settings, clinic.declarer, clinic.api)
    first, second = await asyncio.gather(view.complete(NOTHING), view.complete(NOTHING))
    assert first == second
    assert first.trouble is None
    assert first.broker is not None
    assert (first.broker.version, first.broker.full) == (clinic.node.version, None)
    assert 0 < first.broker.memory < first.broker.memory_limit
    assert {queue.name: queue.ready for queue in first.queues} == {
        own: int(own == name) for own in own_queues.names(clinic.settings)
    }


async def test_an_overview_without_the_management_api(clinic: Clinic) -> None:
    """It says so, and has the queues all the same."""
    async with Management(None, "/") as nothing:
        seen = await BrokerView(clinic.settings, clinic.declarer, nothing).complete(NOTHING)
    assert seen.broker is None
    assert "ROLLCAST_MANAGEMENT_URL is not set" in (seen.trouble or "")
    assert len(seen.queues) == len(own_queues.names(clinic.settings))
