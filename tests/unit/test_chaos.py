"""What `make chaos` plans and how it judges, without a broker."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from dev.broker import Broker
from dev.chaos import checks, memory
from dev.chaos.faults import KINDS
from dev.chaos.kept import Kept
from dev.chaos.scene import Scene
from dev.chaos.schedule import plan
from dev.chaos.wishes import MODES, SIZES, wishes
from dev.deployment import Deployment
from dev.processes import Program
from tests.people import BOB

WEIGHTS = {name: kind.weight for name, kind in KINDS.items()}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Nobody but Bob, who has received nothing."""
    (tmp_path / "received" / BOB).mkdir(parents=True)
    bob = Kept(BOB, Program([], {}, tmp_path / "log"))
    nowhere = Deployment("", tmp_path, {})
    return Scene(Broker("", ""), nowhere, tmp_path, {}, workers=(), receivers=(bob,), disk=None)


def _report(*rows: dict[str, Any], state: str = "completed", content: bytes = b"x") -> dict[str, Any]:
    file = {"name": "plan.pdf", "hash": {"blake3": blake3(content).hexdigest()}}
    return {"transfer_id": "0" * 32, "state": state, "reason": None, "file": file, "receivers": list(rows)}


def _row(disposition: str, reason: str | None = None, stored_as: str | None = None) -> dict[str, Any]:
    return {"address": BOB, "disposition": disposition, "reason": reason, "stored_as": stored_as}


def test_a_seed_tells_all() -> None:
    """The same seed gives the same faults and transfers, another one others."""
    assert plan(1, 120, WEIGHTS) == plan(1, 120, WEIGHTS) != plan(2, 120, WEIGHTS)
    assert wishes(1, 120) == wishes(1, 120) != wishes(2, 120)


def test_every_kind_comes_before_any_comes_too_often() -> None:
    """As many faults as all kinds weigh together are all kinds, each as often as it weighs."""
    first = plan(3, 120, WEIGHTS)[: sum(WEIGHTS.values())]
    assert Counter(fault.kind for fault in first) == WEIGHTS


def test_every_size_and_mode_is_sent() -> None:
    """A short run has them all."""
    found = wishes(4, 30)
    assert {wish.size for wish in found} == set(SIZES)
    assert all(any(set(mode) <= set(wish.options) for wish in found) for mode in MODES)


def test_what_is_as_reported_is_right(scene: Scene) -> None:
    """A file that is there once and whole, and a reason."""
    (scene.inbox(BOB) / "plan.pdf").write_bytes(b"x")
    documents = [
        _report(_row("delivered", None, "plan.pdf")),
        _report(_row("rejected", "rejected"), state="failed"),
    ]
    assert checks.faults(scene, documents) == []


@pytest.mark.parametrize(
    ("stored", "row", "state", "told"),
    [
        ({}, _row("delivered", None, "plan.pdf"), "completed", "no file"),
        ({"plan.pdf": b"y"}, _row("delivered", None, "plan.pdf"), "completed", "is not the file"),
        ({"plan.pdf": b"x"}, _row("rejected", "rejected"), "failed", "no report says so"),
        (
            {"plan.pdf": b"x", "plan (2).pdf": b"x"},
            _row("delivered", None, "plan.pdf"),
            "completed",
            "plan (2).pdf",
        ),
        ({}, _row("no_answer"), "failed", "without a reason"),
        ({}, _row("cancelled", "cancelled"), "casting", "is not final"),
    ],
)
def test_what_is_not_as_reported_is_told(
    scene: Scene, stored: dict[str, bytes], row: dict[str, Any], state: str, told: str
) -> None:
    """A missing, a wrong, an unreported and a second file; no reason; no end."""
    for name, content in stored.items():
        (scene.inbox(BOB) / name).write_bytes(content)
    (fault,) = checks.faults(scene, [_report(row, state=state)])
    assert told in fault


def test_two_reports_do_not_share_a_file(scene: Scene) -> None:
    """One file is no proof of two deliveries."""
    (scene.inbox(BOB) / "plan.pdf").write_bytes(b"x")
    (fault,) = checks.faults(scene, [_report(_row("delivered", None, "plan.pdf"))] * 2)
    assert "two transfers" in fault


def test_who_has_grown_is_told() -> None:
    """Only beyond the bound."""
    grown = {"one-1": 100 + memory.MAY_GROW_MIB + 1, "one-2": 100 + memory.MAY_GROW_MIB}
    (leak,) = memory.leaks(dict.fromkeys(grown, 100.0), grown)
    assert leak.startswith("one-1")
