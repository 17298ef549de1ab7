"""What `rollcast doctor` finds at a deployment that is well, and at one that is not; a backlog in `top`."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev import definitions, management
from dev.broker import Broker
from dev.deployment import Worker
from rollcast.topology import POOLS, step_queue
from tests.e2e import damage
from tests.e2e.parking import parked, unanswerable
from tests.e2e.raw import line
from tests.e2e.world import World, clean, deployed, random_file
from tests.people import ACME, ALICE, BOB, GLOBEX, OPERATOR, SERVER
from tests.waiting import wait_until

ALONE = "s240"
"""The pool that has a process of its own."""
QUEUE = step_queue(SERVER, ALONE, (ACME, GLOBEX)).name

Findings = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[World]:
    """One server, with one pool in a process of its own, at a broker without users of others."""
    clean(node)
    folder = tmp_path_factory.mktemp("doctor")
    others = tuple(pool for pool in POOLS if pool != ALONE)
    with deployed(folder, node, pools=(others, ALONE)) as made:
        made.add(ALICE)
        made.receive(BOB)
        wait_until(lambda: _found(made)[0] == 0, "all is well")
        yield made


@pytest.fixture
def alone(world: World) -> Iterator[Worker]:
    """The worker of that pool; it runs again at the end."""
    (worker,) = (worker for worker in world.running.workers if worker.pools == (ALONE,))
    yield worker
    if worker.returncode is not None:
        worker.start()
    worker.wait_until_healthy()
    wait_until(lambda: _found(world)[0] == 0, "all is well again")


def _found(world: World) -> tuple[int, Findings]:
    """The exit status, and what is not well, by its subject."""
    done = world.run("doctor", "--json")
    findings = done.document["findings"]
    assert done.document["ok"] is (done.status == 0)
    assert all(finding["remedy"] for finding in findings if not finding["ok"])
    return done.status, {finding["subject"]: finding for finding in findings if not finding["ok"]}


def _becomes(world: World, wanted: Callable[[Findings], bool], what: str) -> Findings:
    """What is not well, as soon as it is as wanted."""
    last: list[Findings] = []

    def seen() -> bool:
        status, troubles = _found(world)
        assert status == (1 if troubles else 0)
        last.append(troubles)
        return wanted(troubles)

    wait_until(seen, what)
    return last[-1]


def test_a_deployment_that_is_well(world: World) -> None:
    """Each line is ok, and says of what; a terminal's own look as well."""
    process = world.start("doctor")
    out, said = process.communicate(timeout=90)
    assert process.returncode == 0, out
    assert "all is well" in said
    lines = out.splitlines()
    assert all(row.startswith("ok  ") for row in lines)
    subjects = {row[4:].split("  ")[0] for row in lines}
    assert {
        *("credentials", "broker", f"server of {ACME}", f"server of {GLOBEX}", "clock of this machine"),
        *("version", "plugins", "alarms", "policies", "clocks", "message size"),
        *("rights of the server", f"rights of {OPERATOR}", f"rights of {ACME}", f"rights of {GLOBEX}"),
        *(f"inboxes of {ACME}", f"inboxes of {GLOBEX}"),
        *(f"passwords of {ACME}", f"passwords of {GLOBEX}"),
        *("entries", "queues", "pools", "parked", "bindings", "lanes"),
        *("identity", "ledger", "pool clock", "spool", "room"),
    } == subjects
    terminal = world.run("doctor", "--as", BOB, "--json")
    assert terminal.status == 0, terminal.document
    assert [one["subject"] for one in terminal.document["findings"]] == [
        *("credentials", "broker", f"server of {ACME}", "clock of this machine", "account")
    ]


def test_a_pool_that_is_killed(world: World, alone: Worker) -> None:
    """It is named, with how to start it; then all is well again."""
    alone.kill()
    troubles = _becomes(world, bool, "it is seen")
    assert list(troubles) == [f"pool {ALONE}"]
    assert troubles[f"pool {ALONE}"]["remedy"] == f"Start it: python -m workers {ALONE}"
    assert troubles[f"pool {ALONE}"]["server"] == SERVER


