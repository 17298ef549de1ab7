"""The whole protocol while messages are lost, doubled and overtaken, and workers die between commit and publish.

What must hold: every transfer ends, with the right report, whatever happens to the queues.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random

import pytest

from rollcast.addresses import domain_of
from rollcast.messages import (
    ChunksSpooled,
    ConsentAsked,
    LaneOpened,
    LanesMeasured,
    Message,
    SpoolVerified,
    TransferReported,
    TransferRequested,
    UploadInvited,
)
from rollcast.states import FINAL_RECEIVER, FINAL_TRANSFER, Receiver, Transfer
from tests.people import ACME, ALICE, GLOBEX, STRANGER
from tests.unit.steps.build import (
    RIGHT,
    MiB,
    T,
    accept,
    at,
    by,
    delivered,
    failed,
    file,
    one,
    reject,
    request,
)
from tests.unit.steps.test_clock import tick
from tests.unit.steps.world import SETTINGS, TimeTravel, World
from workers.work import Later, MeasureLanes, Outcome, Received, ToInboxes, ToStep, VerifySpool

SIZE = 200 * MiB
FOREVER = 10**9
"""The longest duration: nothing ends by its expiry here."""
MOST_STEPS = 5_000
RECEIVERS = [f"r{number}@{domain}" for number in range(4) for domain in (ACME, GLOBEX)]
OUTCOMES = (Receiver.DELIVERED, Receiver.DELIVERED, Receiver.FAILED, Receiver.REJECTED)


class Storm:
    """Servers, terminals that do as planned, and a broker that loses and repeats."""

    def __init__(self, worlds: Mapping[str, World], random: Random, plan: Mapping[str, Receiver]) -> None:
        self.worlds = worlds
        self.home = worlds[ACME]
        self._random = random
        self._plan = plan
        self._pending: list[Received] = []

    async def blow(self, wanted: TransferRequested) -> None:
        """Go on until the transfer has ended everywhere."""
        for _ in range(MOST_STEPS):
            if self._pending:
                await self._handle_some()
            elif await self._ended():
                return
            else:
                self._pending += [by(ALICE, wanted), *await self._prompts()]
        raise AssertionError(f"still {await self.home.state()} after {MOST_STEPS} steps")

    async def _handle_some(self) -> None:
        first = self._random.choice(self._pending)
        alike = [r for r in self._pending if type(r.message) is type(first.message)]
        batch = [r for r in alike if r.domain == first.domain][: self._random.randint(1, 4)]
        kept = [r for r in self._pending if r not in batch]
        fate = self._random.random()
        if fate < 0.1:
            self._pending = kept
            return
        outcomes = await self.worlds[first.domain].tell(*batch)
        if fate < 0.2:
            # The worker died before it published: its messages come again.
            return
        self._pending = kept + (batch if fate < 0.4 else [])
        for outcome in outcomes:
            self._pending += await self._follow(outcome)

    async def _follow(self, outcome: Outcome) -> list[Received]:
        match outcome:
            case ToStep(domain, message) | Later(domain, message):
                return [at(domain, message)]
            case ToInboxes(addresses, message):
                return [r for address in addresses for r in await self._terminal(address, message)]
            case VerifySpool():
                return [at(ACME, SpoolVerified(transfer_id=T, hash=RIGHT))]
            case MeasureLanes():
                return [at(ACME, LanesMeasured(transfer_id=T, deep=self._random.random() < 0.3))]
        return []

    async def _terminal(self, address: str, message: Message) -> list[Received]:
        match message:
            case ConsentAsked():
                return [by(address, reject() if self._plan[address] == Receiver.REJECTED else accept())]
            case LaneOpened() if self._plan[address] == Receiver.DELIVERED:
                return [by(address, delivered(SIZE))]
            case LaneOpened():
                return [by(address, failed())]
            case UploadInvited(ranges=ranges):
                return await self._upload(ranges)
        return []

    async def _upload(self, ranges: Iterable[tuple[int, int]]) -> list[Received]:
        indexes = [index for start, stop in ranges for index in range(start, stop)]
        arrived = [index for index in indexes if self._random.random() < 0.9]
        await self.home.spool(arrived)
        return [at(ACME, ChunksSpooled(transfer_id=T, count=len(arrived)))]

    async def _prompts(self) -> list[Received]:
        for world in self.worlds.values():
            world.pass_time(600_000_001)
        published = await tick(self.home)
        return [at(one.domain, one.message) for one in published if isinstance(one, ToStep)]

    async def _ended(self) -> bool:
        if not await self.home.transfers():
            return False
        transfer = await self.home.transfer()
        return transfer.state in FINAL_TRANSFER and transfer.due_at is None


async def storm(url: str, other_url: str | None, random: Random, plan: Mapping[str, Receiver]) -> Storm:
    """One server for both domains, or one for each."""
    home = World(TimeTravel(url))
    worlds = {ACME: home, GLOBEX: home}
    if other_url is not None:
        home.settings = replace(SETTINGS, domains=(ACME,), peers=(GLOBEX,))
        peer = replace(SETTINGS, server="other", domains=(GLOBEX,), peers=(ACME,))
        worlds[GLOBEX] = World(TimeTravel(other_url), peer)
    for address in (ALICE, *RECEIVERS):
        await worlds[domain_of(address)].account(address)
    return Storm(worlds, random, plan)


def expected(plan: Mapping[str, Receiver]) -> Transfer:
    """How the transfer ends; the stranger among the recipients never has the file."""
    if Receiver.DELIVERED in plan.values():
        return Transfer.PARTIAL
    return Transfer.FAILED if Receiver.FAILED in plan.values() else Transfer.DECLINED


@pytest.mark.parametrize("servers", [1, 2])
@pytest.mark.parametrize("upload", ["live", "eager"])
@pytest.mark.parametrize("seed", range(5))
async def test_every_transfer_ends_with_the_right_report(
    ledger_url: str, other_ledger_url: str, servers: int, upload: str, seed: int
) -> None:
    """And nothing of it stays open, or reserved, anywhere."""
    random = Random(f"{servers} {upload} {seed}")
    plan = {address: random.choice(OUTCOMES) for address in RECEIVERS}
    world = await storm(ledger_url, other_ledger_url if servers == 2 else None, random, plan)
    wanted = request(
        [*RECEIVERS, STRANGER],
        upload=upload,
        file=file(size=SIZE),
        consent_timeout=FOREVER,
        expires=FOREVER,
    )
    await world.blow(wanted)
    report = one(await world.home.tell(by(ALICE, wanted)), TransferReported)
    assert {r.address: r.state for r in report.receivers} == {**plan, STRANGER: Receiver.UNKNOWN}
    assert report.transfer.state == expected(plan)
    assert await world.home.reserved() == 0
    for server in set(world.worlds.values()):
        assert set((await server.invited_states()).values()) <= FINAL_RECEIVER
        await server.database.close()
