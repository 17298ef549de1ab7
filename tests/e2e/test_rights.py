"""What a terminal may do at the broker, and that it may do nothing else."""

import secrets
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import quote

import msgpack
import pytest
from pamqp import base
from pamqp.commands import Basic, Exchange, Queue
from pamqp.common import FieldTable

from dev import management
from tests.contract.raw_amqp import Closed
from tests.contract.raw_client import Terminal
from tests.e2e.raw import PARKED, Line, line, parked_headers, registered, url_of
from tests.e2e.world import World
from tests.people import ACME, ALICE, BOB, ERIN, GLOBEX, SERVER, SERVER_USER

HEX = "0123456789abcdef" * 2
THEIR_INBOX, THEIR_LANE = f"rollcast.inbox.{ALICE}", f"rollcast.lane.{ALICE}.{HEX}"
OWN_INBOX = f"rollcast.inbox.{BOB}"
STEP_QUEUE = f"rollcast.step2.{SERVER}.s210"


class Method(NamedTuple):
    """A method, the answer that must not come, and the code that comes instead."""

    method: base.Frame
    answer: type[base.Frame]
    code: int = 403


class Publish(NamedTuple):
    """Where a message must not go, under which user id, and the code that comes instead."""

    exchange: str
    key: str
    user_id: str = BOB
    code: int = 403


FORBIDDEN: dict[str, Method] = {
    "declare a queue": Method(Queue.Declare(queue="mine"), Queue.DeclareOk),
    "declare an inbox": Method(Queue.Declare(queue=f"{OWN_INBOX}.{HEX}"), Queue.DeclareOk),
    "declare an exchange": Method(Exchange.Declare(exchange="mine"), Exchange.DeclareOk),
    "bind its inbox": Method(Queue.Bind(queue=OWN_INBOX, exchange="rollcast.up"), Queue.BindOk),
    "bind another's inbox": Method(Queue.Bind(queue=THEIR_INBOX, exchange="rollcast.bulk"), Queue.BindOk),
    "unbind its inbox": Method(Queue.Unbind(queue=OWN_INBOX, exchange="rollcast.down"), Queue.UnbindOk),
    "bind exchanges": Method(
        Exchange.Bind(destination="rollcast.up", source="rollcast.step"), Exchange.BindOk
    ),
    "delete its inbox": Method(Queue.Delete(queue=OWN_INBOX), Queue.DeleteOk),
    "delete a step queue": Method(Queue.Delete(queue=STEP_QUEUE), Queue.DeleteOk),
    "delete an exchange": Method(Exchange.Delete(exchange="rollcast.up"), Exchange.DeleteOk),
    "purge another's inbox": Method(Queue.Purge(queue=THEIR_INBOX), Queue.PurgeOk),
    "purge a step queue": Method(Queue.Purge(queue=STEP_QUEUE), Queue.PurgeOk),
    "consume another's inbox": Method(Basic.Consume(queue=THEIR_INBOX), Basic.ConsumeOk),
    "consume another's session": Method(Basic.Consume(queue=f"{THEIR_INBOX}.{HEX}"), Basic.ConsumeOk),
    "consume another's lane": Method(Basic.Consume(queue=THEIR_LANE), Basic.ConsumeOk),
    "consume a step queue": Method(Basic.Consume(queue=STEP_QUEUE), Basic.ConsumeOk),
    "consume the spool": Method(Basic.Consume(queue=f"rollcast.spool.{SERVER}"), Basic.ConsumeOk),
    "get from parked": Method(Basic.Get(queue=PARKED), Basic.GetOk),
    "get from a longer name": Method(Basic.Get(queue=f"{OWN_INBOX}x"), Basic.GetOk),
}
UNWANTED: dict[str, Publish] = {
    "to step": Publish("rollcast.step", f"{ACME}.s220"),
    "to down": Publish("rollcast.down", ALICE),
    "to lane": Publish("rollcast.lane", f"{ALICE}.{HEX}"),
    "to a queue": Publish("", STEP_QUEUE),
    "to an inbox": Publish("", THEIR_INBOX),
    "to amq.topic": Publish("amq.topic", f"{ACME}.{BOB}.register"),
    "to a retry exchange": Publish(f"rollcast.retry.{SERVER}.5s", f"{ACME}.s220"),
    "under another's address": Publish("rollcast.up", f"{ACME}.{ALICE}.register"),
    "under another domain": Publish("rollcast.up", f"{GLOBEX}.{BOB}.register"),
    "under a longer key": Publish("rollcast.up", f"{ACME}.{BOB}.register.x"),
    "another's chunk": Publish("rollcast.bulk", f"{ALICE}.{HEX}"),
    "as another": Publish("rollcast.up", f"{ACME}.{BOB}.register", ALICE, 406),
    "as the server": Publish("rollcast.up", f"{ACME}.{BOB}.register", SERVER_USER, 406),
    "another's chunk as the other": Publish("rollcast.bulk", f"{BOB}.{HEX}", ALICE, 406),
}


