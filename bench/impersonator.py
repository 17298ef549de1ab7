"""Plays many terminals over one connection each way, as a broker user tagged `impersonator`."""

import asyncio
import secrets
from collections.abc import Sequence
from types import TracebackType

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from dev import management
from dev.broker import Broker
from rollcast.addresses import domain_of
from rollcast.codec import decode, encode
from rollcast.messages import ConsentAnswered, ConsentAsked
from rollcast.topology import UP, inbox, up_key

CHANNELS = 16


class Impersonator:
    """Accepts whatever the terminals are asked."""

    def __init__(self, node: Broker, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        # Users are those of the whole node, and it may have other virtual hosts.
        name, password = f"terminals-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
        user = {"password": password, "tags": "impersonator"}
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        any_key = {"exchange": UP, "write": ".*", "read": ".*"}
        management.call(node.management_url, "PUT", f"/api/users/{name}", user)
        management.call(node.management_url, "PUT", node.path("topic-permissions", name), any_key)
        management.call(node.management_url, "PUT", node.path("permissions", name), everything)
        self._url = management.as_user(node.amqp_url, name, password)

    async def __aenter__(self) -> "Impersonator":
        self._incoming = await aio_pika.connect(self._url)
        self._outgoing = await aio_pika.connect(self._url)
        self._up = await (await self._outgoing.channel()).get_exchange(UP, ensure=False)
        parts = [self._addresses[number::CHANNELS] for number in range(CHANNELS)]
        await asyncio.gather(*(self._consume(part) for part in parts))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._incoming.close()
        await self._outgoing.close()

    async def _consume(self, addresses: Sequence[str]) -> None:
        channel = await self._incoming.channel()
        await channel.set_qos(prefetch_count=32)
        for address in addresses:
            spec = inbox(address)
            queue = await channel.declare_queue(spec.name, durable=True, arguments=dict(spec.arguments))
            for exchange, key in spec.bindings:
                await queue.bind(exchange, key)
            await queue.consume(_Terminal(address, self._up).take)


class _Terminal:
    def __init__(self, address: str, up: AbstractExchange) -> None:
        self._address = address
        self._up = up

    async def take(self, delivery: AbstractIncomingMessage) -> None:
        """Say yes."""
        message = decode(delivery.body)
        if isinstance(message, ConsentAsked):
            answer = ConsentAnswered(transfer_id=message.offer.transfer_id, accept=True)
            persistent = aio_pika.DeliveryMode.PERSISTENT
            body = aio_pika.Message(encode(answer), user_id=self._address, delivery_mode=persistent)
            await self._up.publish(body, up_key(self._address, domain_of(self._address), answer))
        await delivery.ack()
