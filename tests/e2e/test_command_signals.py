"""Commands that are left, ended or watched: signals, `--count`, `--detach`, and what is drawn on a terminal."""

import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.world import ROLLCAST, World, random_file
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, GLOBEX, NOBODY
from tests.waiting import wait_until

SILENT = f"silent@{GLOBEX}"
LEAVES_WITHIN_S = 20.0


@pytest.fixture(scope="module")
def staffed(world: World) -> World:
    """Alice sends, Bob accepts; somebody has registered once and is away."""
    world.add(ALICE)
    world.receive(BOB)
    world.receive(SILENT).stop()
    return world


def _said(process: "subprocess.Popen[str]", words: str) -> str:
    """What was said until these words were."""
    assert process.stderr is not None
    said = ""
    while words not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


def asking(staffed: World, source: Path, *options: str) -> "subprocess.Popen[str]":
    """A `send` that waits for somebody who does not answer."""
    process = staffed.start(*staffed.sending(source, ALICE, [SILENT], "--expires", "90s", *options))
    _said(process, "asked until")
    return process


@pytest.mark.parametrize(("told", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_receiver_is_ended(staffed: World, tmp_path: Path, told: signal.Signals, status: int) -> None:
    """Ctrl-C is an interruption, SIGTERM is how services end; what comes next needs nobody to clean up."""
    words = ("--into", str(tmp_path), "--accept", "all", "--json")
    staffed.add(CAROL)
    process = staffed.start("receive", "--as", CAROL, *words)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["event"] == "ready"
    process.send_signal(told)
    _, said = process.communicate(timeout=LEAVES_WITHIN_S)
    assert process.returncode == status, said
    assert "Traceback" not in said


def test_a_receiver_ends_by_itself(staffed: World, tmp_path: Path) -> None:
    """After so many files, whose places are all that stands on standard output."""
    staffed.add(DAVE)
    words = ("--into", str(tmp_path / "in"), "--accept", "all", "--accept-from", f"*@{ACME}", "--count", "2")
    process = staffed.start("receive", "--as", DAVE, *words)
    _said(process, "is ready to receive")
    source = random_file(tmp_path / "a.bin", 10)
    for _ in range(2):
        assert staffed.send(source, ALICE, [DAVE]).status == 0
    out, said = process.communicate(timeout=LEAVES_WITHIN_S)
    assert process.returncode == 0, said
    files = [tmp_path / "in" / name for name in ("a.bin", "a (2).bin")]
    assert out.splitlines() == [f"{file}  10 B  from {ALICE}" for file in files]


def test_a_sender_from_elsewhere_is_declined(staffed: World, tmp_path: Path) -> None:
    """It sees `rejected`; a file of the wrong type is not even asked about."""
    staffed.receive(BOB, "--accept-from", f"*@{GLOBEX}")
    document = staffed.send(random_file(tmp_path / "a.bin", 10), ALICE, [BOB]).document
    assert document["receivers"][0]["disposition"] == "rejected"
    staffed.receive(BOB, "--accept-type", "image/*")
    document = staffed.send(random_file(tmp_path / "a.bin", 10), ALICE, [BOB]).document
    assert document["receivers"][0]["reason"] == "type_not_accepted"
    staffed.receive(BOB)


def test_a_sender_leaves(staffed: World, tmp_path: Path) -> None:
    """Status 130, and the report of the transfer, which is cancelled."""
    process = asking(staffed, random_file(tmp_path / "a.bin", 10))
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=LEAVES_WITHIN_S)
    assert process.returncode == 130, said
    transfer_id = json.loads(out)["transfer_id"]
    assert f"cancelling transfer {transfer_id}" in said
    assert f"transfer {transfer_id} is cancelled" in said
    done = staffed.run("status", transfer_id, "--as", ALICE, "--json")
    assert (done.status, done.document["state"]) == (1, "cancelled")
    mine = staffed.run("list", "--as", ALICE, "--json").document["transfers"]
    everybodys = staffed.run("list", "--json").document["transfers"]
    assert transfer_id == mine[0]["transfer_id"] == everybodys[0]["transfer_id"]


def test_a_sender_detaches(staffed: World, tmp_path: Path) -> None:
    """It ends when the server has the file; the transfer ends without it, and the status says how."""
    source = random_file(tmp_path / "detached.bin", 3_000_000)
    done = staffed.send(source, ALICE, [BOB, SILENT], "--detach", "--consent-timeout", "2s")
    assert done.status == 0, done.said
    words = ("status", done.document["transfer_id"], "--json")
    wait_until(lambda: staffed.run(*words).document["state"] == "partial", "the transfer has ended")
    assert staffed.run(*words, "--as", ALICE).status == 1
    told = staffed.start(*words[:2])
    out, _ = told.communicate(timeout=LEAVES_WITHIN_S)
    assert f"detached.bin, 2.9 MiB, from alice@{ACME}: partial, 1 of 2 have it" in out


def test_a_terminal_gets_a_drawing(staffed: World, tmp_path: Path) -> None:
    """On standard error; standard output has the document and nothing else."""
    user, terminal = pty.openpty()
    source = random_file(tmp_path / "drawn\u202egnp.exe", 50_000_000)
    words = staffed.sending(source, ALICE, [BOB, NOBODY])
    process = subprocess.Popen(
        [*ROLLCAST, *words],
        env=staffed.environment | {"TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    drawn = _read(user)
    out, _ = process.communicate(timeout=LEAVES_WITHIN_S)
    assert process.returncode == 1
    assert json.loads(out)["file"]["name"] == source.name
    assert "Roll call  2 asked: 1 accepted, 1 unknown" in drawn
    assert "drawn\\u202egnp.exe" in drawn
    assert "\u202e" not in drawn
    assert drawn.rstrip("\r\n").endswith("\x1b[?25h"), "the cursor is there again"


def _read(user: int) -> str:
    """All that is written to a terminal until nobody has it open any more."""
    read = b""
    with os.fdopen(user, "rb", buffering=0) as screen:
        while True:
            try:
                read += screen.read(65_536)
            except OSError:
                return read.decode()
