"""`send` does not wait for a decision that is put off: it reports, and the transfer stays open."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.raw_client import Terminal
from tests.e2e.raw import line
from tests.e2e.world import World, ends, random_file
from tests.people import ALICE, BOB, GLOBEX
from tests.waiting import wait_until

EVE, FRED = f"eve@{GLOBEX}", f"fred@{GLOBEX}"


def _by_hand(world: World, connections: ExitStack, address: str) -> Terminal:
    """Somebody who decides by hand."""
    terminal = Terminal(connections.enter_context(line(world, address)))
    answer = terminal.ask("register", {"type": "Register/1", "capabilities": {}})
    terminal.connection.consume(answer["inbox"], exclusive=True)
    return terminal


def test_somebody_puts_the_decision_off(world: World, tmp_path: Path) -> None:
    """Status 1 and the report; `status` is 0 meanwhile; whoever accepts later still gets the file."""
    world.add(ALICE)
    world.receive(BOB)
    source = random_file(tmp_path / "later.bin", 100_000)
    with ExitStack() as connections:
        eve = _by_hand(world, connections, EVE)
        sending = world.start(*world.sending(source, ALICE, [BOB, EVE], "--expires", "10m"))
        transfer_id = eve.hear("ConsentAsked")["offer"]["transfer_id"]
        deferred = {
            "type": "ConsentAnswered/1",
            "transfer_id": transfer_id,
            "accept": False,
            "deferred": True,
        }
        eve.say("answer", deferred)
        out, said = sending.communicate(timeout=60)
        assert sending.returncode == 1, said
        assert "receiver list: 1 accepted, 1 deferred" in said
        document = json.loads(out)
        assert (document["state"], document["report_version"]) == ("casting", 1)
        assert ends(document) == {BOB: ("delivered", None), EVE: ("deferred", None)}
        asked = world.run("status", transfer_id, "--as", ALICE, "--json")
        assert (asked.status, asked.document) == (0, document)
        told, _ = world.start("status", transfer_id, "--as", ALICE).communicate(timeout=60)
        assert "1 receiver put the decision off; the transfer stays open for that until" in told
        resumed = world.run("send", "--resume", transfer_id, "--json")
        assert (resumed.status, resumed.document) == (1, document)
        eve.say("answer", {"type": "ConsentAnswered/1", "transfer_id": transfer_id, "accept": True})
        assert eve.hear("LaneOpened")["offer"]["transfer_id"] == transfer_id
    world.receive(EVE)
    status = ("status", transfer_id, "--as", ALICE, "--json")
    wait_until(lambda: world.run(*status).document["state"] == "completed", "Eve has it as well")
    document = world.run(*status).document
    assert (document["report_version"], document["list_version"]) == (2, 2)
    assert (world.inbox(EVE) / source.name).read_bytes() == source.read_bytes()


def test_who_accepts_late_is_told_to_who_still_waits(world: World, tmp_path: Path) -> None:
    """The list gets a second version while `send` runs, as somebody on it still receives."""
    world.add(ALICE)
    source = random_file(tmp_path / "late.bin", 100_000)
    with ExitStack() as connections:
        fred = _by_hand(world, connections, FRED)
        words = world.sending(source, ALICE, [FRED, BOB], "--consent-timeout", "3s", "--expires", "10m")
        world.receive(BOB).stop()
        sending = world.start(*words)
        transfer_id = fred.hear("ConsentAsked")["offer"]["transfer_id"]
        fred.say("answer", {"type": "ConsentAnswered/1", "transfer_id": transfer_id, "accept": True})
        fred.hear("LaneOpened")
        world.receive(BOB)
        wait_until((world.inbox(BOB) / source.name).exists, "Bob, who was away, has it")
    world.receive(FRED)
    out, said = sending.communicate(timeout=60)
    assert sending.returncode == 0, said
    assert "receiver list: 1 accepted, 1 silent" in said
    assert f"receiver list: 2 accepted (1 later)\n  {BOB}: accepted later" in said
    assert json.loads(out)["list_version"] == 2


@pytest.mark.parametrize(("upload", "late"), [("live", f"gina@{GLOBEX}"), ("eager", f"hugo@{GLOBEX}")])
def test_nobody_else_accepts(world: World, tmp_path: Path, upload: str, late: str) -> None:
    """`send` ends all the same when the server has the file; whoever accepts later gets it from there."""
    world.add(ALICE)
    source = random_file(tmp_path / "much-later.bin", 3_000_000)
    with ExitStack() as connections:
        terminal = _by_hand(world, connections, late)
        words = world.sending(source, ALICE, [late], "--upload", upload, "--expires", "10m")
        sending = world.start(*words)
        transfer_id = terminal.hear("ConsentAsked")["offer"]["transfer_id"]
        answer = {"type": "ConsentAnswered/1", "transfer_id": transfer_id}
        terminal.say("answer", answer | {"accept": False, "deferred": True})
        out, said = sending.communicate(timeout=60)
        assert sending.returncode == 1, said
        document = json.loads(out)
        assert (document["state"], document["report_version"]) == ("asking", 1)
        assert ends(document) == {late: ("deferred", None)}
        terminal.say("answer", answer | {"accept": True})
        assert terminal.hear("LaneOpened")["offer"]["transfer_id"] == transfer_id
    world.receive(late)
    status = ("status", transfer_id, "--as", ALICE, "--json")
    wait_until(lambda: world.run(*status).document["state"] == "completed", "it is there")
    assert (world.inbox(late) / source.name).read_bytes() == source.read_bytes()
