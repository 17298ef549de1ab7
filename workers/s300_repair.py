"""S300: what a receiver misses goes again from the spool into its lane."""

from collections.abc import Sequence

from rollcast.addresses import domain_of
from rollcast.errors import IdentityError
from rollcast.messages import CastEnded, ChunksMissing, RepairDue
from rollcast.states import ON_THE_LIST, Transfer
from workers.ledger import Ledger, invited, sent, spooled
from workers.upload import piece_of
from workers.work import CastChunks, IntoCast, Outcome, Received, Services, ToStep


async def repair(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """At the receiver's server: forward the request. At the sender's: send the chunks again, a piece at most."""
    outcomes: list[Outcome] = []
    for received in batch:
        match received.message:
            case ChunksMissing():
                outcomes += await _forward(received.origin, received.message, services.ledger)
            case RepairDue():
                outcomes += await _repair(received.message, services.ledger)
    return outcomes


async def _forward(receiver: str, missing: ChunksMissing, ledger: Ledger) -> list[Outcome]:
    transfer = (await invited.transfers(ledger, [missing.transfer_id])).get(missing.transfer_id)
    rows = await invited.receivers(ledger, missing.transfer_id, [receiver])
    if transfer is None or receiver not in rows:
        raise IdentityError(f"{receiver} was not invited to {missing.transfer_id}")
    if transfer.closed_at is not None or rows[receiver].state not in ON_THE_LIST:
        return []
    due = RepairDue(transfer_id=missing.transfer_id, receiver=receiver, ranges=missing.ranges)
    return [ToStep(domain_of(invited.offer_of(transfer).sender), due)]


async def _repair(due: RepairDue, ledger: Ledger) -> list[Outcome]:
    transfer = (await sent.lock(ledger, [due.transfer_id])).get(due.transfer_id)
    if transfer is None or transfer.state != Transfer.CASTING:
        return []
    wanted = [(first, min(stop, transfer.chunks)) for first, stop in due.ranges]
    ranges = spooled.first_of(wanted, piece_of(transfer))
    cast = CastChunks(transfer.sender, due.transfer_id, ranges, due.receiver)
    if transfer.cast_ended_at is None:
        return [cast]
    ended = CastEnded(transfer_id=due.transfer_id)
    return [cast, IntoCast(transfer.sender, due.transfer_id, ended, due.receiver)]
