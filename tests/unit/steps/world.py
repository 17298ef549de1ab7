"""One server without its broker: a real ledger, the steps as functions, and the broker users that speak to it.

The actions and messages that steps return are given back to the test; `settle` hands on what is for a step.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Row, func, select

from rollcast.messages import ReceiversProgressed, TransferRequested
from rollcast.messages.values import Capabilities, Limits, Offer
from rollcast.topology import POOLS, accepts
from tests.people import ACME, ALICE, GLOBEX, INITECH, SERVER
from tests.unit.steps.build import MiB, T, accept, at, by, digest
from workers.ledger import Database, Ledger, accounts, sent, spooled
from workers.ledger.tables import invited_receivers, sent_chunks, sent_receivers, sent_transfers, spool_usage
from workers.settings import Settings
from workers.steps import STEPS
from workers.work import DropCast, Outcome, Received, Services, ToStep

SETTINGS = Settings(
    server=SERVER,
    domains=(ACME, GLOBEX),
    peers=(INITECH,),
    amqp_url="amqp://nobody@nowhere",
    management_url=None,
    operators=("operator",),
    ledger_url="",
    spool_url="",
    account_rate=200,
    account_burst=2000,
    spool_quota=1000 * MiB,
    retention_days=30,
    metrics_port=0,
    log_level="info",
)


class TimeTravel(Database):
    """A ledger whose clock is so many µs `ahead` of the database's, or of the instant at which it was stopped."""

    ahead = 0
    stopped_at: int | None = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Ledger]:
        """A transaction at a later instant."""
        async with super().begin() as ledger:
            ledger.now = (self.stopped_at or ledger.now) + self.ahead
            yield ledger


class World:
    """A server of two domains and what a test wants to know of its ledger."""

    def __init__(self, database: TimeTravel, settings: Settings = SETTINGS) -> None:
        self.database = database
        self.settings = settings

    async def stop_clock(self) -> None:
        """Let no time pass but by `pass_time`: for what depends on parts of a second."""
        async with self.database.begin() as ledger:
            self.database.stopped_at = ledger.now - self.database.ahead

    def pass_time(self, microseconds: int) -> None:
        """Let so much time pass."""
        self.database.ahead += microseconds

    async def tell(self, *batch: Received) -> list[Outcome]:
        """Hand a batch to the step that hears its first message, in one transaction; progress is for none.

        What is dropped after it is noted, as by the actions.
        """
        kind = type(batch[0].message)
        if kind is ReceiversProgressed:
            return []
        step = next(pool for pool in POOLS if kind in accepts(pool))
        async with self.database.begin() as ledger:
            outcomes = await STEPS[step](batch, Services(ledger, self.settings))
        async with self.database.begin() as ledger:
            for dropped in (outcome for outcome in outcomes if isinstance(outcome, DropCast)):
                await sent.note_cleaned_up(ledger, dropped.transfer_id)
        return outcomes

    async def settle(self, *batch: Received) -> list[Outcome]:
        """Hand a batch to its step, and what follows to theirs, until no step has any more to do.

        All outcomes are returned, in the order in which they came.
        """
        outcomes = await self.tell(*batch)
        for outcome in outcomes:
            if isinstance(outcome, ToStep) and outcome.domain in self.settings.domains:
                outcomes += await self.tell(at(outcome.domain, outcome.message))
        return outcomes

    async def account(self, *addresses: str, can: Capabilities | None = None, **limits: Any) -> None:
        """Accounts whose terminals have registered."""
        async with self.database.begin() as ledger:
            for address in addresses:
                await accounts.add(ledger, address, Limits(**limits), None)
                await accounts.register(ledger, address, can or Capabilities())

    async def suspend(self, address: str, suspended: bool = True) -> None:
        """Suspend an account, or let it go on."""
        async with self.database.begin() as ledger:
            await accounts.suspend(ledger, address, suspended)

    async def asking(self, wanted: TransferRequested) -> list[Outcome]:
        """A transfer of alice's whose receivers have all been asked."""
        return await self.settle(by(ALICE, wanted))

    async def casting(self, wanted: TransferRequested) -> list[Outcome]:
        """A transfer of alice's that all receivers have accepted, and whose lanes are open."""
        await self.asking(wanted)
        return await self.settle(*(by(a, accept(wanted.transfer_id)) for a in wanted.recipients))

    async def spool(self, indexes: Iterable[int], transfer_id: str = T) -> None:
        """Write chunks down as stored in the spool."""
        async with self.database.begin() as ledger:
            await spooled.add(ledger, transfer_id, {index: digest(index) for index in indexes})

    async def transfer(self, transfer_id: str = T) -> Row[Any]:
        """What the sender's half says of a transfer."""
        async with self.database.begin() as ledger:
            return (await sent.lock(ledger, [transfer_id]))[transfer_id]

    async def state(self, transfer_id: str = T) -> str:
        """The state of a transfer."""
        return str((await self.transfer(transfer_id)).state)

    async def change(self, transfer_id: str = T, **values: Any) -> None:
        """Set columns of a transfer."""
        async with self.database.begin() as ledger:
            await sent.change(ledger, transfer_id, **values)

    async def sent(self, transfer_id: str = T) -> dict[str, Row[Any]]:
        """The receivers in the sender's half."""
        query = select(sent_receivers).where(sent_receivers.c.transfer_id == transfer_id)
        return await self._by_address(query.order_by(sent_receivers.c.position))

    async def sent_states(self, transfer_id: str = T) -> Mapping[str, str]:
        """The states of the receivers in the sender's half."""
        return {address: row.state for address, row in (await self.sent(transfer_id)).items()}

    async def invited(self, transfer_id: str = T) -> dict[str, Row[Any]]:
        """The receivers in the receivers' half."""
        return await self._by_address(
            select(invited_receivers).where(invited_receivers.c.transfer_id == transfer_id)
        )

    async def invited_states(self, transfer_id: str = T) -> Mapping[str, str]:
        """The states of the receivers in the receivers' half."""
        return {address: row.state for address, row in (await self.invited(transfer_id)).items()}

    async def reserved(self) -> int:
        """The bytes of the spool that are reserved."""
        async with self.database.begin() as ledger:
            return await ledger.count(select(func.coalesce(func.sum(spool_usage.c.reserved), 0)))

    async def chunks(self) -> int:
        """How many chunks are written down as spooled."""
        async with self.database.begin() as ledger:
            return await ledger.count(select(func.count()).select_from(sent_chunks))

    async def transfers(self) -> int:
        """How many transfers are written down."""
        async with self.database.begin() as ledger:
            return await ledger.count(select(func.count()).select_from(sent_transfers))

    async def offer(self, transfer_id: str = T) -> Offer:
        """What the receivers of a transfer are asked."""
        return sent.offer_of(await self.transfer(transfer_id))

    async def _by_address(self, query: Any) -> dict[str, Row[Any]]:
        async with self.database.begin() as ledger:
            return {row.address: row for row in await ledger.all(query)}
