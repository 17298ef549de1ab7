"""What tests say to the broker past the SDK: as a terminal with its own credentials, as the server, as an admin."""

import json
import secrets
import urllib.request
from typing import TypeVar

from pamqp import base, commands
from pamqp.common import FieldTable

from tests.contract.raw_amqp import Connection
from tests.contract.raw_client import CONTENT_TYPE, PERSISTENT, Terminal
from tests.e2e.world import World
from tests.people import SERVER

PARKED = f"rollcast.parked.{SERVER}"
F = TypeVar("F", bound=base.Frame)


class Line(Connection):
    """A connection on which any method can be tried."""

    def __enter__(self) -> "Line":
        return self

    def attempt(self, method: base.Frame, answer: type[F]) -> F:
        """Send a method and wait for its answer. Raises `Closed` if the broker refuses."""
        self._send(method)
        return self._expect(answer)

    def say(
        self,
        exchange: str,
        key: str,
        body: bytes = b"x",
        user_id: str | None = None,
        headers: FieldTable | None = None,
    ) -> None:
        """Publish a control message. Raises `Closed` if the broker refuses."""
        properties = commands.Basic.Properties(
            content_type=CONTENT_TYPE, delivery_mode=PERSISTENT, user_id=user_id, headers=headers
        )
        self.publish(exchange, key, body, properties)


def url_of(world: World, address: str) -> str:
    """The broker's address with the stored credentials of a terminal."""
    stored = json.loads((world.running.home / "credentials" / f"{address}.json").read_text())
    return str(stored["amqp_url"])


def line(world: World, address: str) -> Line:
    """A connection of a terminal, which gets an account if it has none."""
    world.add(address)
    return Line(url_of(world, address))


def registered(connection: Connection) -> tuple[Terminal, str]:
    """A terminal that listens to the inbox of a new session, and this session."""
    terminal, session = Terminal(connection), secrets.token_hex(16)
    answer = terminal.ask("register", {"type": "Register/1", "session": session})
    connection.consume(answer["session_inbox"])
    return terminal, session


def server_line(world: World) -> Line:
    """A connection of the server's own user."""
    return Line(world.running.servers[SERVER].amqp_url)


def parked_headers(world: World, body: bytes, step: str) -> FieldTable:
    """Wait for a message of a step in the parked queue, take out all up to it, and return its headers."""
    with server_line(world) as server:
        server.consume(PARKED)
        while True:
            found = server.next(lambda _: True)
            server.ack(found)
            headers = found.properties.headers or {}
            if found.body == body and headers["rollcast-step"] == step:
                # The broker has taken the acknowledgements when it answers what comes after them.
                server.attempt(commands.Basic.Qos(prefetch_count=16), commands.Basic.QosOk)
                return headers


def sample(world: World, name: str, **labels: str) -> float:
    """A metric with exactly these labels, summed over the workers."""
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    total = 0.0
    for worker in world.running.workers:
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.metrics_port}/metrics", timeout=10) as answer:
            for row in answer.read().decode().splitlines():
                if row.startswith(f"{name}{{{inner}}} "):
                    total += float(row.rpartition(" ")[2])
    return total
