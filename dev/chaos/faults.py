"""All kinds of faults, and how often each comes."""

from collections.abc import Mapping
from typing import NamedTuple

from dev.broker import Broker
from dev.chaos import process_faults
from dev.chaos.damage import Fault


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
}


def weights(broker: Broker) -> Mapping[str, int]:
    """The kinds that are possible with this broker."""
    return {name: kind.weight for name, kind in KINDS.items()}
