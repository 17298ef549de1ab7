"""A worker killed after the commit, after each publication and before the acknowledgement, in every step.

The next worker gets the message again. Nothing that becomes of a transfer may depend on any of that.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple

import pytest

from dev.broker import Broker
from rollcast import Sender
from rollcast import messages as m
from rollcast.errors import RequestRefused
from rollcast.messages.values import Limits
from rollcast.operator import Operator
from rollcast.reasons import Code
from tests.e2e.crash_plan import ACK, COMMIT, STORED, Plan
from tests.e2e.misfortunes import big, cancelled, changed, eager, live, purged, silent, unmet
from tests.e2e.stage import Outcome, Stage
from tests.e2e.world import clean, deployed
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, ERIN
from tests.waiting import wait_until

pytestmark = pytest.mark.long

Play = Callable[[Stage, int], Coroutine[Any, Any, list[Outcome]]]

AT_A_TIME = 4
ROUNDS = 3
"""How often a play is repeated at the most, until each point has been used."""


class Case(NamedTuple):
    """Workers of a pool die in a play, over these messages."""

    pool: str
    play: Play
    killed_over: tuple[type[m.Message], ...]


CASES = [
    Case("s210", live, (m.TransferRequested,)),
    Case("s220", eager, (m.SenderCheckDue,)),
    Case("s230", live, (m.InvitationsDue,)),
    Case("s240", live, (m.ReceiversInvited,)),
    Case("s250", live, (m.ConsentDue,)),
    Case("s260", live, (m.ConsentAnswered,)),
    Case("s270", live, (m.ReceiversAnswered,)),
    Case("s270", silent, (m.RoundDue,)),
    Case("s280", live, (m.LanesDue,)),
    Case("s290", live, (m.LanesOpened, m.ChunksSpooled, m.SpoolVerified)),
    Case("s290", eager, (m.UploadDue,)),
    Case("s290", changed, (m.SourceDiffered,)),
    Case("s290", big, (m.LanesMeasured,)),
    Case("s300", purged, (m.ChunksMissing, m.RepairDue)),
    Case("s310", live, (m.ReceiptReported, m.ReceiversFinished, m.TransferClosed, m.ClosingConfirmed)),
    Case("s310", unmet, (m.CloseDue,)),
    Case("s310", cancelled, (m.CancelRequested,)),
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[Stage]:
    """Workers that can be made to die, a sender, and receivers of all kinds."""
    clean(node)
    folder = tmp_path_factory.mktemp("stage")
    plan = Plan(folder)
    crashing = (sys.executable, "-m", "tests.e2e.crashing", str(folder))
    with deployed(folder, node, command=crashing) as world:
        world.add(ALICE)
        world.receive(BOB)
        world.receive(CAROL)
        world.receive(DAVE, "--accept", "none")
        world.receive(ERIN).stop()
        yield Stage(world, plan, folder)


@pytest.fixture(scope="module")
def undisturbed(stage: Stage) -> Callable[[Play], Outcome]:
    """How a play ends if nobody dies; played once each."""
    ends: dict[Play, Outcome] = {}

    def end(play: Play) -> Outcome:
        if play not in ends:
            (ends[play],) = asyncio.run(play(stage, 1))
        return ends[play]

    return end


@pytest.fixture(autouse=True)
def nothing_is_lost(stage: Stage) -> Iterator[None]:
    """Over whatever a worker died, it was delivered again; nothing was set aside, and nobody dies any more."""
    yield
    stage.plan.arm("")
    wait_until(lambda: stage.plan.deaths() == len(stage.plan.crashes()), "all deaths are noticed")
    wait_until(lambda: not stage.plan.lost(), "what they died over comes again")
    assert stage.parked() == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.pool}-{case.play.__name__}")
def test_a_worker_dies_at_every_point(
    stage: Stage, undisturbed: Callable[[Play], Outcome], case: Case
) -> None:
    """Each transfer ends as if nobody had died, and each point of each message has been tried."""
    kinds = {kind.__name__ for kind in case.killed_over}
    expected = undisturbed(case.play)
    stage.plan.arm(case.pool)
    for found in _until_all_points_are_used(stage, case.play, case.pool, kinds):
        assert found == expected, stage.plan.crashes(case.pool)
    assert stage.plan.died_over(case.pool, kinds)


def test_a_worker_dies_with_a_chunk(stage: Stage, undisturbed: Callable[[Play], Outcome]) -> None:
    """Stored, but not written down; written down, but nothing said of it; said, but not acknowledged."""
    expected = undisturbed(live)
    stage.plan.arm("spool")
    found = _until_all_points_are_used(stage, live, "spool", {"chunk"})
    assert found == [expected] * len(found)
    assert {crash.point for crash in stage.plan.crashes("spool")} == {STORED, COMMIT, ACK}


def _until_all_points_are_used(stage: Stage, play: Play, pool: str, kinds: set[str]) -> list[Outcome]:
    found: list[Outcome] = []
    for _ in range(ROUNDS):
        found += asyncio.run(play(stage, AT_A_TIME))
        if stage.plan.died_over(pool, kinds):
            break
    return found


def test_a_worker_dies_over_accounts(stage: Stage) -> None:
    """The operator gets what was asked for: accounts that work, are suspended and resumed, and are gone at last."""
    stage.plan.arm("operator")
    asyncio.run(_change_accounts(stage, [f"henry-{number}@{ACME}" for number in range(AT_A_TIME)]))
    actions = ("add", "suspend", "resume", "remove")
    assert stage.plan.died_over("operator", {f"AccountRequested:{action}" for action in actions})


async def _change_accounts(stage: Stage, addresses: list[str]) -> None:
    running = stage.world.running
    async with Operator.connect(running.operator_url, running.domains) as operator:
        for address in addresses:
            credentials = await operator.add(address, Limits())
            async with Sender.connect(credentials) as sender:
                assert await sender.list() == []
        for address in addresses:
            await operator.suspend(address)
        assert {one.suspended for one in await operator.accounts() if one.address in addresses} == {True}
        for address in addresses:
            await operator.resume(address)
        assert {one.suspended for one in await operator.accounts() if one.address in addresses} == {False}
        for address in addresses:
            await _remove(operator, address)
        assert not [one for one in await operator.accounts() if one.address in addresses]


async def _remove(operator: Operator, address: str) -> None:
    # Asked again, by the broker, the server finds nothing left to remove, and says so.
    try:
        await operator.remove(address)
    except RequestRefused as refused:
        assert refused.code == Code.NO_SUCH_ACCOUNT  # noqa: PT017


def test_a_worker_dies_over_a_terminal(stage: Stage) -> None:
    """A receiver that registers, and a sender that asks how its transfer stands, are answered."""
    stage.plan.arm("s200")
    (outcome,) = asyncio.run(live(stage, 1))
    for _ in range(AT_A_TIME):
        stage.world.receive(CAROL)
    assert asyncio.run(live(stage, 1)) == [outcome]
    assert stage.plan.died_over("s200", {"Register", "Query"})
