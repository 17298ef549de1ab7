"""The ledger is put back as it was before a transfer ended: what has happened since is told again."""

import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dev.packages import CHECKOUT
from tests.e2e.damage import stopped
from tests.e2e.underway import Held, completes, digest, newest
from tests.e2e.world import World, ends, random_file
from tests.people import ALICE, BOB, SERVER
from tests.waiting import wait_until

pytestmark = pytest.mark.long


def _backup(ledger: Path, copy: Path) -> None:
    """Run the command of the document."""
    section = (CHECKOUT / "docs" / "operations.md").read_text().split("\n**SQLite**", 1)[1]
    found = re.search(r"```\npython3 (.*) rollcast\.db backup\.db\n```", section)
    assert found is not None
    subprocess.run([sys.executable, *shlex.split(found[1]), str(ledger), str(copy)], check=True)


def _restore(world: World, ledger: Path, copy: Path) -> None:
    """As the document says."""
    (worker,) = world.running.workers
    worker.stop()
    for file in ledger.parent.glob(f"{ledger.name}*"):
        file.rename(file.with_name(f"old-{file.name}"))
    shutil.copy(copy, ledger)
    worker.start()
    worker.wait_until_healthy()


def _state(world: World, transfer_id: str) -> str:
    document = world.run("status", transfer_id, "--json").document
    return str(document.get("state", document.get("error")))


def _state_in(ledger: Path, transfer_id: str) -> str:
    query = "SELECT state FROM sent_transfers WHERE transfer_id = ?"
    with closing(sqlite3.connect(ledger)) as connection:
        ((state,),) = connection.execute(query, [transfer_id]).fetchall()
    return str(state)


def test_a_ledger_from_the_middle_of_a_transfer(world: World, tmp_path: Path) -> None:
    """Taken while chunks come, put back when everybody has the file: it ends again, without its sender."""
    ledger, copy = (
        Path(world.running.servers[SERVER].ledger.removeprefix("sqlite:///")),
        tmp_path / "backup.db",
    )
    held = Held(world, tmp_path)
    with stopped(held.bob.pid):
        held.wait_until_lane_fills()
        _backup(ledger, copy)
    completes(world, held.sending, held.source)
    transfer_id = held.lane.rpartition(".")[2]
    wait_until(lambda: not (world.running.servers[SERVER].spool / transfer_id).exists(), "the spool is clean")
    assert (_state_in(copy, transfer_id), _state_in(ledger, transfer_id)) == ("casting", "completed")
    _restore(world, ledger, copy)
    wait_until(lambda: _state(world, transfer_id) == "completed", "the transfer has ended once more")
    later = random_file(tmp_path / "later.bin", 100_000)
    done = world.send(later, ALICE, [BOB])
    assert ends(done.document) == {BOB: ("delivered", None)}
    assert digest(newest(world.inbox(BOB))) == digest(later)
