"""What all servers of an operator do at a moment, put together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rollcast.messages import OverviewAnswered
from rollcast.messages.figures import Straggler
from rollcast.messages.values import TransferStatus
from rollcast.states import Transfer


@dataclass(frozen=True)
class Overview:
    """The servers, each once; the transfers of all domains by their state, ended ones of a day; the newest of those
    that go on, of `open` in all; and the receivers that hold them up most. `at` is a server's time (µs UTC)."""

    at: int
    servers: Sequence[OverviewAnswered]
    counts: Counter[Transfer]
    open: int
    transfers: Sequence[TransferStatus]
    stragglers: Sequence[Straggler]


def together(answers: Sequence[OverviewAnswered]) -> Overview:
    """What the servers of several domains have answered; one may serve several of them."""
    counts: Counter[Transfer] = Counter()
    for answer in answers:
        counts.update({count.state: count.number for count in answer.counts})
    transfers = [transfer for answer in answers for transfer in answer.transfers]
    stragglers = [straggler for answer in answers for straggler in answer.stragglers]
    return Overview(
        at=max(answer.at for answer in answers),
        servers=list({answer.server: answer for answer in answers}.values()),
        counts=counts,
        open=sum(answer.open for answer in answers),
        transfers=sorted(transfers, key=lambda transfer: transfer.created_at, reverse=True),
        stragglers=sorted(stragglers, key=_distance),
    )


def is_measured(server: OverviewAnswered) -> bool:
    """Whether its broker's management tells what is used, and what is taken and not yet acknowledged."""
    return server.broker is not None and server.broker.measured


def _distance(straggler: Straggler) -> tuple[bool, float]:
    """How far a receiver is; one that stands still comes first."""
    receiver = straggler.receiver
    return receiver.rate != 0, receiver.bytes / straggler.size if straggler.size else 1.0
