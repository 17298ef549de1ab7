"""What a failed declaration costs: an internal error of the broker closes the connection over which it came."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from dev import management
from tests.e2e.world import World, random_file
from tests.people import ALICE, BOB, SERVER
from tests.waiting import wait_until

DECLARATIONS = "declarations"
PURPOSES = {DECLARATIONS, "control in", "control out", "bulk in"}
"""What a worker's connections are for; others are opened when they are needed."""


def _connections(world: World) -> Mapping[str, str]:
    """The worker's connections at the broker, by their purpose."""
    found = management.call(world.node.management_url, "GET", "/api/connections")
    names = {one["client_properties"].get("connection_name", ""): one["name"] for one in found}
    ours = f"rollcast {SERVER} "
    return {name.removeprefix(ours): at for name, at in names.items() if name.startswith(ours)}


def test_declarations_have_a_connection_of_their_own(world: World, tmp_path: Path) -> None:
    """Losing it costs no other connection, and the next declaration makes it again."""
    world.add(ALICE)
    world.receive(BOB)
    wait_until(lambda: set(_connections(world)) >= PURPOSES, "the worker is seen at the broker")
    before = _connections(world)
    management.delete(world.node.management_url, f"/api/connections/{quote(before[DECLARATIONS], safe='')}")
    done = world.send(random_file(tmp_path / "a.bin", 100_000), ALICE, [BOB])
    assert (done.status, done.document["state"]) == (0, "completed")
    wait_until(
        lambda: _connections(world).get(DECLARATIONS, before[DECLARATIONS]) != before[DECLARATIONS],
        "the new connection is seen",
    )
    kept = PURPOSES - {DECLARATIONS}
    assert {name: _connections(world).get(name) for name in kept} == {name: before[name] for name in kept}