def test_the_rights_are_these_and_no_others(world: World) -> None:
    """The broker's management API gives back every pattern, limit and tag as it is documented."""
    world.add(BOB)
    user = quote(BOB, safe="")
    url = world.node.management_url
    (row,) = management.call(url, "GET", f"/api/users/{user}/permissions")
    assert {name: row[name] for name in ("vhost", "configure", "write", "read")} == {
        "vhost": world.node.vhost,
        "configure": "^$",
        "write": r"^rollcast\.(up|bulk)$",
        "read": r"^rollcast\.(inbox|lane)\." + BOB + r"(\.[0-9a-f]{32})?$",
    }
    topics = management.call(url, "GET", f"/api/users/{user}/topic-permissions")
    assert {row["exchange"]: (row["write"], row["read"]) for row in topics} == {
        "rollcast.up": (rf"^{ACME}\.bob@{ACME}\.[a-z-]+$", "^$"),
        "rollcast.bulk": (rf"^{BOB}\.[0-9a-f]{{32}}$", "^$"),
        "rollcast.step": ("^$", "^$"),
    }
    assert not management.call(url, "GET", f"/api/users/{user}")["tags"]
    (limits,) = management.call(url, "GET", f"/api/user-limits/{user}")
    assert limits["value"] == {"max-connections": 128, "max-channels": 128}


@pytest.mark.parametrize("forbidden", list(FORBIDDEN.values()), ids=list(FORBIDDEN))
def test_a_method_is_refused(world: World, forbidden: Method) -> None:
    """The broker closes the channel, whether or not the thing exists."""
    world.add(ALICE)
    with line(world, BOB) as bob, pytest.raises(Closed) as closed:
        bob.attempt(forbidden.method, forbidden.answer)
    assert closed.value.code == forbidden.code


@pytest.mark.parametrize("unwanted", list(UNWANTED.values()), ids=list(UNWANTED))
def test_a_publish_is_refused(world: World, unwanted: Publish) -> None:
    """The broker closes the channel on what is not the terminal's to say."""
    world.add(ALICE)
    with line(world, BOB) as bob, pytest.raises(Closed) as closed:
        bob.say(unwanted.exchange, unwanted.key, user_id=unwanted.user_id)
    assert closed.value.code == unwanted.code


@pytest.mark.parametrize(
    ("user_id", "headers"),
    [
        (None, {}),
        (BOB, {"CC": [f"{ACME}.{BOB}.query"]}),
        (BOB, {"rollcast-origin": ALICE, "rollcast-key": f"{ACME}.{ALICE}.register"}),
    ],
    ids=["no user_id", "CC", "claims an origin"],
)
def test_what_the_broker_does_not_check_is_parked(
    world: World, user_id: str | None, headers: FieldTable
) -> None:
    """No user_id, more keys, an identity in the headers: the worker parks it as not authentic."""
    body = msgpack.packb({"type": "Register/1", "mark": secrets.token_hex(8)})
    with line(world, BOB) as bob:
        bob.say("rollcast.up", f"{ACME}.{BOB}.register", body, user_id, headers)
    assert parked_headers(world, body, "s200")["rollcast-reason"] == "not_authentic"


