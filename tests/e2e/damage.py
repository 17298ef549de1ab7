"""What goes wrong at the broker or in a process while a file is under way, done on purpose."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from dev import management
from dev.broker import Broker
from rollcast.codec import decode
from rollcast.messages import Message


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that stands still, its connections open."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def names(node: Broker, prefix: str) -> list[str]:
    """The queues whose names begin with `prefix`."""
    queues = management.call(node.management_url, "GET", f"{node.path('queues')}?columns=name")
    return [queue["name"] for queue in queues if queue["name"].startswith(prefix)]


def depth(node: Broker, queue: str) -> int:
    """How many messages are ready in a queue; none if it is not there."""
    try:
        found = on_channel(node, lambda channel: channel.declare_queue(queue, passive=True))
    except ChannelNotFoundEntity:
        return 0
    return int(found.declaration_result.message_count)


def consumers(node: Broker, queue: str) -> int:
    """How many consumers a queue has."""
    found = on_channel(node, lambda channel: channel.declare_queue(queue, passive=True))
    return int(found.declaration_result.consumer_count)


def purge(node: Broker, queue: str) -> int:
    """Throw away the ready messages of a queue; returns how many."""

    async def call(channel: AbstractChannel) -> Any:
        return await (await channel.get_queue(queue, ensure=False)).purge()

    return int(on_channel(node, call).message_count)


def delete(node: Broker, queue: str) -> int:
    """Delete a queue with all in it; returns how many messages were ready."""
    deleted = on_channel(node, lambda channel: channel.queue_delete(queue))
    return int(deleted.message_count)


def declare(node: Broker, queue: str, arguments: dict[str, Any]) -> None:
    """Declare a queue, with arguments that may be the wrong ones."""
    on_channel(node, lambda channel: channel.declare_queue(queue, durable=True, arguments=arguments))


def replace(node: Broker, queue: str, arguments: dict[str, Any]) -> bool:
    """Delete a queue and declare it with these arguments; whether nobody declared it with others in between."""
    delete(node, queue)
    try:
        declare(node, queue, arguments)
    except ChannelPreconditionFailed:
        return False
    return True


Damage = Callable[[Broker, str], int]


class Diversion:
    """Takes the messages of one routing key away from the queue they were meant for."""

    def __init__(self, node: Broker, exchange: str, key: str, queue: str) -> None:
        self._node, self._queue, self._taken = node, queue, f"test.diversion.{queue}"
        self._binding = (exchange, key)
        self._seen: list[Message] = []

    def begin(self) -> None:
        """From now on they are lost to the queue."""

        async def call(channel: AbstractChannel) -> None:
            taken = await channel.declare_queue(self._taken, durable=True, arguments={"x-expires": 120_000})
            await taken.bind(*self._binding)
            await (await channel.get_queue(self._queue, ensure=False)).unbind(*self._binding)

        on_channel(self._node, call)

    def end(self) -> None:
        """Let them through again; what was taken stays lost."""

        async def call(channel: AbstractChannel) -> None:
            await (await channel.get_queue(self._queue, ensure=False)).bind(*self._binding)
            await channel.queue_delete(self._taken)

        on_channel(self._node, call)

    def took(self, kind: type[Message]) -> bool:
        """Whether one of that kind was lost."""

        async def call(channel: AbstractChannel) -> None:
            taken = await channel.get_queue(self._taken, ensure=False)
            while (message := await taken.get(no_ack=True, fail=False)) is not None:
                self._seen.append(decode(message.body))

        on_channel(self._node, call)
        return any(isinstance(message, kind) for message in self._seen)


def on_channel(node: Broker, call: Callable[[AbstractChannel], Awaitable[Any]]) -> Any:
    """What `call` returns, given a channel of an administrator."""

    async def run() -> Any:
        async with await aio_pika.connect(node.amqp_url) as connection:
            return await call(await connection.channel())

    return asyncio.run(run())
