"""One account with valid credentials that sends far more than anybody needs to, as fast as the broker takes it."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgpack
from pamqp import header
from pamqp.body import ContentBody
from pamqp.commands import Basic

from rollcast.codec import CONTENT_TYPE
from rollcast.topology import REPLY_TO, UP
from tests.e2e.raw import Line

NO_PLACE = f"{REPLY_TO}.AAAA.x"
"""Looks like the address of a direct reply, and is nobody's."""
Fields = dict[str, Any]


class Attacker(Line):
    """Publishes many messages before it looks at what the broker says."""

    def __enter__(self) -> "Attacker":
        return self

    def pour(self, verb: str, fields: Callable[[], Fields], times: int) -> None:
        """Say something `times` times, each time as `fields` makes it; returns when the broker has all of them."""
        domain = self.user.partition("@")[2]
        properties = Basic.Properties(
            content_type=CONTENT_TYPE, user_id=self.user, reply_to=NO_PLACE, delivery_mode=2
        )
        for _ in range(times):
            body = msgpack.packb(fields())
            self._send(Basic.Publish(exchange=UP, routing_key=f"{domain}.{self.user}.{verb}"))
            self._send(header.ContentHeader(body_size=len(body), properties=properties))
            self._send(ContentBody(body))
        confirmed = 0
        while confirmed < times:
            found = self._expect(Basic.Ack)
            confirmed = max(confirmed + 1, found.delivery_tag if found.multiple else 0)


def registers() -> Fields:
    """A terminal that is there, time and again."""
    return {"type": "Register/1"}


def sessions() -> Fields:
    """Each of them gets an inbox of its own."""
    return {"type": "Register/1", "session": secrets.token_hex(16)}


def queries() -> Fields:
    """Asks after a transfer that there is not."""
    return {"type": "Query/1", "transfer_id": secrets.token_hex(16)}


def answers() -> Fields:
    """Answers what nobody has asked."""
    return {"type": "ConsentAnswered/1", "transfer_id": secrets.token_hex(16), "accept": True}


FLOODS: Mapping[str, tuple[str, Callable[[], Fields], str]] = {
    "registers": ("register", registers, "s200"),
    "sessions": ("register", sessions, "s200"),
    "queries": ("query", queries, "s200"),
    "answers": ("answer", answers, "s260"),
}
"""By name: the verb, what is said, and the step that has to handle it."""
