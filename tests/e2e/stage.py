"""Transfers that are sent side by side while workers die, and what became of each."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from rollcast import ClientSettings, Credentials, Sender, events
from rollcast.errors import RequestRefused
from rollcast.messages import CancelRequested
from rollcast.report import Report
from rollcast.sending.request import new_transfer_id
from rollcast.session import Session
from rollcast.states import Receiver
from tests.e2e import damage
from tests.e2e.crash_plan import Plan
from tests.e2e.raw import PARKED
from tests.e2e.underway import digest
from tests.e2e.world import World, random_file
from tests.people import ALICE, BOB, CAROL, DAVE, FRANK, STRANGER
from tests.waiting import until_async

EVERYBODY = (BOB, CAROL, DAVE, FRANK, STRANGER)
"""Two that accept, one that declines, one without an account, one of no known domain."""
CHUNK = 65_536
SMALL = 2 * CHUNK + 17

Meanwhile = Callable[[Sender, list[str]], Awaitable[None]]
"""What is done while these transfers are under way."""


class Outcome(NamedTuple):
    """How a transfer ended: its state and reason, and those of each receiver."""

    state: str
    reason: str | None
    receivers: Mapping[str, tuple[str, str | None]]


class Stage:
    """A world whose workers die as the plan says."""

    def __init__(self, world: World, plan: Plan, folder: Path) -> None:
        self.world, self.plan = world, plan
        self._folder = folder
        self._settings = ClientSettings.read(world.environment)
        self._numbers = iter(range(1_000_000))

    async def deliver(
        self,
        count: int,
        recipients: Sequence[str] = EVERYBODY,
        *,
        meanwhile: Meanwhile | None = None,
        **options: Any,
    ) -> list[Outcome]:
        """Send so many files side by side; what became of each, with all that belongs to it cleaned up."""
        transfers = [new_transfer_id() for _ in range(count)]
        async with Sender.connect(self._credentials(ALICE)) as sender, asyncio.TaskGroup() as tasks:
            sending = [tasks.create_task(self._send(sender, t, recipients, **options)) for t in transfers]
            if meanwhile is not None:
                await meanwhile(sender, transfers)
            return list(await asyncio.gather(*sending))

    async def _send(
        self, sender: Sender, transfer_id: str, recipients: Sequence[str], size: int = SMALL, **options: Any
    ) -> Outcome:
        """Send one file."""
        source = random_file(self._folder / f"file-{next(self._numbers)}.bin", size)
        chunk_size = options.pop("chunk_size", CHUNK)
        sending = sender.send(
            source, recipients, transfer_id=transfer_id, chunk_size=chunk_size, expires=90, **options
        )
        report = await _reported(sending)
        await self._settled(transfer_id)
        outcome = _outcome(await sender.status(transfer_id))
        assert outcome == _outcome(report)
        for address, (state, _) in outcome.receivers.items():
            self._assert_stored(address, source, state == Receiver.DELIVERED)
        return outcome

    async def cancel(self, transfer_id: str) -> None:
        """Let the sender take a transfer back."""
        async with Session.open(self._credentials(ALICE)) as session:
            await session.tell(CancelRequested(transfer_id=transfer_id))

    def depth(self, queue: str) -> int:
        """How many messages are ready in a queue."""
        return damage.depth(self.world.node, queue)

    def parked(self) -> int:
        """How many messages lie in the parked queue."""
        return self.depth(PARKED)

    async def _settled(self, transfer_id: str) -> None:
        (server,) = self.world.running.servers.values()
        await until(lambda: not (server.spool / transfer_id).exists(), "the spool is empty")
        await until(lambda: not self._lanes(transfer_id), "the lanes are gone")

    def _lanes(self, transfer_id: str) -> list[str]:
        return [name for name in damage.names(self.world.node, "rollcast.lane.") if transfer_id in name]

    def _assert_stored(self, address: str, source: Path, delivered: bool) -> None:
        found = list(self.world.inbox(address).glob(f"{source.stem}*"))
        assert [path.name for path in found] == ([source.name] if delivered else []), address
        assert all(digest(path) == digest(source) for path in found), address

    def _credentials(self, address: str) -> Credentials:
        return Credentials.load(address, self._settings)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition that is looked at in a thread, beside all else."""
    await until_async(lambda: asyncio.to_thread(condition), what)


async def until_state(sender: Sender, transfer_id: str, state: Receiver) -> None:
    """Wait until one of the receivers is in this state."""

    async def reached() -> bool:
        with suppress(RequestRefused):  # Its request is not yet written down.
            return state in {one.state for one in (await sender.status(transfer_id)).receivers}
        return False

    await until_async(reached, f"a receiver is {state}")


async def _reported(sending: AsyncGenerator[events.SenderEvent, None]) -> Report:
    async with aclosing(sending) as happening:
        async for event in happening:
            if isinstance(event, events.Reported):
                return event.report
    raise AssertionError("there was no report")


def _outcome(report: Report) -> Outcome:
    receivers = {one.address: (str(one.state), one.reason) for one in report.receivers}
    return Outcome(str(report.transfer.state), report.transfer.reason, receivers)
