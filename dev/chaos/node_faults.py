"""The broker is killed, or out of memory. Only a private one."""

from random import Random

from dev.broker import Node
from dev.chaos.damage import Damage, Impossible
from dev.chaos.scene import Scene
from dev.rabbitmq import MEMORY


def kill(scene: Scene, rng: Random) -> Damage:
    """Kill it; it is started again when the fault is over."""
    node = _running(scene)
    node.kill()
    return Damage("the broker", node.start)


def alarm(scene: Scene, rng: Random) -> Damage:
    """Raise the memory alarm, which blocks whoever publishes."""
    node = _running(scene)
    node.allow_memory("1")
    return Damage("the broker", lambda: _calm(node))


def _calm(node: Node) -> None:
    # One that was started again meanwhile has its usual limit back.
    if node.runs:
        node.allow_memory(MEMORY)


def _running(scene: Scene) -> Node:
    if not isinstance(scene.broker, Node) or not scene.broker.runs:
        raise Impossible("the broker does not run")
    return scene.broker
