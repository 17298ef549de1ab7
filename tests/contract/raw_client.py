"""A terminal made of an AMQP client, msgpack and BLAKE3: what a program in any language needs.

Nothing of Rollcast is imported here; all that it knows stands in `schemas/`.
"""

import secrets
from typing import Any

import msgpack
from blake3 import blake3
from pamqp.commands import Basic

from tests.contract.raw_amqp import Connection, Delivery

CONTENT_TYPE = "application/vnd.rollcast+msgpack"
REPLY_TO = "amq.rabbitmq.reply-to"
TRANSIENT, PERSISTENT = 1, 2

Fields = dict[str, Any]


class Terminal:
    """What a terminal says and hears, in the words of `schemas/`. An operator says it under other keys."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.name = connection.user
        connection.consume(REPLY_TO, no_ack=True)

    def ask(self, verb: str, fields: Fields) -> Fields:
        """Say something and return the reply."""
        return self.ask_under("rollcast.up", self._key(verb), fields)

    def ask_under(self, exchange: str, key: str, fields: Fields) -> Fields:
        """Publish a question under any key and return the reply."""
        question = secrets.token_hex(8)
        properties = self._properties(question)
        self.connection.publish(exchange, key, msgpack.packb(fields), properties)
        reply = self.connection.next(lambda delivery: delivery.properties.correlation_id == question)
        assert reply.queue == REPLY_TO
        return fields_of(reply)

    def say(self, verb: str, fields: Fields) -> None:
        """Say something that has no direct answer."""
        self.connection.publish("rollcast.up", self._key(verb), msgpack.packb(fields), self._properties())

    def hear(self, kind: str) -> Fields:
        """The next message of a type from an inbox; the prompts that come beside it stay for later."""
        heard = self.connection.next(
            lambda found: not is_chunk(found) and fields_of(found)["type"] == f"{kind}/1"
        )
        self.connection.ack(heard)
        return fields_of(heard)

    def upload(self, transfer_id: str, index: int, body: bytes) -> None:
        """Publish one chunk."""
        properties = Basic.Properties(
            content_type="application/octet-stream",
            headers={"transfer": transfer_id, "index": index, "blake3": blake3(body).hexdigest()},
            delivery_mode=TRANSIENT,
            user_id=self.name,
        )
        self.connection.publish("rollcast.bulk", f"{self.name}.{transfer_id}", body, properties)

    def fetch(self, lane: str) -> dict[int, bytes]:
        """The chunks that a lane delivers until it says that the cast has ended."""
        chunks: dict[int, bytes] = {}
        while is_chunk(delivery := self.connection.next(lambda found: found.queue == lane)):
            headers = delivery.properties.headers or {}
            if blake3(delivery.body).hexdigest() == headers["blake3"]:
                chunks[int(str(headers["index"]))] = delivery.body
            self.connection.ack(delivery)
        assert fields_of(delivery)["type"] == "CastEnded/1"
        self.connection.ack(delivery)
        return chunks

    def _key(self, verb: str) -> str:
        return f"{self.name.partition('@')[2]}.{self.name}.{verb}"

    def _properties(self, question: str | None = None) -> Basic.Properties:
        return Basic.Properties(
            content_type=CONTENT_TYPE,
            delivery_mode=PERSISTENT,
            user_id=self.name,
            reply_to=REPLY_TO if question else None,
            correlation_id=question,
        )


def is_chunk(delivery: Delivery) -> bool:
    """Whether a delivery is a piece of a file, and not a message."""
    return delivery.properties.content_type != CONTENT_TYPE


def fields_of(delivery: Delivery) -> Fields:
    """The fields of a message."""
    fields: Fields = msgpack.unpackb(delivery.body)
    return fields
