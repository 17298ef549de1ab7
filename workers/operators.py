"""What operators ask for: accounts, parked messages, the server itself, and transfers whoever sends them."""

from collections.abc import Sequence

from rollcast.messages import AccountRequested, DiagnosisRequested, OverviewRequested, ParkedRequested, Query
from workers.account_requests import answer_account_request
from workers.looking.overview import look_into_ledger
from workers.looking.transfer_queries import answer_query
from workers.work import Diagnose, Outcome, Received, SeeBroker, SeeParked, Services


async def answer_operators(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """Answer each request directly to whoever asks."""
    return [outcome for received in batch for outcome in await answer_operator(received, services)]


async def answer_operator(received: Received, services: Services) -> list[Outcome]:
    """Answer one request; that of somebody else than an operator not at all."""
    match received.message:
        case AccountRequested() as request:
            return await answer_account_request(received, request, services)
        case ParkedRequested() as request:
            return [SeeParked(received, request)]
        case OverviewRequested():
            return [SeeBroker(received, await look_into_ledger(received.domain, services))]
        case DiagnosisRequested():
            return [Diagnose(received)]
        case Query() as request:
            return [await answer_query(received, request, services)]
    return []
