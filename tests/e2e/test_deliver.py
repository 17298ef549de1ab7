"""A file goes from one sender to many receivers, whatever the deployment looks like."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.broker import Broker
from rollcast.topology import POOLS
from tests.e2e.world import World, deployed, ends, random_file
from tests.people import ACME, ALICE, BOB, CAROL, GLOBEX, NOBODY, ONE_SERVER, SERVER_PER_DOMAIN
from tests.waiting import wait_until

CHUNK = 1024 * 1024
TWICE = {"servers": ONE_SERVER, "pools": POOLS, "copies": 2}
DEPLOYMENTS = (
    pytest.param({"servers": ONE_SERVER}, id="one server"),
    pytest.param({"servers": SERVER_PER_DOMAIN}, id="server per domain"),
    pytest.param(TWICE, id="every pool twice", marks=pytest.mark.long),
)


@pytest.fixture(scope="module", params=DEPLOYMENTS)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, node: Broker
) -> Iterator[World]:
    """Each of the deployments, with two receivers that accept."""
    folder = tmp_path_factory.mktemp("world")
    with deployed(folder, node, **request.param) as made:
        made.add(ALICE)
        made.receive(BOB)
        made.receive(CAROL)
        yield made


def test_everyone_gets_what_is_due(world: World, tmp_path: Path) -> None:
    """Some accept, one declines, one is not able, one never answers, one does not exist, one is nowhere."""
    world.receive(f"no@{GLOBEX}", "--accept", "none")
    world.receive(f"small@{ACME}", "--max-file-size", "1KiB")
    world.receive(f"silent@{GLOBEX}").stop()
    source = random_file(tmp_path / "plan.bin", 3 * CHUNK + 17)
    others = [f"no@{GLOBEX}", f"small@{ACME}", f"silent@{GLOBEX}", NOBODY, "x@nowhere"]
    done = world.send(source, ALICE, [BOB, CAROL, *others], "--consent-timeout", "6s")
    assert done.status == 1, done.said
    assert done.document["state"] == "partial"
    assert ends(done.document) == {
        BOB: ("delivered", None),
        CAROL: ("delivered", None),
        f"no@{GLOBEX}": ("rejected", "rejected"),
        f"small@{ACME}": ("incapable", "file_too_big"),
        f"silent@{GLOBEX}": ("no_answer", "no_answer"),
        NOBODY: ("unknown", "no_such_account"),
        "x@nowhere": ("unknown", "no_such_domain"),
    }
    for address in (BOB, CAROL):
        assert (world.inbox(address) / "plan.bin").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("size", [0, 1, 2 * CHUNK, 2 * CHUNK - 1])
@pytest.mark.parametrize("upload", ["live", "eager"])
def test_any_size_arrives(world: World, tmp_path: Path, size: int, upload: str) -> None:
    """Nothing, one byte, whole chunks and a byte less, by both ways of uploading."""
    source = random_file(tmp_path / f"{upload}-{size}.bin", size)
    done = world.send(source, ALICE, [BOB, CAROL], "--upload", upload, "--sha256")
    assert (done.status, done.document["state"]) == (0, "completed"), done.said
    for address in (BOB, CAROL):
        assert (world.inbox(address) / source.name).read_bytes() == source.read_bytes()


def test_a_dry_run_lists_and_sends_nothing(world: World, tmp_path: Path) -> None:
    """After a dry run the receivers are listed, and have no file."""
    source = random_file(tmp_path / "dry.bin", 10)
    done = world.send(source, ALICE, [BOB, CAROL], "--dry-run")
    assert (done.status, done.document["state"]) == (0, "listed"), done.said
    assert {end for end, _ in ends(done.document).values()} == {"listed"}
    assert not (world.inbox(BOB) / source.name).exists()


@pytest.mark.parametrize(
    ("policy", "state"),
    [
        ("subset", "partial"),
        ("at_least:1", "partial"),
        (f"mandatory:{BOB}", "partial"),
        ("all_or_nothing", "declined"),
        ("at_least:2", "declined"),
        (f"mandatory:nobody@{ACME}", "declined"),
    ],
)
def test_the_list_policy_decides(world: World, tmp_path: Path, policy: str, state: str) -> None:
    """With one of two receivers able, the policy says whether the file goes at all."""
    source = random_file(tmp_path / "policy.bin", 10)
    done = world.send(source, ALICE, [BOB, NOBODY], "--list-policy", policy)
    assert (done.status, done.document["state"]) == (1, state), done.said


def test_a_detached_sender_leaves_early(world: World, tmp_path: Path) -> None:
    """It leaves when the server has the file, and the receivers get it."""
    source = random_file(tmp_path / "detached.bin", CHUNK)
    done = world.send(source, ALICE, [BOB], "--detach")
    assert done.status == 0, done.said
    asked = ("status", done.document["transfer_id"], "--as", ALICE, "--json")
    wait_until(lambda: world.run(*asked).document["state"] == "completed", "the receiver has the file")
    assert (world.inbox(BOB) / source.name).read_bytes() == source.read_bytes()


def test_transfers_run_side_by_side(world: World, tmp_path: Path) -> None:
    """Several at once, each with its own report."""
    sources = [random_file(tmp_path / f"side-{number}.bin", CHUNK * number + 5) for number in range(4)]
    running = [world.start(*world.sending(source, ALICE, [BOB, CAROL])) for source in sources]
    for process in running:
        _, said = process.communicate(timeout=90)
        assert process.returncode == 0, said
    for source in sources:
        assert (world.inbox(CAROL) / source.name).read_bytes() == source.read_bytes()
