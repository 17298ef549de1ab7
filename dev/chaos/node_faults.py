"""The broker is killed, or out of memory. Only a private one."""

from random import Random

from dev.broker import MEMORY, Node
from dev.chaos.damage import Damage, Impossible
from dev.chaos.scene import Scene


def kill(scene: Scene, rng: Random) -> Damage:
    """Kill it; it is started again when the fault is over."""
    node = _running(scene)
    node.kill()
    return Damage("the broker", node.begin)


def alarm(scene: Scene, rng: Random) -> Damage:
    """Raise the memory alarm, which blocks whoever publishes."""
    node = _running(scene)
    node.allow_memory("1")
    return Damage("the broker", lambda: _calm(node))


def _calm(node: Node) -> None:
    # One that was killed meanwhile begins with its usual limit.
    if node.serves:
        node.allow_memory(MEMORY)


def _running(scene: Scene) -> Node:
    if not isinstance(scene.broker, Node) or not scene.broker.serves:
        raise Impossible("the broker does not serve")
    return scene.broker
