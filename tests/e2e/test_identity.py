"""Workers of one server that name another ledger, spool or domains end with status 2, and those that run go on."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.another import another_worker, starts_and_ends
from tests.e2e.world import World, ends, random_file
from tests.people import ACME, ALICE, BOB, SERVER

OTHERS: Mapping[str, Mapping[str, str]] = {
    "ROLLCAST_LEDGER": {"ROLLCAST_LEDGER": "sqlite:///{folder}/other.db"},
    "ROLLCAST_SPOOL": {"ROLLCAST_SPOOL": "file://{folder}/other"},
    "ROLLCAST_DOMAINS": {"ROLLCAST_DOMAINS": ACME},
}


@pytest.mark.parametrize("setting", OTHERS)
def test_a_second_worker_that_names_another(world: World, tmp_path: Path, setting: str) -> None:
    """It says which setting, and what the server has; nobody else is disturbed, and doctor finds all well."""
    told = {name: value.format(folder=tmp_path) for name, value in OTHERS[setting].items()}
    last = starts_and_ends(another_worker(world, tmp_path, told), 2)
    assert (last["level"], last["code"]) == ("error", "other_identity")
    assert last["event"].startswith(f"{setting} "), last
    assert f"the server '{SERVER}' " in last["event"]
    assert "python -m workers adopt" in last["hint"]
    assert [one.returncode for one in world.running.workers] == [None]
    world.receive(BOB)
    world.add(ALICE)
    done = world.send(random_file(tmp_path / "file.bin", 100_000), ALICE, [BOB])
    assert ends(done.document) == {BOB: ("delivered", None)}
    findings = world.run("doctor", "--json").document["findings"]
    assert [finding for finding in findings if not finding["ok"]] == []


def test_pools_that_need_no_spool(world: World, tmp_path: Path) -> None:
    """They run where it cannot be reached."""
    made = another_worker(world, tmp_path, {"ROLLCAST_SPOOL": f"file://{tmp_path}/other"}, "s240", "progress")
    made.start()
    made.wait_until_healthy()
    made.stop()
    assert made.returncode == 0, made.tail()