@pytest.mark.parametrize("header", ["CC", "BCC"])
def test_a_copy_under_a_forbidden_key_is_not_taken(world: World, header: str) -> None:
    """From RabbitMQ 4.0.3 the broker refuses the message. Before, it lets the copy pass, and the worker parks it.

    It takes BCC out: what that brings to another queue still bears its sender's key. Of CC nobody says whose it is.
    """
    world.add(ALICE)
    body = msgpack.packb({"type": "Register/1", "mark": secrets.token_hex(8)})
    with line(world, BOB) as bob, _refusing(copies_are_checked(world.node.version)):
        bob.say("rollcast.up", f"{ACME}.{BOB}.register", body, BOB, {header: [f"{ACME}.{ALICE}.answer"]})
        headers = parked_headers(world, body, "s260")
        origin = BOB if header == "BCC" else None
        assert (headers["rollcast-reason"], headers.get("rollcast-origin")) == ("not_authentic", origin)


def copies_are_checked(version: str) -> bool:
    """Whether a broker holds CC and BCC to topic permissions."""
    return tuple(map(int, version.split(".")[:3])) >= (4, 0, 3)


@contextmanager
def _refusing(expected: bool) -> Iterator[None]:
    """A block whose first publish the broker refuses, if that is expected."""
    if not expected:
        yield
        return
    with pytest.raises(Closed) as closed:
        yield
    assert closed.value.code == 403


def test_a_suspended_terminal_is_out_until_it_is_resumed(world: World) -> None:
    """Suspending closes its connection and lets in no other; resuming lets it in with the same password."""
    dave = f"dave@{ACME}"
    with line(world, dave) as connection:
        registered(connection)
        assert world.run("admin", "suspend", dave).status == 0
        _is_closed(connection)
    with pytest.raises((Closed, ConnectionError)):
        Line(url_of(world, dave))
    assert world.run("admin", "resume", dave).status == 0
    with line(world, dave) as connection:
        assert Terminal(connection).ask("register", {"type": "Register/1"})["type"] == "Registered/1"


def test_a_terminal_gets_another_password(world: World) -> None:
    """The old one is of no use any more; a connection that is open stays so, and its rights are what they were."""
    frank = f"frank@{ACME}"
    with line(world, frank) as connection:
        terminal, _ = registered(connection)
        old = url_of(world, frank)
        assert world.run("admin", "passwd", frank).status == 0
        assert url_of(world, frank) != old
        assert terminal.ask("register", {"type": "Register/1"})["type"] == "Registered/1"
    with pytest.raises((Closed, ConnectionError)):
        Line(old)
    with line(world, frank) as connection:
        assert Terminal(connection).ask("register", {"type": "Register/1"})["type"] == "Registered/1"
        with _refusing(True):
            connection.say("rollcast.up", f"{ACME}.{ALICE}.register", user_id=frank)


def test_a_removed_terminal_is_gone(world: World) -> None:
    """Its connection is closed, its user is deleted, its password is of no use."""
    erin = ERIN
    with line(world, erin) as connection:
        registered(connection)
        url = url_of(world, erin)
        assert world.run("admin", "remove", erin).status == 0
        _is_closed(connection)
    assert not (world.running.home / "credentials" / f"{erin}.json").exists()
    with pytest.raises((Closed, ConnectionError)):
        Line(url)
    with pytest.raises(urllib.error.HTTPError) as missing:
        management.call(world.node.management_url, "GET", f"/api/users/{quote(erin, safe='')}")
    assert missing.value.code == 404


def _is_closed(connection: Line) -> None:
    with pytest.raises((Closed, ConnectionError)):
        connection.next(lambda _: False)
