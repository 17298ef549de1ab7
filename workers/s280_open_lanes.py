"""S280: each receiver on the list gets a lane, bound to the cast, and is told.

A prompt as well: whose end is known is answered with it, whose lane was opened gets it again.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from rollcast.addresses import domain_of
from rollcast.errors import IdentityError
from rollcast.messages import LaneOpened, LanesDue, LanesOpened, ReceiversFinished
from rollcast.messages.values import Offer
from rollcast.states import ON_THE_LIST, Receiver
from rollcast.topology import lane
from workers.ledger import Ledger, invited, roll
from workers.work import DropLanes, OpenLanes, Outcome, Received, Services, ToInboxes, ToStep


async def open_lanes(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """Open lanes, or say how their receivers ended."""
    outcomes: list[Outcome] = []
    for received in batch:
        assert isinstance(received.message, LanesDue)
        outcomes += await _open(received.message, received.domain, services.ledger)
    return outcomes


async def _open(due: LanesDue, domain: str, ledger: Ledger) -> list[Outcome]:
    transfer = (await invited.transfers(ledger, [due.transfer_id])).get(due.transfer_id)
    if transfer is None:
        return []
    rows = await invited.receivers(ledger, due.transfer_id, due.receivers)
    offer = invited.offer_of(transfer)
    if offer.sender != due.sender:
        raise IdentityError(f"{due.sender} opens lanes of {due.transfer_id}, which is not its transfer")
    finished = [row for row in rows.values() if invited.finished(row)]
    outcomes = _finished(offer, finished)
    if transfer.closed_at is not None:
        # A worker may have died over this very message, after it had declared lanes.
        return [*outcomes, DropLanes(due.transfer_id, list(rows))]
    if ledger.now < offer.expires_at:
        waiting = [address for address, row in rows.items() if row.state in ON_THE_LIST]
        await _note_opened(due.transfer_id, rows, ledger)
        outcomes += _opened(offer, waiting, domain)
    return outcomes


async def _note_opened(transfer_id: str, rows: dict[str, Row[Any]], ledger: Ledger) -> None:
    first = [address for address, row in rows.items() if row.state == Receiver.ACCEPTED]
    await invited.change(
        ledger,
        [
            invited.Change(transfer_id=transfer_id, address=address, state=Receiver.RECEIVING)
            for address in first
        ],
    )


def _opened(offer: Offer, addresses: list[str], domain: str) -> list[Outcome]:
    if not addresses:
        return []
    transfer_id = offer.transfer_id
    told: list[Outcome] = [
        ToInboxes((a,), LaneOpened(offer=offer, lane=lane(a, transfer_id, "").name), offer.expires_at)
        for a in addresses
    ]
    opened = LanesOpened(transfer_id=transfer_id, domain=domain, receivers=addresses)
    return [
        OpenLanes(offer.sender, transfer_id, addresses),
        *told,
        ToStep(domain_of(offer.sender), opened),
    ]


def _finished(offer: Offer, rows: list[Row[Any]]) -> list[Outcome]:
    if not rows:
        return []
    finished = ReceiversFinished(
        transfer_id=offer.transfer_id, receivers=[roll.status_of(row) for row in rows]
    )
    return [ToStep(domain_of(offer.sender), finished)]
