"""What a person can do wrong at the command line: the exit status, and what is said."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.world import ROLLCAST, World, ends, random_file
from tests.people import ACME, ALICE, BOB, CAROL, OPERATOR
from tests.waiting import wait_until

ALL_FILES = "-dac_override,-dac_read_search"
# Root may read everything, unless it gives up what lets it.
AS_ANY_USER = (
    ["setpriv", f"--bounding-set={ALL_FILES}", f"--inh-caps={ALL_FILES}"] if os.geteuid() == 0 else []
)


@pytest.fixture(scope="module")
def staffed(world: World) -> World:
    """Alice sends, Bob and Carol accept."""
    world.add(ALICE)
    world.receive(BOB)
    world.receive(CAROL)
    return world


def _error(document: dict[str, dict[str, str]]) -> str:
    assert set(document) == {"error"}
    assert set(document["error"]) == {"code", "message", "hint"}
    return document["error"]["message"]


def test_no_such_file(staffed: World, tmp_path: Path) -> None:
    """A path that is not there is wrong usage, and named."""
    done = staffed.send(tmp_path / "missing.bin", ALICE, [BOB])
    assert done.status == 2
    assert "missing.bin" in _error(done.document)
    assert "missing.bin" in done.said


def test_a_folder(staffed: World, tmp_path: Path) -> None:
    """A folder cannot be sent."""
    done = staffed.send(tmp_path, ALICE, [BOB])
    assert done.status == 2
    assert "folder" in _error(done.document)


def test_an_unreadable_file(staffed: World, tmp_path: Path) -> None:
    """Who may not read a file cannot send it."""
    source = random_file(tmp_path / "secret.bin", 10)
    source.chmod(0)
    done = subprocess.run(
        [*AS_ANY_USER, *ROLLCAST, *staffed.sending(source, ALICE, [BOB])],
        env=staffed.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert "secret.bin" in done.stderr


@pytest.mark.parametrize("change", ["shrinks", "changes"])
def test_a_file_that_changes_while_it_is_sent(staffed: World, tmp_path: Path, change: str) -> None:
    """The transfer ends as such, and nobody has the file."""
    source = random_file(tmp_path / f"{change}.bin", 300_000_000)
    bob = staffed.receive(BOB)
    process = staffed.start(*staffed.sending(source, ALICE, [BOB]))
    wait_until(lambda: '"opened"' in bob.tail(1_000), "the lane is open")
    if change == "shrinks":
        os.truncate(source, 1_000)
    else:
        with source.open("r+b") as file:
            file.seek(299_000_000)
            file.write(b"changed" * 1000)
    out, said = process.communicate(timeout=90)
    assert process.returncode == 1, said
    assert '"source_changed"' in out
    assert not (staffed.inbox(BOB) / source.name).exists()


def test_malformed_recipients(staffed: World, tmp_path: Path) -> None:
    """They are wrong usage, and named."""
    done = staffed.send(random_file(tmp_path / "a.bin", 10), ALICE, [BOB, "Not An Address", "x@y@z"])
    assert done.status == 2
    assert "Not An Address" in _error(done.document)


def test_no_recipients(staffed: World, tmp_path: Path) -> None:
    """Somebody must be named, at the command line or in the list."""
    source = random_file(tmp_path / "a.bin", 10)
    empty = tmp_path / "empty.txt"
    empty.write_text("# nobody\n\n")
    assert staffed.send(source, ALICE, []).status == 2
    assert staffed.send(source, ALICE, [], "--to-file", str(empty)).status == 2


def test_duplicates_and_the_sender_itself(staffed: World, tmp_path: Path) -> None:
    """Duplicates count once, and one may send to oneself."""
    staffed.receive(ALICE)
    listed = tmp_path / "list.txt"
    listed.write_text(f"{BOB}\n # a comment\n\n{ALICE}\n{BOB}\n")
    source = random_file(tmp_path / "twice.bin", 10)
    done = staffed.send(source, ALICE, [BOB], "--to-file", str(listed))
    assert done.status == 0, done.said
    assert ends(done.document) == {BOB: ("delivered", None), ALICE: ("delivered", None)}


@pytest.mark.parametrize(
    ("limit", "value", "code"),
    [("--max-recipients", "1", "too_many_recipients"), ("--max-file-size", "5B", "file_too_big")],
)
def test_more_than_the_account_may(staffed: World, tmp_path: Path, limit: str, value: str, code: str) -> None:
    """More recipients or bytes are refused, with the limit."""
    address = f"limited{len(limit)}@{ACME}"
    assert staffed.run("admin", "add", address, limit, value).status == 0
    done = staffed.send(random_file(tmp_path / "a.bin", 10), address, [BOB, CAROL])
    assert done.status == 3, done.said
    assert done.document["error"]["code"] == code


def test_an_account_that_may_not_send(staffed: World, tmp_path: Path) -> None:
    """It is refused."""
    assert staffed.run("admin", "add", f"mute@{ACME}", "--no-may-send").status == 0
    done = staffed.send(random_file(tmp_path / "a.bin", 10), f"mute@{ACME}", [BOB])
    assert (done.status, done.document["error"]["code"]) == (3, "sending_not_allowed")


@pytest.mark.parametrize("name", ["tab\tname", "new\nline", "back\\slash"])
def test_names_that_cannot_be_used(staffed: World, tmp_path: Path, name: str) -> None:
    """They are refused at S210."""
    done = staffed.send(random_file(tmp_path / name, 10), ALICE, [BOB])
    assert (done.status, done.document["error"]["code"]) == (3, "invalid_file_name"), done.said


@pytest.mark.parametrize("name", ['it\'s "quoted" ; $HOME.txt', "  spaces ", "שלום.txt", "🎲🎲.bin", "-rf"])
def test_names_that_are_fine(staffed: World, tmp_path: Path, name: str) -> None:
    """Quotes, spaces, right-to-left and emoji arrive as they are."""
    source = random_file(tmp_path / name, 10)
    done = staffed.send(source, ALICE, [CAROL])
    assert done.status == 0, done.said
    assert (staffed.inbox(CAROL) / name).read_bytes() == source.read_bytes()


def test_a_name_that_exists(staffed: World, tmp_path: Path) -> None:
    """The second file of a name gets a number, and the first stays."""
    first, second = tmp_path / "1" / "same.txt", tmp_path / "2" / "same.txt"
    for source in (first, second):
        source.parent.mkdir()
        done = staffed.send(random_file(source, 10), ALICE, [CAROL])
        assert done.status == 0, done.said
    assert (staffed.inbox(CAROL) / "same.txt").read_bytes() == first.read_bytes()
    assert (staffed.inbox(CAROL) / "same (2).txt").read_bytes() == second.read_bytes()


def test_no_broker(staffed: World, tmp_path: Path) -> None:
    """Nobody answers: status 4, and where it was tried."""
    done = staffed.run("admin", "list", ROLLCAST_AMQP_URL="amqp://operator:x@127.0.0.1:1/")
    assert done.status == 4
    assert "127.0.0.1:1" in done.said


def test_a_wrong_password(staffed: World) -> None:
    """The broker does not let us in: status 4, without the password."""
    url = staffed.running.operator_url.replace(f"{OPERATOR}:", f"{OPERATOR}:wrong-")
    done = staffed.run("admin", "list", ROLLCAST_AMQP_URL=url)
    assert done.status == 4
    assert "wrong-" not in done.said


def test_no_credentials(staffed: World, tmp_path: Path) -> None:
    """An account that this home does not know is wrong usage, and says where was looked."""
    done = staffed.send(random_file(tmp_path / "a.bin", 10), f"stranger@{ACME}", [BOB])
    assert done.status == 2
    assert f"stranger@{ACME}" in done.said


def test_a_second_receiver(staffed: World, tmp_path: Path) -> None:
    """One process receives for an address; another one is told so."""
    staffed.receive(CAROL)
    done = staffed.run("receive", "--as", CAROL, "--into", str(tmp_path), "--accept", "all")
    assert done.status == 4
    assert CAROL in done.said


def test_asking_without_a_terminal(staffed: World, tmp_path: Path) -> None:
    """Nobody can be asked where nobody sits."""
    done = staffed.run("receive", "--as", BOB, "--into", str(tmp_path), "--accept", "ask")
    assert done.status == 2
    assert "--accept" in done.said
