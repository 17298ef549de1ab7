"""S230: the receivers without an answer are invited, each through the server of its domain."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from rollcast.addresses import domain_of
from rollcast.messages import InvitationsDue, ReceiversInvited, RoundDue
from rollcast.messages.values import ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import UNANSWERED, UNDECIDED, Receiver, Transfer
from workers.batches import by_domain
from workers.ledger import Ledger, roll, sent
from workers.ledger.tables import sent_domains
from workers.settings import Settings
from workers.work import Outcome, Received, Services, ToStep


async def invite(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """Group by domain; those of domains that are neither served nor peers are `unknown` at once.

    Once the list is made that brings answers whose message was lost: their servers say what they know by then.
    """
    wanted = [r.message.transfer_id for r in batch if isinstance(r.message, InvitationsDue)]
    outcomes: list[Outcome] = []
    for transfer in (await sent.lock(services.ledger, wanted)).values():
        if transfer.state in {Transfer.ASKING, Transfer.CASTING} and transfer.reason is None:
            outcomes += await _invite(transfer, services)
    return outcomes


async def _invite(transfer: Row[Any], services: Services) -> list[Outcome]:
    ledger = services.ledger
    waiting = await roll.receivers(ledger, transfer.transfer_id, UNDECIDED)
    reachable = [row for row in waiting if _reachable(row.domain, services.settings)]
    unknown = [row for row in waiting if not _reachable(row.domain, services.settings)]
    await roll.record(ledger, transfer.transfer_id, [_no_such_domain(row) for row in unknown])
    await _remember(ledger, transfer.transfer_id, {row.domain for row in reachable})
    offer = sent.offer_of(transfer)
    invitations: list[Outcome] = [
        ToStep(domain, ReceiversInvited(offer=offer, receivers=addresses))
        for domain, addresses in by_domain(reachable)
    ]
    asking = any(row.state in UNANSWERED for row in reachable)
    if not asking and transfer.list_version == 0:
        return [ToStep(domain_of(transfer.sender), RoundDue(transfer_id=transfer.transfer_id)), *invitations]
    return invitations


def _reachable(domain: str, settings: Settings) -> bool:
    return domain in settings.domains or domain in settings.peers


def _no_such_domain(row: Row[Any]) -> ReceiverStatus:
    return ReceiverStatus(
        address=row.address,
        state=Receiver.UNKNOWN,
        revision=row.revision + 1,
        step="s230",
        reason=Code.NO_SUCH_DOMAIN,
        detail=f"{row.domain} is neither served here nor a peer",
    )


async def _remember(ledger: Ledger, transfer_id: str, domains: set[str]) -> None:
    rows = [{"transfer_id": transfer_id, "domain": domain} for domain in sorted(domains)]
    if rows:
        await ledger.execute(ledger.insert(sent_domains).on_conflict_do_nothing(), rows)
