"""What a diagnosis finds of a real broker, as it should be and as it should not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.broker.clinic import Clinic
from tests.broker.clinic import clinic as clinic
from tests.broker.clinic import database as database
from tests.unit.steps.build import SECOND
from tests.unit.steps.world import TimeTravel
from workers.doctor import broker_checks, queue_checks


async def test_version_alarms_lanes_and_message_size(clinic: Clinic) -> None:
    """All is well at a broker that has just been started."""
    version, plugins = await broker_checks.check_version(clinic.api)
    assert (version.ok, version.detail) == (True, f"RabbitMQ {clinic.node.version}")
    assert plugins.detail in {"rabbitmq_management", "rabbitmq_management, rabbitmq_prometheus"}
    for findings in (
        await broker_checks.check_room(clinic.api),
        await broker_checks.check_message_size(clinic.settings),
        await queue_checks.check_lanes(clinic.api),
    ):
        assert [finding.ok for finding in findings] == [True], findings


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("3.9.29", "too old"),
        ("2.8.7", "too old"),
        ("4.3.0", "passive declare"),
        ("4.3.1", None),
        ("4.30.0", None),
    ],
)
async def test_a_broker_that_cannot_be_worked_with(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, version: str, why: str | None
) -> None:
    """By its numbers, not by its letters: 3.9 is before 3.10."""

    async def other() -> str:
        return version

    monkeypatch.setattr(clinic.api, "version", other)
    finding, *_ = await broker_checks.check_version(clinic.api)
    assert (finding.ok, f"RabbitMQ {version}" in finding.detail) == (why is None, True)
    assert (why or "") in finding.detail


async def test_chunks_that_are_not_taken(clinic: Clinic, user: Callable[[str, str], str]) -> None:
    """Here since the user may not publish; what the broker says is told."""
    settings = replace(clinic.settings, amqp_url=user("^$", "^$"))
    [finding] = await broker_checks.check_message_size(settings)
    assert not finding.ok
    assert "ACCESS_REFUSED" in finding.detail


async def test_lanes_that_would_fill_the_memory(clinic: Clinic) -> None:
    """Before 4.0: where another policy of a higher priority applies, the lazy one does not."""
    [finding] = await broker_checks.check_policies(clinic.settings, clinic.api)
    assert finding.ok, finding
    if int(clinic.node.version.split(".")[0]) >= 4:
        return
    with clinic.policy(r"^rollcast\.lane\.", {"max-length": 10**6}, 99):
        [finding] = await broker_checks.check_policies(clinic.settings, clinic.api)
    assert (finding.ok, finding.detail.split(" would ")[0]) == (False, "lanes")
    assert "rabbitmqctl set_policy rollcast-lazy" in (finding.remedy or "")


async def test_clocks(clinic: Clinic, database: TimeTravel) -> None:
    """Which one is off is named."""
    [finding] = await broker_checks.check_clocks(database, clinic.api)
    assert finding.ok, finding
    database.ahead = 60 * SECOND
    [finding] = await broker_checks.check_clocks(database, clinic.api)
    assert (finding.ok, "the ledger's by 60 s" in finding.detail) == (False, True)


async def test_a_broker_without_figures_of_its_own(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are recommended, and it is well without them."""

    async def call(method: str, path: str) -> object:
        return [{"name": "rabbit@one", "enabled_plugins": ["rabbitmq_management"]}]

    monkeypatch.setattr(clinic.api, "version", _new)
    monkeypatch.setattr(clinic.api, "call", call)
    version, plugins = await broker_checks.check_version(clinic.api)
    assert (version.ok, plugins.ok) == (True, True)
    assert plugins.detail.endswith("; rabbitmq_prometheus would give its own figures")


async def _new() -> str:
    return "4.1.0"
