"""All kinds of faults, and how often each comes."""

from collections.abc import Mapping
from typing import NamedTuple

from dev.broker import Broker, Node
from dev.chaos import disk_faults, node_faults, process_faults, queue_faults
from dev.chaos.damage import Fault
from dev.chaos.disk import MAY_MOUNT
from dev.chaos.garbage import garbage
from dev.chaos.replay import replay


class Kind(NamedTuple):
    """A kind of fault. `weight`: how often it comes before all kinds have come again. `stretch`: how much longer
    than others it lasts."""

    weight: int
    fault: Fault
    stretch: float = 1.0


OF_THE_NODE = ("kill-broker", "memory-alarm")
KINDS: Mapping[str, Kind] = {
    "kill-worker": Kind(3, process_faults.kill(lambda scene: scene.workers)),
    "stop-worker": Kind(2, process_faults.stop(lambda scene: scene.workers)),
    "kill-receiver": Kind(2, process_faults.kill(lambda scene: scene.receivers)),
    "stop-receiver": Kind(2, process_faults.stop(lambda scene: scene.receivers)),
    "kill-sender": Kind(2, process_faults.kill(lambda scene: scene.sendings)),
    "stop-sender": Kind(1, process_faults.stop(lambda scene: scene.sendings)),
    "kill-broker": Kind(1, node_faults.kill),
    "memory-alarm": Kind(1, node_faults.alarm),
    "purge-queue": Kind(3, queue_faults.purge),
    "delete-queue": Kind(3, queue_faults.delete),
    "delete-exchange": Kind(2, queue_faults.delete_exchange),
    "replay": Kind(3, replay),
    "garbage": Kind(2, garbage),
    "full-disk": Kind(1, disk_faults.fill, stretch=4.0),
}


def left_out(broker: Broker) -> dict[str, str]:
    """The kinds that are not possible here, with the reason."""
    foreign = {} if isinstance(broker, Node) else dict.fromkeys(OF_THE_NODE, "the broker is not ours")
    return foreign | ({} if MAY_MOUNT else {"full-disk": "only root can mount a small disk"})


def weights(broker: Broker) -> dict[str, int]:
    """How often each kind comes, of those that are possible here."""
    return {name: kind.weight for name, kind in KINDS.items() if name not in left_out(broker)}
