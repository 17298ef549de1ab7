"""Queues are emptied or deleted, exchanges deleted."""

from random import Random

from aio_pika.abc import AbstractChannel

from dev.chaos.amqp import on_channel
from dev.chaos.damage import Damage
from dev.chaos.names import any_of, exchanges, queues
from dev.chaos.scene import Scene


def purge(scene: Scene, rng: Random) -> Damage:
    """Throw away what waits in a queue."""
    name = any_of(rng, queues(scene.broker))

    async def call(channel: AbstractChannel) -> int | None:
        return (await (await channel.get_queue(name, ensure=False)).purge()).message_count

    return Damage(f"{name} ({on_channel(scene.broker.amqp_url, call)} messages)")


def delete(scene: Scene, rng: Random) -> Damage:
    """Delete a queue with all in it."""
    name = any_of(rng, queues(scene.broker))

    async def call(channel: AbstractChannel) -> int | None:
        return (await channel.queue_delete(name)).message_count

    return Damage(f"{name} ({on_channel(scene.broker.amqp_url, call)} messages)")


def delete_exchange(scene: Scene, rng: Random) -> Damage:
    """Delete an exchange with its bindings."""
    name = any_of(rng, exchanges(scene.broker))
    on_channel(scene.broker.amqp_url, lambda channel: channel.exchange_delete(name))
    return Damage(name)
