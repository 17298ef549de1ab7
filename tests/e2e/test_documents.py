"""What `send`, `status`, `list` and `admin` say, to programs and to people."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from dev import management
from rollcast.credentials import Credentials
from rollcast.settings import ClientSettings
from tests.e2e.world import Done, World, random_file
from tests.people import ACME, ALICE, BOB, CAROL, EVE, GLOBEX, NOBODY

TRANSFER = {
    *("transfer_id", "state", "report_version", "list_version", "list_policy", "retry_of"),
    *("sender", "created_at"),
    *("expires_at", "reason", "detail", "file", "receivers", "timings"),
    *("uploaded", "counts", "stored", "rate"),
}
RECEIVER = {
    *("address", "disposition", "step", "reason", "detail", "may_ask_again", "bytes", "stored_as"),
    *("rate", "seconds_left", "moved_at", "delivered_at"),
}
SIZE = 100_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file."""
    return random_file(tmp_path_factory.mktemp("source") / "plan.pdf", SIZE)


@pytest.fixture(scope="module")
def world(world_anew: World) -> World:
    """A server whose only transfer is the one of these tests."""
    return world_anew


@pytest.fixture(scope="module")
def sent(world: World, source: Path) -> Done:
    """A transfer to receivers of every kind that has ended."""
    world.add(ALICE, EVE)
    world.receive(BOB)
    world.receive(CAROL, "--accept", "none")
    world.receive(f"small@{ACME}", "--max-file-size", "1KiB")
    world.receive(f"away@{GLOBEX}").stop()
    assert world.run("admin", "add", f"new@{GLOBEX}").status == 0
    others = [f"small@{ACME}", f"away@{GLOBEX}", f"new@{GLOBEX}", NOBODY, "x@nowhere"]
    return world.send(source, ALICE, [BOB, CAROL, *others], "--consent-timeout", "5s", "--sha256")


def _by_address(document: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    names = ("disposition", "step", "reason", "may_ask_again")
    return {one["address"]: tuple(one[name] for name in names) for one in document["receivers"]}


def test_the_report_is_a_document(sent: Done, source: Path) -> None:
    """With these fields and no others, instants in UTC and durations in seconds."""
    document = sent.document
    assert sent.status == 1, sent.said
    assert set(document) == TRANSFER
    assert all(set(receiver) == RECEIVER for receiver in document["receivers"])
    assert (document["state"], document["sender"]) == ("partial", ALICE)
    assert (document["report_version"], document["list_version"]) == (1, 1)
    assert document["list_policy"] == "subset"
    content = source.read_bytes()
    file = document["file"]
    assert (file["name"], file["size"], file["type"]) == ("plan.pdf", SIZE, "application/pdf")
    assert file["hash"]["blake3"] == blake3(content).hexdigest()
    assert set(file["hash"]) == {"blake3", "sha256"}
    created, expires = (datetime.fromisoformat(document[name]) for name in ("created_at", "expires_at"))
    assert (expires - created).total_seconds() == 86_400
    assert (document["uploaded"], document["stored"], document["rate"]) == (SIZE, SIZE, None)
    assert document["counts"] == dict(Counter(one["disposition"] for one in document["receivers"]))
    assert document["timings"]["roll_call_s"] > 0
    assert document["timings"]["delivery_s"] >= 0


def test_each_receiver_has_its_step_and_its_reason(sent: Done) -> None:
    """In the order in which they were named, each with what a program has to know."""
    assert list(_by_address(sent.document).items()) == [
        (BOB, ("delivered", "s310", None, False)),
        (CAROL, ("rejected", "s260", "rejected", True)),
        (f"small@{ACME}", ("incapable", "s240", "file_too_big", False)),
        (f"away@{GLOBEX}", ("no_answer", "s270", "no_answer", True)),
        (f"new@{GLOBEX}", ("incapable", "s240", "not_registered", True)),
        (NOBODY, ("unknown", "s240", "no_such_account", True)),
        ("x@nowhere", ("unknown", "s230", "no_such_domain", False)),
    ]
    delivered, *others = sent.document["receivers"]
    assert (delivered["bytes"], delivered["stored_as"]) == (SIZE, "plan.pdf")
    assert datetime.fromisoformat(delivered["delivered_at"])
    for receiver in others:
        assert receiver["detail"]
        assert (receiver["bytes"], receiver["stored_as"], receiver["delivered_at"]) == (0, None, None)


def test_the_status_is_the_same_document(world: World, sent: Done) -> None:
    """For its sender and for the operator, with the same exit status; people get the same in lines."""
    transfer_id = sent.document["transfer_id"]
    for who in (["--as", ALICE], []):
        asked = world.run("status", transfer_id, "--json", *who)
        assert (asked.status, asked.document) == (1, sent.document)
    out, _ = world.start("status", transfer_id).communicate(timeout=60)
    for words in (f"from {ALICE}: partial, 1 of 7 have it", "x@nowhere", "as plan.pdf"):
        assert words in out


def test_the_listing_has_it(world: World, sent: Done) -> None:
    """Whoever sent it, and the operator; another sender is told of nothing."""
    for who in (["--as", ALICE], []):
        listed = world.run("list", "--json", *who).document["transfers"]
        assert [one["transfer_id"] for one in listed] == [sent.document["transfer_id"]]
        assert set(listed[0]) == TRANSFER - {"receivers", "timings"}
        for name in ("counts", "stored", "uploaded", "rate"):
            assert listed[0][name] == sent.document[name], name
    assert world.run("list", "--json", "--as", EVE).document == {"transfers": [], "more": False}
    hidden = world.run("status", sent.document["transfer_id"], "--as", EVE, "--json")
    absent = world.run("status", "0" * 32, "--as", EVE, "--json")
    assert hidden.status == absent.status == 3
    assert hidden.document["error"]["code"] == absent.document["error"]["code"] == "no_such_transfer"


@pytest.mark.parametrize("words", [("status", "x"), ("status",), ("send",), ("admin", "ad"), ("--nothing",)])
def test_wrong_usage(world: World, words: tuple[str, ...]) -> None:
    """Status 2, and where to read on."""
    done = world.run(*words)
    assert done.status == 2
    assert done.said.startswith("rollcast: ")
    assert len(done.said.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", ALICE), "account_exists"),
        (("remove", NOBODY), "no_such_account"),
        (("suspend", NOBODY), "no_such_account"),
        (("resume", NOBODY), "no_such_account"),
    ],
)
def test_an_operator_is_refused(world: World, sent: Done, words: tuple[str, ...], code: str) -> None:
    """Status 3, a sentence, and nothing has changed."""
    stored = world.running.home / "credentials" / f"{ALICE}.json"
    before = stored.read_text()
    done = world.run("admin", *words)
    assert done.status == 3, done.said
    assert words[1] in done.said
    assert stored.read_text() == before
    assert world.run("list", "--as", ALICE).status == 0


