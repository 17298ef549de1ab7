"""Is the broker one that Rollcast can work with, and does it have room?"""

import time
from email.utils import parsedate_to_datetime

from rollcast.broker import Link, Publisher
from rollcast.errors import BrokerRefused, BrokerUnavailable
from rollcast.findings import fine, wrong
from rollcast.messages.figures import Finding
from rollcast.messages.values import MAX_CHUNK_SIZE
from rollcast.topology import LANE, MiB, spool_queue
from workers.broker.management import Management
from workers.broker.policies import A_LANE, is_lazy
from workers.broker.versions import numbers, objection
from workers.ledger import Database
from workers.settings import Settings

PROMETHEUS = "rabbitmq_prometheus"
LAZY_PATTERN = r"^rollcast\.(lane|spool)\."
UNSEEN = (
    "but how full memory and disk are, and nodes that have lost each other, cannot be seen: the broker's management "
    "collects no figures, and leaves them to Prometheus. Transfers are held from an alarm on, and not before it, "
    "and receivers that acknowledge nothing are not cut off"
)
MOST = 5 * MiB
"""Bytes of a message that the broker should take: a chunk has up to 4 MiB, and a control message up to 1."""
SKEW = 3.0
"""Seconds by which clocks may differ; the broker tells its time in whole seconds."""


async def check_version(management: Management) -> list[Finding]:
    """Its version, and its plugins."""
    version = await management.version()
    nodes = await management.call("GET", "nodes")
    # Of a node that has just started they are not known yet.
    known = [node["enabled_plugins"] for node in nodes if "enabled_plugins" in node]
    plugins = "rabbitmq_management"
    if any(PROMETHEUS not in enabled for enabled in known):
        plugins += f"; {PROMETHEUS} would give its own figures"
    elif known:
        plugins += f", {PROMETHEUS}"
    elif not await management.collects():
        plugins += "; others cannot be seen, since the broker's management collects no figures"
    if (against := objection(version)) is not None:
        return [wrong("version", *against)]
    return [fine("version", f"RabbitMQ {version}"), fine("plugins", plugins)]


async def check_room(management: Management) -> list[Finding]:
    """Memory, disk, nodes that are down or have lost each other."""
    nodes = await management.call("GET", "nodes")
    if (why := await management.fullness_of(nodes)) is not None:
        remedy = (
            "Give it more, or find out what fills it with `rollcast top`; new transfers are held until then."
        )
        return [wrong("alarms", why, remedy)]
    down = [node["name"] for node in nodes if not node.get("running")]
    apart = [node["name"] for node in nodes if node.get("partitions")]
    if down:
        return [
            wrong("nodes", f"down: {', '.join(down)}", "Start them; the broker's log says why they ended.")
        ]
    if apart:
        remedy = "Restart the nodes of the smaller part; see RabbitMQ's guide to partitions."
        return [wrong("nodes", f"these have lost each other: {', '.join(apart)}", remedy)]
    return [fine("alarms", "none" if await management.collects() else f"none; {UNSEEN}")]


async def check_policies(settings: Settings, management: Management) -> list[Finding]:
    """Before 4.0 lanes and spool page to disk by a policy only."""
    version = await management.version()
    if numbers(version) >= (4,):
        return [fine("policies", f"RabbitMQ {version} needs none")]
    policies = await management.call("GET", f"policies/{management.vhost}")
    queues = {"lanes": A_LANE, "the spool's queue": spool_queue(settings.server).name}
    lacking = [word for word, name in queues.items() if not is_lazy(name, policies)]
    if not lacking:
        return [fine("policies", "queue-mode lazy for lanes and spool")]
    command = f"rabbitmqctl set_policy rollcast-lazy '{LAZY_PATTERN}' '{{\"queue-mode\":\"lazy\"}}'"
    return [
        wrong(
            "policies",
            f"{' and '.join(lacking)} would keep in memory what nobody takes: one stuck receiver can block everybody",
            f"On the broker: {command} --apply-to queues --priority 10",
        )
    ]


async def check_message_size(settings: Settings) -> list[Finding]:
    """Two messages that go nowhere: the biggest chunk is taken, and what is bigger than any is not."""
    link = Link(settings.amqp_url, f"rollcast {settings.server} diagnosis")
    publisher = Publisher(link, patience=0)
    remedy = f"Set max_message_size = {MOST} on the broker."
    try:
        await publisher.publish(LANE, "diagnosis", bytes(MAX_CHUNK_SIZE), persistent=False)
    except (BrokerRefused, BrokerUnavailable) as error:
        return [
            wrong("message size", f"a chunk of {MAX_CHUNK_SIZE // MiB} MiB was not taken: {error}", remedy)
        ]
    else:
        return [await _check_bound(publisher, remedy)]
    finally:
        await link.close()


async def _check_bound(publisher: Publisher, remedy: str) -> Finding:
    try:
        await publisher.publish(LANE, "diagnosis", bytes(MOST + 1), persistent=False)
    except (BrokerRefused, BrokerUnavailable):
        taken = f"chunks of {MAX_CHUNK_SIZE // MiB} MiB are taken, and nothing over {MOST // MiB}"
        return fine("message size", taken)
    detail = f"more than {MOST // MiB} MiB are taken: one account can fill the memory of the broker and the workers"
    return wrong("message size", detail, remedy)


async def check_clocks(database: Database, management: Management) -> list[Finding]:
    """Ledger, worker and broker have the same time."""
    async with database.begin() as ledger:
        times = {"ledger": ledger.now / 1e6 - time.time()}
    times["broker"] = parsedate_to_datetime(await management.date()).timestamp() - time.time()
    off = [f"the {name}'s by {abs(ahead):.0f} s" for name, ahead in times.items() if abs(ahead) > SKEW]
    if off:
        remedy = "Let all machines keep the same time (NTP)."
        return [wrong("clocks", f"they differ from that of the worker: {', '.join(off)}", remedy)]
    return [fine("clocks", "worker, ledger and broker agree")]
