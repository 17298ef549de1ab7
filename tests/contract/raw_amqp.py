"""An AMQP 0-9-1 connection made of a socket and a frame codec, to stand for any client library."""

import secrets
import socket
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from pamqp import base, commands, frame, header
from pamqp.body import ContentBody
from pamqp.heartbeat import Heartbeat

CHANNEL = 1
F = TypeVar("F", bound=base.Frame)


class Closed(Exception):
    """The broker closed the channel or the connection; `code` is AMQP's, such as 403."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code


class Delivery(NamedTuple):
    """A message from a queue."""

    queue: str
    tag: int
    properties: commands.Basic.Properties
    body: bytes


class Connection:
    """An AMQP 0-9-1 connection with one channel, on which publishes are confirmed."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        parts = urlsplit(url)
        self.user = unquote(parts.username or "")
        tls = parts.scheme == "amqps"
        where = parts.hostname or "localhost", parts.port or (5671 if tls else 5672)
        plain = socket.create_connection(where, timeout)
        context = ssl.create_default_context() if tls else None
        self._socket = context.wrap_socket(plain, server_hostname=where[0]) if context else plain
        self._reader = self._socket.makefile("rb")
        self._arrived: list[Delivery] = []
        self._queues: dict[str, str] = {}
        self._frame_max = 0
        self._open(unquote(parts.password or ""), unquote(parts.path[1:]) or "/")

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave without a word: the broker puts back what was not acknowledged."""
        self._reader.close()
        self._socket.close()

    def consume(self, queue: str, *, no_ack: bool = False, exclusive: bool = False) -> None:
        """Have the messages of a queue delivered."""
        tag = secrets.token_hex(8)
        self._queues[tag] = queue
        self._send(commands.Basic.Consume(queue=queue, consumer_tag=tag, no_ack=no_ack, exclusive=exclusive))
        self._expect(commands.Basic.ConsumeOk)

    def publish(self, exchange: str, key: str, body: bytes, properties: commands.Basic.Properties) -> None:
        """Publish, and wait for the broker's confirm."""
        self._send(commands.Basic.Publish(exchange=exchange, routing_key=key))
        self._send(header.ContentHeader(body_size=len(body), properties=properties))
        for start in range(0, len(body), self._frame_max - 8):
            self._send(ContentBody(body[start : start + self._frame_max - 8]))
        self._expect(commands.Basic.Ack)

    def next(self, wanted: Callable[[Delivery], bool]) -> Delivery:
        """The first delivery that is wanted; others stay for later. Raises `TimeoutError` if none comes."""
        looked_at = 0
        while True:
            for place in range(looked_at, len(self._arrived)):
                if wanted(self._arrived[place]):
                    return self._arrived.pop(place)
            looked_at = len(self._arrived)
            self._take(self._frame())

    def ack(self, delivery: Delivery) -> None:
        """Tell the broker that a delivery is done with."""
        self._send(commands.Basic.Ack(delivery_tag=delivery.tag))

    def _open(self, password: str, vhost: str) -> None:
        self._socket.sendall(header.ProtocolHeader().marshal())
        self._expect(commands.Connection.Start)
        login = commands.Connection.StartOk(mechanism="PLAIN", response=f"\0{self.user}\0{password}")
        self._send(login, 0)
        tune = self._expect(commands.Connection.Tune)
        self._frame_max = tune.frame_max
        # Without heartbeats a single thread may wait for as long as it likes.
        self._send(commands.Connection.TuneOk(tune.channel_max, tune.frame_max, heartbeat=0), 0)
        self._send(commands.Connection.Open(vhost), 0)
        self._expect(commands.Connection.OpenOk)
        self._send(commands.Channel.Open())
        self._expect(commands.Channel.OpenOk)
        self._send(commands.Basic.Qos(prefetch_count=16))
        self._expect(commands.Basic.QosOk)
        self._send(commands.Confirm.Select())
        self._expect(commands.Confirm.SelectOk)

    def _send(self, value: frame.FrameTypes, channel: int = CHANNEL) -> None:
        self._socket.sendall(frame.marshal(value, channel))

    def _expect(self, kind: type[F]) -> F:
        while True:
            found = self._frame()
            if isinstance(found, kind):
                return found
            self._take(found)

    def _take(self, found: frame.FrameTypes) -> None:
        match found:
            case commands.Basic.Deliver():
                self._arrived.append(self._delivery(found))
            case commands.Channel.Close() | commands.Connection.Close():
                raise Closed(found.reply_code or 0, found.reply_text)
            case Heartbeat():
                pass
            case _:
                raise AssertionError(f"unexpected {found.name}")

    def _delivery(self, deliver: commands.Basic.Deliver) -> Delivery:
        head = self._frame()
        assert isinstance(head, header.ContentHeader)
        body = bytearray()
        while len(body) < (head.body_size or 0):
            part = self._frame()
            assert isinstance(part, ContentBody)
            body += part.value
        assert isinstance(head.properties, commands.Basic.Properties)
        queue = self._queues[deliver.consumer_tag or ""]
        return Delivery(queue, deliver.delivery_tag or 0, head.properties, bytes(body))

    def _frame(self) -> frame.FrameTypes:
        start = self._read(7)
        _, _, size = frame.frame_parts(start)
        return frame.unmarshal(start + self._read((size or 0) + 1))[2]

    def _read(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) < size:
            raise ConnectionError("the broker went away")
        return data
