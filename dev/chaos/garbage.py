"""Nonsense into every queue and every exchange."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from random import Random
from urllib.parse import unquote, urlsplit

from aio_pika import Message
from aio_pika.abc import AbstractChannel

from dev.chaos.amqp import on_channel
from dev.chaos.damage import Damage
from dev.chaos.names import queues
from dev.chaos.scene import Scene
from dev.packages import CHECKOUT
from rollcast.chunks import Label, digest_of
from rollcast.topology import EXCHANGES, STEPS

VECTORS = CHECKOUT / "schemas" / "vectors"
UNDECODABLE = b"\xc1"
"""A first byte that no msgpack has."""
LONGEST = 4096
"""Bytes of random content at the most."""

Target = tuple[str, str]
"""Exchange and routing key."""


def garbage(scene: Scene, rng: Random) -> Damage:
    """As an administrator messages with a changed byte and chunks of nobody; as a server what cannot be read."""
    targets = [("", queue) for queue in queues(scene.broker)]
    targets += [(exchange, _key(rng, scene)) for exchange in EXCHANGES]
    ids = sorted(filter(None, (sending.transfer_id for sending in scene.sendings))) or ["0" * 32]
    server = next(iter(scene.running.servers.values()))
    _publish(scene.broker.amqp_url, targets, (_strange(rng, rng.choice(ids)) for _ in targets))
    _publish(server.amqp_url, targets, (_unreadable(rng, rng.choice(ids)) for _ in targets))
    return Damage(f"{len(targets)} queues and exchanges")


def _key(rng: Random, scene: Scene) -> str:
    return f"{rng.choice(scene.running.domains)}.{rng.choice(STEPS)}"


def _strange(rng: Random, transfer_id: str) -> Message:
    """What nobody but an administrator can publish."""
    if rng.random() < 0.5:
        return _chunk(rng, transfer_id, digest_of)
    body = bytearray(rng.choice(sorted(VECTORS.glob("*.msgpack"))).read_bytes())
    body[rng.randrange(len(body))] ^= rng.randint(1, 255)
    return Message(bytes(body))


def _unreadable(rng: Random, transfer_id: str) -> Message:
    """What even a server may publish without consequences."""
    if rng.random() < 0.5:
        return _chunk(rng, transfer_id, lambda body: digest_of(body + b"x"))
    return Message(UNDECODABLE + rng.randbytes(rng.randrange(LONGEST)))


def _chunk(rng: Random, transfer_id: str, digest: Callable[[bytes], str]) -> Message:
    body = rng.randbytes(rng.randrange(LONGEST))
    return Message(body, headers=dict(Label(transfer_id, rng.randrange(64), digest(body)).headers()))


def _publish(url: str, targets: Sequence[Target], messages: Iterable[Message]) -> None:
    user = unquote(urlsplit(url).username or "")

    async def one(channel: AbstractChannel, target: Target, message: Message) -> None:
        name, key = target
        message.user_id = user
        exchange = await channel.get_exchange(name, ensure=False) if name else channel.default_exchange
        await exchange.publish(message, key, mandatory=False)

    async def all_of_them(channel: AbstractChannel) -> None:
        await asyncio.gather(
            *(one(channel, target, message) for target, message in zip(targets, messages, strict=True))
        )

    on_channel(url, all_of_them)
