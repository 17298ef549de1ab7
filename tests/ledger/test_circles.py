"""Workers that each have several transfers in hand do not wait for each other in a circle."""

from random import Random

import pytest

from rollcast.messages import (
    ChunksMissing,
    CloseDue,
    ClosingConfirmed,
    Message,
    ReceiptReported,
    ReceiversFinished,
    ReceiversInvited,
    Register,
    RepairDue,
    TransferClosed,
)
from rollcast.messages.values import Capabilities, ReceiverStatus
from rollcast.states import Receiver, Transfer
from tests.ledger.crowd import SIZE, Crowd
from tests.people import ACME, ALICE, BOB, CAROL, GLOBEX, SERVER_USER
from tests.unit.steps.build import RIGHT, MiB, at, by, file, request
from tests.unit.steps.world import TimeTravel, World
from workers.work import Received

pytestmark = pytest.mark.long

TRANSFERS = [f"{number:032x}" for number in range(12)]
HELD = "f" * 32
SMALL = file(size=MiB)
Share = list[list[Received]]


@pytest.fixture
async def world(ledger_url: str) -> World:
    """Twelve transfers that are cast, and one that waits for their room."""
    made = World(TimeTravel(ledger_url))
    await made.account(ALICE, BOB, CAROL)
    for transfer_id in TRANSFERS:
        await made.casting(request(transfer_id=transfer_id, file=SMALL))
    await made.settle(by(ALICE, request(transfer_id=HELD, file=file(size=990 * MiB))))
    assert await made.state(HELD) == Transfer.HELD
    return made


def shares(seed: int, messages: list[Received]) -> list[Share]:
    """For each process all the messages in an order of its own, in batches."""
    random = Random(seed)
    return [_batches(random.sample(messages, len(messages)), random) for _ in range(SIZE)]


def _batches(messages: list[Received], random: Random) -> Share:
    batches: Share = []
    while messages:
        size = random.randint(4, 16)
        batches.append(messages[:size])
        messages = messages[size:]
    return batches


def ends(transfer_id: str) -> list[Received]:
    """What S310 hears when all have the file: at the receivers' server and at the sender's."""
    receipt = ReceiptReported(transfer_id=transfer_id, outcome="delivered", bytes=MiB, hash=RIGHT)
    finished = [
        ReceiverStatus(address=a, state=Receiver.DELIVERED, revision=9, bytes=MiB, blake3=RIGHT.blake3)
        for a in (BOB, CAROL)
    ]
    closed = TransferClosed(
        transfer_id=transfer_id, sender_domain=ACME, state=Transfer.COMPLETED, reason=None
    )
    told: list[tuple[str, Message]] = [
        (ACME, ReceiversFinished(transfer_id=transfer_id, receivers=finished)),
        (ACME, CloseDue(transfer_id=transfer_id)),
        (ACME, ClosingConfirmed(transfer_id=transfer_id, domain=ACME, delivered=1)),
        (GLOBEX, closed),
    ]
    return [by(BOB, receipt), by(CAROL, receipt), *(at(domain, message) for domain, message in told)]


def losses(transfer_id: str) -> list[Received]:
    """What S300 hears of lost chunks, at both servers."""
    missing = ChunksMissing(transfer_id=transfer_id, ranges=[(0, 1)])
    due = RepairDue(transfer_id=transfer_id, receiver=BOB, ranges=[(0, 1)], lacking=1)
    return [by(BOB, missing), by(CAROL, missing), at(ACME, due)]


@pytest.mark.parametrize("seed", range(3))
async def test_when_transfers_end(world: World, workers: Crowd, ledger_url: str, seed: int) -> None:
    """Rows of both halves are locked, and the room that is given back."""
    for transfer_id in TRANSFERS:
        await world.change(transfer_id, uploaded_at=1, spooled=1)
    workers.handle(ledger_url, shares(seed, [one for key in TRANSFERS for one in ends(key)]))
    assert {await world.state(key) for key in TRANSFERS} == {Transfer.COMPLETED}
    assert await world.reserved() == 0


async def test_when_chunks_are_lost(world: World, workers: Crowd, ledger_url: str) -> None:
    """Requests come from the receivers, and from other servers."""
    workers.handle(ledger_url, shares(1, [one for key in TRANSFERS for one in losses(key)]))


@pytest.mark.parametrize("seed", range(2))
async def test_when_transfers_begin(world: World, workers: Crowd, ledger_url: str, seed: int) -> None:
    """Whoever writes a transfer down first makes the others wait."""
    new = [f"{number:032x}" for number in range(100, 112)]
    workers.handle(ledger_url, shares(seed, [by(ALICE, request(transfer_id=key, file=SMALL)) for key in new]))
    offers = [await world.offer(key) for key in new]
    invitations = [Received(ReceiversInvited(offer=o, receivers=[BOB]), SERVER_USER, ACME) for o in offers]
    workers.handle(ledger_url, shares(seed, invitations))
    assert {tuple(await world.invited(key)) for key in new} == {(BOB,)}


async def test_when_terminals_register(world: World, workers: Crowd, ledger_url: str) -> None:
    """Thousands may come back at once, each more than one time."""
    names = [f"t{number}@{ACME}" for number in range(20)]
    await world.account(*names)
    here = [by(name, Register(session="1" * 32, capabilities=Capabilities())) for name in names]
    workers.handle(ledger_url, shares(1, here))
