"""All kinds of faults, and how often each comes."""

from collections.abc import Mapping
from typing import NamedTuple

from dev.broker import Broker
from dev.chaos import disk_faults, node_faults, process_faults, queue_faults
from dev.chaos.damage import Fault
from dev.chaos.garbage import garbage
from dev.chaos.replay import replay


class Kind(NamedTuple):
    """A kind of fault. `weight`: how often it comes before all kinds have come again."""

    weight: int
    fault: Fault


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
    "garbage": Kind(1, garbage),
    "full-disk": Kind(1, disk_faults.fill),
}


def weights(broker: Broker) -> Mapping[str, int]:
    """The kinds that are possible with this broker."""
    return {name: kind.weight for name, kind in KINDS.items()}
