"""Requests that can be read and cannot be met: each is refused with a reason, by name."""

import secrets
from collections.abc import Iterator

import pytest

from tests.contract.raw_client import Fields, Terminal
from tests.e2e.raw import line, registered, sample
from tests.e2e.rollcall import FILE, HASH, request
from tests.e2e.world import World
from tests.people import ALICE, CAROL, GLOBEX
from tests.people import BOB_OF_GLOBEX as BOB


@pytest.fixture
def alice(world: World) -> Iterator[tuple[Terminal, str]]:
    """A sender on a connection of its own, and its session."""
    with line(world, ALICE) as connection:
        yield registered(connection)


def _file(**changed: object) -> Fields:
    return {"file": {"name": "a.bin", "size": len(FILE), "hash": HASH, **changed}}


UNUSABLE: dict[str, tuple[Fields, str]] = {
    "name into a folder": (_file(name="a/b"), "invalid_file_name"),
    "name from the root": (_file(name="/etc/passwd"), "invalid_file_name"),
    "name out of its folder": (_file(name="../a"), "invalid_file_name"),
    "backslash": (_file(name="..\\a"), "invalid_file_name"),
    "dot": (_file(name="."), "invalid_file_name"),
    "two dots": (_file(name=".."), "invalid_file_name"),
    "no name": (_file(name=""), "invalid_file_name"),
    "NUL": (_file(name="a\0b"), "invalid_file_name"),
    "control character": (_file(name="a\x1b[2J"), "invalid_file_name"),
    "upper control character": (_file(name="a\x9b2J"), "invalid_file_name"),
    "256 bytes": (_file(name="x" * 256), "invalid_file_name"),
    "256 bytes of 128 characters": (_file(name="é" * 128), "invalid_file_name"),
    "nobody": ({"recipients": []}, "no_recipients"),
    "no address": ({"recipients": [BOB, "Bob"]}, "invalid_recipient"),
    "line feed": ({"recipients": [f"{BOB}\n"]}, "invalid_recipient"),
    "dots in an address": ({"recipients": [f"bob.x@{GLOBEX}"]}, "invalid_recipient"),
    "wild card": ({"recipients": [f"*@{GLOBEX}"]}, "invalid_recipient"),
    "no policy": ({"list_policy": "most"}, "invalid_list_policy"),
    "more than there are": ({"list_policy": "at_least:2"}, "invalid_list_policy"),
    "at least none": ({"list_policy": "at_least:0"}, "invalid_list_policy"),
    "at least very many": ({"list_policy": "at_least:" + "9" * 1000}, "invalid_list_policy"),
    "mandatory stranger": ({"list_policy": f"mandatory:eve@{GLOBEX}"}, "invalid_list_policy"),
    "no time": ({"consent_timeout": 0}, "invalid_duration"),
    "asked beyond the end": ({"consent_timeout": 2_000, "expires": 1_000}, "invalid_duration"),
}


@pytest.mark.parametrize(("changed", "reason"), list(UNUSABLE.values()), ids=list(UNUSABLE))
def test_it_is_refused(alice: tuple[Terminal, str], changed: Fields, reason: str) -> None:
    """At S210, with a sentence and a hint; and the same again is refused the same way."""
    terminal, session = alice
    asked = request(session, BOB) | changed
    for _ in range(2):
        terminal.say("request", asked)
        refused = terminal.hear("TransferRefused")
        assert (refused["transfer_id"], refused["reason"]) == (asked["transfer_id"], reason)
        assert refused["step"] == "s210"
        assert refused["detail"]
        assert refused["hint"]


def test_a_list_in_parts_that_do_not_fit(alice: tuple[Terminal, str]) -> None:
    """A part that is beyond the last, and one that came before with other recipients."""
    terminal, session = alice
    beyond = request(session, BOB, part=2, parts=2)
    terminal.say("request", beyond)
    assert terminal.hear("TransferRefused")["reason"] == "invalid_message"
    first = request(session, BOB, part=0, parts=2)
    terminal.say("request", first)
    assert terminal.hear("TransferAccepted")["recipients"] == 1
    terminal.say("request", first | {"recipients": [CAROL]})
    assert terminal.hear("TransferRefused")["reason"] == "duplicate_transfer"


def test_nothing_of_it_was_parked(world: World, alice: tuple[Terminal, str]) -> None:
    """A person's mistake is answered; the operator has nothing to look at."""
    terminal, session = alice
    before = sample(world, "rollcast_parked_total", step="s210", reason="invalid_file_name")
    terminal.say("request", request(session, BOB) | _file(name="a/b"))
    terminal.hear("TransferRefused")
    assert sample(world, "rollcast_parked_total", step="s210", reason="invalid_file_name") == before == 0


def test_names_that_are_just_short_enough(alice: tuple[Terminal, str]) -> None:
    """255 bytes are taken, whatever they are made of."""
    terminal, session = alice
    for name in ("x" * 255, "é" * 127 + "x", "🎲" * 63, " ", "...", "a..b", "-"):
        terminal.say("request", request(session, f"{secrets.token_hex(4)}@{GLOBEX}") | _file(name=name))
        assert terminal.hear("TransferReported")["transfer"]["file"]["name"] == name
