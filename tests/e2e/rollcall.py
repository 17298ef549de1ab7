"""Transfers between terminals that a test plays itself, message by message."""

import secrets
from contextlib import ExitStack

from blake3 import blake3

from tests.contract.raw_client import Fields, Terminal
from tests.e2e.raw import line, registered
from tests.e2e.world import World
from tests.people import ACME, GLOBEX

CHUNK = 65_536
CHUNKS = 3
FILE = secrets.token_bytes((CHUNKS - 1) * CHUNK + 100)
HASH = {"blake3": blake3(FILE).hexdigest()}


def sender(world: World, connections: ExitStack) -> tuple[Terminal, str]:
    """A new sender, and the session that its requests name."""
    return registered(connections.enter_context(line(world, f"alice-{secrets.token_hex(3)}@{ACME}")))


def receiver(world: World, connections: ExitStack) -> Terminal:
    """A new receiver that listens."""
    terminal = Terminal(connections.enter_context(line(world, f"bob-{secrets.token_hex(3)}@{GLOBEX}")))
    answer = terminal.ask("register", {"type": "Register/1", "capabilities": {}})
    terminal.connection.consume(answer["inbox"], exclusive=True)
    return terminal


def request(session: str, *receivers: str, **changed: object) -> Fields:
    """A request to send `FILE`, with `changed` fields."""
    return {
        "type": "TransferRequested/1",
        "transfer_id": secrets.token_hex(16),
        "session": session,
        "file": {"name": "played.bin", "size": len(FILE), "hash": HASH},
        "recipients": list(receivers),
        "chunk_size": CHUNK,
        **changed,
    }


def answer(terminal: Terminal, transfer_id: str, accept: bool) -> None:
    """Say yes or no."""
    terminal.say("answer", {"type": "ConsentAnswered/1", "transfer_id": transfer_id, "accept": accept})


def receipt(transfer_id: str, **changed: object) -> Fields:
    """A receipt for `FILE`, with `changed` fields."""
    fields: Fields = {"type": "ReceiptReported/1", "transfer_id": transfer_id, "outcome": "delivered"}
    return fields | {"bytes": len(FILE), "hash": HASH, **changed}


def upload(terminal: Terminal, transfer_id: str) -> None:
    """Upload the whole file, once the server asks for it."""
    terminal.hear("UploadInvited")
    for index in range(CHUNKS):
        terminal.upload(transfer_id, index, FILE[index * CHUNK : (index + 1) * CHUNK])