@pytest.mark.parametrize("address", ["bob@elsewhere", f"Bob@{ACME}", "bob", f"bob.b@{ACME}", ""])
def test_an_address_that_an_operator_does_not_have(world: World, address: str) -> None:
    """One of another domain, and one that is none, are wrong usage."""
    assert world.run("admin", "add", address).status == 2


def test_the_credentials_are_for_their_owner(world: World, sent: Done) -> None:
    """A file that nobody else may read, with the address and the broker's URL."""
    stored = world.running.home / "credentials" / f"{ALICE}.json"
    assert stored.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(stored.read_text())) == {"address", "amqp_url"}


@pytest.mark.parametrize("wrong", ["password", "port"])
def test_credentials_that_do_not_help(
    world: World, sent: Done, source: Path, tmp_path: Path, wrong: str
) -> None:
    """A wrong password, and a place where no broker is: status 4 for sender and receiver, and no secret is told."""
    url = json.loads((world.running.home / "credentials" / f"{ALICE}.json").read_text())["amqp_url"]
    user = url.partition("//")[2].partition(":")[0]
    secret = "not-the-password"
    changed = management.as_user(url, user, secret)
    if wrong == "port":
        changed = f"{changed.rpartition(':')[0]}:1/"
    Credentials(ALICE, changed).save(ClientSettings(tmp_path, None, ()))
    home = {"ROLLCAST_HOME": str(tmp_path)}
    for words in (
        world.sending(source, ALICE, [BOB]),
        ["receive", "--as", ALICE, "--into", str(tmp_path / "in"), "--accept", "all", "--json"],
    ):
        done = world.run(*words, **home)
        assert done.status == 4, done.said
        assert done.document["error"]["code"] == {"password": "broker_refused"}.get(
            wrong, "broker_unavailable"
        )
        assert secret not in done.said


def test_a_suspended_account_is_told_so(world: World, sent: Done, source: Path) -> None:
    """Status 4: the broker is there, and lets it in no more until it is resumed."""
    assert world.run("admin", "suspend", EVE).status == 0
    done = world.send(source, EVE, [BOB])
    assert (done.status, "suspended" in done.said) == (4, True), done.said
    assert world.run("admin", "resume", EVE).status == 0
    assert world.send(source, EVE, [BOB]).status == 0
