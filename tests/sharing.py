"""One broker for all processes of a test run: the first that needs it starts it, and ends it after the last."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

from dev import broker, management
from dev.broker import Broker


@contextmanager
def shared_node(folder: Path) -> Iterator[Broker]:
    """The node of a test run, whose processes agree on `folder`. Raises Missing if none can be had."""
    folder.mkdir(parents=True, exist_ok=True)
    address = folder / "address.json"
    with (
        (folder / "users").open("w") as users,
        (folder / "starting").open("w") as starting,
        ExitStack() as own,
    ):
        with locked(starting, fcntl.LOCK_EX):
            fcntl.flock(users, fcntl.LOCK_SH)
            if address.exists():
                running = Broker(*json.loads(address.read_text()))
            else:
                running = own.enter_context(broker.node(folder / "broker"))
                # RabbitMQ 3.10.8 answers one of the first two with 500 if they ask for it at once.
                management.call(running.management_url, "GET", "/api/queues")
                address.write_text(json.dumps([running.amqp_url, running.management_url]))
                own.callback(_leave_last, users, starting, address)
        yield running


@contextmanager
def own_virtual_host(node: Broker, name: str, queue_type: str = "classic") -> Iterator[Broker]:
    """An empty virtual host of a node with that default type of queues; gone afterwards with all in it."""
    made = Broker(f"{node.amqp_url.rpartition('/')[0]}/{quote(name, safe='')}", node.management_url)
    management.delete(node.management_url, made.path("vhosts"))
    # RabbitMQ 3.10 knows the default type by the other word.
    defaults = dict.fromkeys(("default_queue_type", "defaultqueuetype"), queue_type)
    management.call(node.management_url, "PUT", made.path("vhosts"), defaults)
    try:
        yield made
    finally:
        management.delete(node.management_url, made.path("vhosts"))


@contextmanager
def locked(file: IO[str], how: int) -> Iterator[None]:
    """Hold a lock on a file."""
    fcntl.flock(file, how)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _leave_last(users: IO[str], starting: IO[str], address: Path) -> None:
    """Wait for all others who use the node, and let nobody find it any more."""
    with locked(starting, fcntl.LOCK_EX):
        fcntl.flock(users, fcntl.LOCK_EX)
        address.unlink()
