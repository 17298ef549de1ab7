"""Invariant 5: closing is right with any number of workers, on either database.

Eight real processes handle the same messages, duplicated and in any order.
"""

import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rollcast.messages import (
    Message,
    ReceiverListResolved,
    ReceiversAnswered,
    ReceiversFinished,
    SenderCheckDue,
    TransferReported,
)
from rollcast.messages.values import ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.ledger.crowd import SIZE, Crowd
from tests.people import ACME, ALICE, GLOBEX
from tests.unit.steps.build import RIGHT, MiB, T, at, by, digest, file, of, one, request
from tests.unit.steps.world import TimeTravel, World
from workers.ledger import roll
from workers.work import Received

pytestmark = pytest.mark.long

NAMES = [f"r{number}@{domain}" for number in range(20) for domain in (ACME, GLOBEX)]
Share = list[list[Received]]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty ledger, on one database after the other."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("ledger_url"))
    empty = request.getfixturevalue("empty_ledger")
    return f"sqlite:///{shutil.copy(empty, tmp_path / 'ledger.db')}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, on one kind after the other."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_cluster").database("empty"))
    return f"sqlite:///{tmp_path / 'empty.db'}"


async def opened(url: str) -> World:
    """A server with alice's account."""
    world = World(TimeTravel(url))
    await world.account(ALICE)
    return world


def shares(random: Random, messages: list[Message]) -> list[Share]:
    """For each process the messages in its own order, some twice, most of them, in batches of its own."""
    return [_share(random, messages) for _ in range(SIZE)]


def _share(random: Random, messages: list[Message]) -> Share:
    kept = [*messages, *random.choices(messages, k=5)]
    random.shuffle(kept)
    batches: Share = []
    while kept:
        size = random.randint(1, 8)
        batches.append([at(ACME, message) for message in kept[:size]])
        kept = kept[size:]
    return batches


def statuses(random: Random, final: dict[str, dict[str, Any]]) -> list[list[ReceiverStatus]]:
    """What the receivers' servers said, the older revisions too, in messages of a few receivers."""
    said = [
        *(ReceiverStatus(address=a, state=Receiver.ASKED, revision=2) for a in final),
        *(ReceiverStatus(address=a, revision=5, **fields) for a, fields in final.items()),
    ]
    random.shuffle(said)
    return [said[start : start + 3] for start in range(0, len(said), 3)]


async def test_all_that_start_at_once_migrate(workers: Crowd, empty_url: str) -> None:
    """As on two hosts with an empty database: one does it, the others wait, and nobody fails."""
    workers.migrate(empty_url)
    world = await opened(empty_url)
    await world.tell(by(ALICE, request(NAMES)))
    assert await world.transfers() == 1
    await world.database.close()


@pytest.mark.parametrize("seed", range(4))
async def test_a_round_is_closed_exactly_once(workers: Crowd, url: str, seed: int) -> None:
    """One process makes the list, and it is the right one."""
    random, world = Random(seed), await opened(url)
    await world.tell(by(ALICE, request(NAMES)))
    await world.tell(at(ACME, SenderCheckDue(transfer_id=T)))
    listed = random.sample(NAMES, 25)
    ends: dict[str, dict[str, Any]] = {
        name: {"state": Receiver.ACCEPTED}
        if name in listed
        else {"state": Receiver.REJECTED, "reason": Code.REJECTED}
        for name in NAMES
    }
    said: list[Message] = [
        ReceiversAnswered(transfer_id=T, receivers=part) for part in statuses(random, ends)
    ]
    resolved = one(workers.handle(url, shares(random, said)), ReceiverListResolved)
    assert {r.address for r in resolved.receivers if r.state == Receiver.ACCEPTED} == set(listed)
    assert (resolved.listed, resolved.requested) == (25, 40)
    assert {name for name, row in (await world.sent()).items() if row.listed_in} == set(listed)
    assert await world.state() == Transfer.CASTING
    await world.database.close()


@pytest.mark.parametrize("seed", range(2))
async def test_a_transfer_ends_exactly_once(workers: Crowd, url: str, seed: int) -> None:
    """One process makes the report, with every receipt in it."""
    random, world = Random(seed), await opened(url)
    await world.tell(by(ALICE, request(NAMES)))
    await world.change(state=Transfer.CASTING, resolved_at=1, list_version=1)
    async with world.database.begin() as ledger:
        await roll.move(ledger, T, [Receiver.INVITED], Receiver.RECEIVING, listed_in=1)
    has_it: dict[str, Any] = {"state": Receiver.DELIVERED, "bytes": 300 * MiB, "blake3": RIGHT.blake3}
    ends: dict[str, dict[str, Any]] = dict.fromkeys(NAMES, has_it)
    said: list[Message] = [
        ReceiversFinished(transfer_id=T, receivers=part)
        for part in statuses(random, ends)
        if {status.state for status in part} == {Receiver.DELIVERED}
    ]
    missing = set(NAMES) - {s.address for m in said if isinstance(m, ReceiversFinished) for s in m.receivers}
    said += [
        ReceiversFinished(
            transfer_id=T,
            receivers=[ReceiverStatus(address=name, revision=5, **has_it)],
        )
        for name in sorted(missing)
    ]
    report = one(workers.handle(url, shares(random, said)), TransferReported)
    assert (report.transfer.state, report.transfer.report_version) == (Transfer.COMPLETED, 1)
    assert (await world.transfer()).report_version == 1
    await world.database.close()


async def test_a_request_in_parts_is_written_down_once(workers: Crowd, url: str) -> None:
    """Its parts come to several workers at the same time."""
    random, world = Random(1), await opened(url)
    parts = [request(NAMES[part * 5 :][:5], part=part, parts=8) for part in range(8)]
    batches = [[[by(ALICE, part)] for part in random.sample(parts, 8)] for _ in range(SIZE)]
    outcomes = workers.handle(url, batches)
    assert of(outcomes, SenderCheckDue)
    assert list(await world.sent()) == NAMES
    assert await world.transfers() == 1
    await world.database.close()


async def test_room_is_reserved_once_and_never_beyond_the_quota(workers: Crowd, url: str) -> None:
    """Sixteen files of which three fit, checked by all at once."""
    world = await opened(url)
    ids = [f"{number:032x}" for number in range(16)]
    for transfer_id in ids:
        await world.tell(by(ALICE, request(["x@nowhere"], transfer_id=transfer_id)))
    checks: list[Message] = [SenderCheckDue(transfer_id=transfer_id) for transfer_id in ids]
    workers.handle(url, shares(Random(2), checks))
    states = [await world.state(transfer_id) for transfer_id in ids]
    assert (states.count("asking"), states.count("held")) == (3, 13)
    assert await world.reserved() == 3 * file().size
    await world.database.close()


async def test_chunks_are_counted_once(workers: Crowd, url: str) -> None:
    """An upload that is repeated meets itself in several spool workers."""
    random, world = Random(3), await opened(url)
    await world.tell(by(ALICE, request(NAMES)))
    indexes = list(range(100))
    parts = [
        [
            {index: digest(index) for index in sorted(random.sample(indexes, 100)[start : start + 25])}
            for start in range(0, 100, 25)
        ]
        + [{index: digest(index) for index in indexes}]
        for _ in range(SIZE)
    ]
    assert workers.spool(url, T, parts) == 100
    assert (await world.transfer()).spooled == 100
    await world.database.close()
