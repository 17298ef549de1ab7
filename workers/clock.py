"""The `clock` pool: finds in the ledger what is due or stands still, and publishes it.

It changes no protocol state. It notes when it last prompted, by one conditional update, so that two clocks do
not both prompt; the pause doubles from 5 s to 10 min until something moves.
"""

import asyncio
from typing import Any

import structlog
from sqlalchemy import Row, select, update

from rollcast.addresses import domain_of
from rollcast.errors import Permanent, Transient
from rollcast.messages import CloseDue, InvitationsDue, LanesDue, RoundDue, SenderCheckDue, UploadDue
from rollcast.states import FINAL_TRANSFER, ON_THE_LIST, UNDECIDED, Transfer
from workers import metrics
from workers.batches import by_domain
from workers.broker.outbox import Outbox
from workers.ledger import Database, Ledger, roll, sent
from workers.ledger.tables import sent_transfers
from workers.process.logs import Seldom
from workers.work import ToStep

TICK = 0.5
"""Seconds between two looks into the ledger."""
AT_A_TIME = 200

Prompt = type[CloseDue] | type[InvitationsDue] | type[RoundDue] | type[SenderCheckDue] | type[UploadDue]
"""The messages that name a transfer and nothing else."""

log = structlog.get_logger()


class Clock:
    """Prompts whoever has not moved."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox
        self._seldom = Seldom()

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            try:
                await self.tick()
            except (Transient, Permanent) as error:
                if times := self._seldom.due(error.code):
                    log.warning("the clock missed ticks", times=times, error=str(error))
            await asyncio.sleep(TICK)

    async def tick(self) -> None:
        """Publish what is due now."""
        async with self._database.begin() as ledger:
            messages = [message for row in await _due(ledger) for message in await _prompts(row, ledger)]
        for message in messages:
            metrics.PROMPTS.labels(message=type(message.message).__name__).inc()
        await self._outbox.publish(messages)


async def _due(ledger: Ledger) -> list[Row[Any]]:
    query = (
        select(sent_transfers)
        .where(sent_transfers.c.due_at <= ledger.now)
        .order_by(sent_transfers.c.due_at)
        .limit(AT_A_TIME)
        # What is locked moves: waiting for it here, with others locked, could go round in a circle.
        .with_for_update(skip_locked=True)
    )
    return [row for row in await ledger.all(query) if await _claim(row, ledger)]


async def _claim(transfer: Row[Any], ledger: Ledger) -> bool:
    wait = min(max(transfer.due_wait, sent.FIRST_PROMPT) * 2, sent.LAST_PROMPT)
    if transfer.due_at in sent.deadlines(transfer):
        # A deadline that has come is something new, and a transfer ends within a minute of its expiry.
        wait = sent.FIRST_PROMPT
    claimed = await ledger.execute(
        update(sent_transfers)
        .where(
            sent_transfers.c.transfer_id == transfer.transfer_id,
            sent_transfers.c.due_at == transfer.due_at,
        )
        .values(due_at=sent.next_prompt(transfer, ledger.now, wait), due_wait=wait)
    )
    return claimed.rowcount == 1


async def _prompts(transfer: Row[Any], ledger: Ledger) -> list[ToStep]:
    if transfer.state in FINAL_TRANSFER or ledger.now >= transfer.expires_at or _ends(transfer):
        return _here(transfer, CloseDue)
    match transfer.state:
        case Transfer.REQUESTED | Transfer.HELD:
            return _here(transfer, SenderCheckDue)
        case Transfer.ASKING:
            return _here(transfer, *_asking(transfer, ledger.now))
        case _:
            return await _casting(transfer, ledger)


def _here(transfer: Row[Any], *kinds: Prompt) -> list[ToStep]:
    home = domain_of(transfer.sender)
    return [ToStep(home, kind(transfer_id=transfer.transfer_id)) for kind in kinds]


def _asking(transfer: Row[Any], now: int) -> list[Prompt]:
    request = sent.request_of(transfer)
    eager = request.upload == "eager" and not request.dry_run
    uploading = (eager or sent.is_open(transfer)) and transfer.uploaded_at is None
    round_is_over = now >= transfer.consent_deadline and not transfer.list_version
    unreported = sent.is_open(transfer) and not uploading and transfer.finished_at is None
    return [
        RoundDue if round_is_over else InvitationsDue,
        *([UploadDue] if uploading else []),
        *([CloseDue] if unreported else []),
    ]


async def _casting(transfer: Row[Any], ledger: Ledger) -> list[ToStep]:
    rows = await roll.receivers(ledger, transfer.transfer_id, ON_THE_LIST | UNDECIDED)
    waiting = [row for row in rows if row.state in ON_THE_LIST]
    due = [
        ToStep(
            domain, LanesDue(transfer_id=transfer.transfer_id, sender=transfer.sender, receivers=addresses)
        )
        for domain, addresses in by_domain(waiting)
    ]
    if transfer.cast_ended_at is None:
        due += _here(transfer, UploadDue)
    if len(waiting) < len(rows):
        due += _here(transfer, InvitationsDue)
    if not waiting:
        due += _here(transfer, CloseDue)
    return due


def _ends(transfer: Row[Any]) -> bool:
    """Whether something other than its time ends the transfer: a reason, or a dry run whose list is made."""
    if transfer.state not in {Transfer.ASKING, Transfer.CASTING}:
        return False
    listed_only = transfer.state == Transfer.ASKING and transfer.list_version
    return transfer.reason is not None or bool(listed_only and sent.request_of(transfer).dry_run)