def test_a_backlog_is_seen(world: World, alone: Worker, tmp_path: Path) -> None:
    """By `top`, with nobody who consumes it; it goes when somebody does."""
    alone.stop()
    sending = world.start(*world.sending(random_file(tmp_path / "a.bin", 10), ALICE, [BOB]))
    wait_until(lambda: _queue(world)["ready"] >= 1, "the invitation waits")
    assert _queue(world)["consumers"] == 0
    out, _ = world.start("top").communicate(timeout=90)
    (row,) = (row for row in out.splitlines() if row.startswith(ALONE))
    assert row.split()[3] == "NONE"
    assert "1 asking" in out
    waiting = _becomes(world, bool, "it is seen")[f"pool {ALONE}"]
    assert re.fullmatch(r"nobody consumes its queue; waiting in it: [1-9]\d*", waiting["detail"])
    alone.start()
    sending.communicate(timeout=90)
    assert sending.returncode == 0
    wait_until(lambda: (_queue(world)["ready"], _queue(world)["consumers"]) == (0, 1), "it is drained")


def _queue(world: World) -> dict[str, Any]:
    (server,) = world.run("top", "--json").document["servers"]
    return dict(server["queues"][ALONE])


def test_a_parked_message(world: World) -> None:
    """It is told of until somebody decides about it."""
    with line(world, BOB) as bob:
        bob.say("rollcast.up", f"{ACME}.{BOB}.answer", unanswerable("0" * 32), BOB)
    troubles = _becomes(world, bool, "it is parked")
    assert list(troubles) == ["parked"]
    assert troubles["parked"]["detail"].startswith("1 ")
    assert "rollcast parked list" in troubles["parked"]["remedy"]
    (message,) = parked(world)
    assert world.run("parked", "drop", message["id"]).status == 0
    _becomes(world, lambda left: not left, "all is well again")


def test_the_policy_is_gone(world: World) -> None:
    """Where it is needed: before 4.0 a stuck receiver would fill the broker's memory."""
    if int(world.node.version.split(".")[0]) >= 4:
        pytest.skip("needs no policy")
    policy = next(row for row in definitions.build([], world.node.version)["policies"])
    path = world.node.path("policies", policy["name"])
    management.delete(world.node.management_url, path)
    try:
        status, troubles = _found(world)
    finally:
        management.call(world.node.management_url, "PUT", path, policy)
    assert (status, list(troubles)) == (1, ["policies"])
    assert "rabbitmqctl set_policy rollcast-lazy" in troubles["policies"]["remedy"]


def test_a_queue_with_the_wrong_arguments(world: World, alone: Worker) -> None:
    """What differs is told, and what is said to do about it helps."""
    alone.stop()
    wrong = {"x-queue-type": "quorum", "x-delivery-limit": 5, "x-dead-letter-exchange": ""}
    # The other workers declare it again every few seconds.
    wait_until(lambda: damage.replace(world.node, QUEUE, wrong), "nobody was quicker")
    try:
        subject = f"queue {QUEUE}"
        trouble = _becomes(world, lambda found: subject in found, "it is seen")[subject]
        assert "x-delivery-limit is 5, not 1000" in trouble["detail"]
        assert "x-dead-letter-exchange is '', not None" in trouble["detail"]
        assert f"Stop the pool {ALONE}, delete the queue, start again" in trouble["remedy"]
    finally:
        damage.delete(world.node, QUEUE)


@pytest.mark.long
def test_a_server_that_is_silent(world: World) -> None:
    """The broker is there, and nobody answers for its domains."""
    (worker,) = (worker for worker in world.running.workers if worker.pools != (ALONE,))
    with damage.stopped(worker.pid):
        status, troubles = _found(world)
    assert (status, list(troubles)) == (1, [f"server of {ACME}", f"server of {GLOBEX}"])
    assert f"the server of {ACME} did not answer" in troubles[f"server of {ACME}"]["detail"]
    assert "operator" in troubles[f"server of {ACME}"]["remedy"]
    wait_until(lambda: _found(world)[0] == 0, "all is well again")


def test_credentials_that_others_may_read(world: World) -> None:
    """And what makes them private again."""
    stored = world.running.home / "credentials" / f"{ALICE}.json"
    stored.chmod(0o644)
    try:
        status, troubles = _found(world)
    finally:
        stored.chmod(0o600)
    assert (status, list(troubles)) == (1, ["credentials"])
    assert str(stored) in troubles["credentials"]["detail"]
    assert troubles["credentials"]["remedy"].startswith("chmod ")


def test_a_terminal_that_is_not_let_in(world: World) -> None:
    """Since it is suspended: status 4, and whom to ask."""
    world.add(f"mute@{ACME}")
    assert world.run("admin", "suspend", f"mute@{ACME}").status == 0
    done = world.run("doctor", "--as", f"mute@{ACME}", "--json")
    assert done.status == 4
    assert [one["subject"] for one in done.document["findings"] if not one["ok"]] == ["broker"]
