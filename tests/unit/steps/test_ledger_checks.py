"""What a diagnosis finds in the ledger and in the spool, and that a check that fails stops no other."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from rollcast.broker import Link
from rollcast.messages import DiagnosisAnswered, DiagnosisRequested
from rollcast.messages.figures import Finding
from tests.people import ACME, ALICE, OPERATOR
from tests.unit.steps.build import SECOND, MiB, by, file, one, request
from tests.unit.steps.world import SETTINGS, World
from workers import room
from workers.broker.declarer import Declarer
from workers.broker.management import Management
from workers.doctor import ledger_checks
from workers.doctor.diagnosis import Diagnosis
from workers.doctor.ledger_checks import ALIVE, OVERDUE
from workers.ledger.migrate import revisions
from workers.spool.store import Store
from workers.work import Received

NOWHERE = "amqp://nobody@127.0.0.1:1/"


async def measured(world: World, free: int | None = None, full: str | None = None) -> None:
    """The clock measures."""
    async with world.database.begin() as ledger:
        await room.note(ledger, SETTINGS.server, free, full)


async def clock(world: World) -> Finding:
    """What is found of the clock."""
    [finding] = await ledger_checks.check_clock(SETTINGS, world.database)
    return finding


async def of_room(world: World) -> Finding:
    """What is found of the spool's room."""
    [finding] = await ledger_checks.check_room(SETTINGS, world.database)
    return finding


async def test_the_ledger_is_at_the_revision_of_the_code(world: World) -> None:
    """One that is not is told with both."""
    [finding] = await ledger_checks.check_ledger(world.database)
    assert finding.ok
    head, _ = await revisions(world.database)
    async with world.database.begin() as ledger:
        await ledger.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    try:
        [finding] = await ledger_checks.check_ledger(world.database)
    finally:
        async with world.database.begin() as ledger:
            await ledger.execute(text(f"UPDATE alembic_version SET version_num = '{head}'"))
    assert not finding.ok
    assert f"revision 0001, and these workers are at {head}" in finding.detail


async def test_the_clock_shows_itself_by_measuring(world: World) -> None:
    """One that never ran, one that runs, one that ended."""
    assert not (await clock(world)).ok
    await measured(world)
    assert (await clock(world)).ok
    world.pass_time(ALIVE + SECOND)
    finding = await clock(world)
    assert (finding.ok, finding.subject) == (False, "pool clock")
    assert finding.remedy is not None
    assert "python -m workers clock" in finding.remedy


async def test_the_clock_shows_itself_by_prompting(world: World) -> None:
    """What has been due for long nobody has prompted, though somebody measures."""
    await world.settle(by(ALICE, request()))
    world.pass_time(OVERDUE + 10 * SECOND)
    await measured(world)
    finding = await clock(world)
    assert not finding.ok
    assert "due for" in finding.detail


async def test_the_room_in_the_spool(world: World) -> None:
    """Of its quota, and of its disk."""
    assert (await of_room(world)).ok
    await measured(world, free=500 * MiB)
    finding = await of_room(world)
    assert finding.ok
    assert finding.detail == "0 of 1000 MiB are reserved, its disk has 500 MiB free"
    await measured(world, free=room.MARGIN - 1)
    assert "bigger disk" in (await of_room(world)).remedy  # type: ignore[operator]
    await measured(world)
    await world.settle(by(ALICE, request(file=file(size=960 * MiB))))
    finding = await of_room(world)
    assert (finding.ok, finding.detail) == (False, "960 of 1000 MiB are reserved")


async def test_the_spool_is_tried(tmp_path: Path) -> None:
    """Nothing is left of the trial."""
    [finding] = await ledger_checks.check_spool(Store(f"file://{tmp_path}"))
    assert finding.ok
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


async def test_what_fails_is_a_finding(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without its management API, with a spool that is gone, and with a fault of ours, tells all of it."""

    async def broken(*_: object) -> list[Finding]:
        raise ZeroDivisionError("1/0")

    monkeypatch.setattr(ledger_checks, "check_room", broken)
    folder = tmp_path / "spool"
    store = Store(f"file://{folder}")
    folder.write_text("no folder")
    settings = replace(SETTINGS, amqp_url=NOWHERE)
    declarer = Declarer(Link(NOWHERE, "none"))
    diagnosis = Diagnosis(settings, world.database, store, declarer, Management(None, "/"))
    reply = await diagnosis.answer(Received(DiagnosisRequested(), OPERATOR, ACME))
    answer = one([reply], DiagnosisAnswered)
    found = {finding.subject: finding for finding in answer.findings}
    assert list(found) == [
        "management",
        "message size",
        "identity",
        "ledger",
        f"passwords of {ACME}",
        "pool clock",
        "spool",
        "room",
    ]
    assert [subject for subject, finding in found.items() if finding.ok] == ["ledger", f"passwords of {ACME}"]
    assert all(finding.remedy for finding in answer.findings if not finding.ok)
    assert found["management"].detail == "ROLLCAST_MANAGEMENT_URL is not set"
    for subject in ("message size", "identity"):
        assert "no broker answers at 127.0.0.1:1" in found[subject].detail
    assert "ZeroDivisionError" in found["room"].detail
