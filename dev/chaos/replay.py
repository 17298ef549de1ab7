"""Messages and chunks come again, twice and in another order."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from pamqp.common import FieldTable

from dev.chaos.amqp import on_channel
from dev.chaos.damage import Damage
from dev.chaos.names import queues
from dev.chaos.scene import Scene
from dev.deployment import Server
from rollcast.addresses import domain_of, is_server_user
from rollcast.topology import BULK, DOWN, STEP, UP, VERBS, progress_queue, step_queue
from workers.envelope import ATTEMPT, EXCHANGE, KEY, ORIGIN


class Tap(NamedTuple):
    """A queue that overhears exchanges, and keeps no more than the last `most` messages."""

    exchanges: tuple[str, ...]
    most: int


TAPS = {"messages": Tap((UP, STEP, DOWN), 300), "chunks": Tap((BULK,), 24)}
GONE_AFTER_MS = 60_000
COPIES = 2
INBOX = "rollcast.inbox."
POOL_OF = {verb.word: verb.pool for verb in VERBS}

Overheard = AbstractIncomingMessage


def replay(scene: Scene, rng: Random) -> Damage:
    """Overhear what is published; when the fault is over, publish all of it again."""
    inboxes = [name.removeprefix(INBOX) for name in queues(scene.broker) if name.startswith(INBOX)]
    recording = Recording(rng)
    on_channel(scene.broker.amqp_url, lambda channel: recording.begin(channel, inboxes))
    return Damage("what is published", lambda: recording.play(scene))


class Recording:
    """Queues that overhear everything, and what was in them."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._taps = {f"chaos.{rng.getrandbits(32):x}.{what}": tap for what, tap in TAPS.items()}
        self._overheard: list[Overheard] | None = None

    async def begin(self, channel: AbstractChannel, inboxes: Sequence[str]) -> None:
        """Overhear from now on."""
        for name, tap in self._taps.items():
            arguments: FieldTable = {"x-expires": GONE_AFTER_MS, "x-max-length": tap.most}
            queue = await channel.declare_queue(name, durable=True, arguments=arguments)
            for exchange in tap.exchanges:
                for key in inboxes if exchange == DOWN else ["#"]:
                    await queue.bind(exchange, key)

    def play(self, scene: Scene) -> None:
        """Publish it, in another order and each piece more than once; can be repeated."""
        if self._overheard is None:
            self._overheard = on_channel(scene.broker.amqp_url, self._end)
        copies = [one for one in self._overheard if _is_genuine(one) for _ in range(COPIES)]
        self._rng.shuffle(copies)
        for server in scene.running.servers.values():
            _publish(server, [one for one in copies if _domain(one) in server.domains])

    async def _end(self, channel: AbstractChannel) -> list[Overheard]:
        found = []
        for name in self._taps:
            queue = await channel.get_queue(name, ensure=False)
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                found.append(message)
            await channel.queue_delete(name)
        return found


def _is_genuine(overheard: Overheard) -> bool:
    """Whether it is of a terminal or a server: under a server's name garbage would be more than that."""
    user = overheard.user_id or ""
    return "@" in user or is_server_user(user)


def _domain(overheard: Overheard) -> str:
    return domain_of((overheard.routing_key or "").partition(".")[0])


def _publish(server: Server, copies: Sequence[Overheard]) -> None:
    user = unquote(urlsplit(server.amqp_url).username or "")

    async def publish(channel: AbstractChannel) -> None:
        bulk = await channel.get_exchange(BULK, ensure=False)
        exchanges = {True: bulk, False: channel.default_exchange}
        await asyncio.gather(
            *(
                exchanges[one.exchange == BULK].publish(_copy(one, user), _key(one, server), mandatory=False)
                for one in copies
            )
        )

    on_channel(server.amqp_url, publish)


def _key(overheard: Overheard, server: Server) -> str:
    key = overheard.routing_key or ""
    match overheard.exchange:
        case "rollcast.bulk":
            return key
        case "rollcast.down":
            return INBOX + key
    word = key.rpartition(".")[2]
    pool = POOL_OF.get(word, word)
    progress = progress_queue(server.name, server.domains).name
    return progress if pool == "progress" else step_queue(server.name, pool, server.domains).name


def _copy(overheard: Overheard, user: str) -> Message:
    """What counts as the message itself, though it comes from a server and past its exchange."""
    headers = dict(overheard.headers)
    if overheard.exchange in {UP, STEP} and ORIGIN not in headers:
        origin = str(overheard.user_id)
        key, exchange = str(overheard.routing_key), str(overheard.exchange)
        headers |= {ATTEMPT: 0, ORIGIN: origin, KEY: key, EXCHANGE: exchange}
    return Message(
        overheard.body,
        headers=headers,
        user_id=user,
        content_type=overheard.content_type,
        delivery_mode=overheard.delivery_mode,
        expiration=overheard.expiration,
        reply_to=overheard.reply_to,
        correlation_id=overheard.correlation_id,
    )
