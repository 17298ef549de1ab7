"""What a transfer waits for, in half a sentence."""

from collections.abc import Iterable

from rollcast.cli.texts import plural, share_text, span_text, time_text
from rollcast.messages.values import ReceiverCount, TransferStatus
from rollcast.report import sentence
from rollcast.states import ON_THE_LIST, UNANSWERED, Receiver, Transfer

SECOND = 1_000_000
"""µs."""


def waits_for(transfer: TransferStatus, now: int) -> str:
    """What an open transfer waits for at an instant (µs UTC); of one that has ended, why somebody lacks the file."""
    why = transfer.detail or sentence(transfer.reason) or ""
    match transfer.state:
        case Transfer.REQUESTED:
            return "the check of its sender"
        case Transfer.HELD:
            return why or "room on the server"
        case Transfer.ASKING | Transfer.CASTING if transfer.reason is not None:
            return f"receivers to confirm the end: {why}"
        case Transfer.ASKING:
            return _answers(transfer, now)
        case Transfer.CASTING:
            return _delivery(transfer)
        case Transfer.PARTIAL | Transfer.FAILED if not why:
            return counted([count for count in transfer.counts if count.state is not Receiver.DELIVERED])
    return why


def number(transfer: TransferStatus, *states: Receiver) -> int:
    """How many receivers are in one of these states."""
    return sum(count.number for count in transfer.counts if count.state in states)


def counted(counts: Iterable[ReceiverCount]) -> str:
    """Such as `1 rejected, 2 unknown`."""
    return ", ".join(f"{count.number} {count.state}" for count in counts)


def requested(transfer: TransferStatus) -> int:
    """How many receivers there are."""
    return sum(count.number for count in transfer.counts)


def _answers(transfer: TransferStatus, now: int) -> str:
    undecided = number(transfer, *UNANSWERED)
    deadline = transfer.consent_deadline or transfer.expires_at
    if undecided and now < deadline:
        left = span_text((deadline - now) / SECOND)
        return f"{undecided} of {plural(requested(transfer), 'answer')}, {left} left"
    return _deferred(transfer) or "the receiver list"


def _delivery(transfer: TransferStatus) -> str:
    waiting = []
    if receiving := number(transfer, *ON_THE_LIST):
        waiting.append(plural(receiving, "receiver"))
    if transfer.uploaded < transfer.file.size:
        share = share_text(transfer.uploaded, transfer.file.size)
        waiting.append(f"the upload ({share} of it is there)")
    return " and ".join(filter(None, (*waiting, _deferred(transfer)))) or "its end"


def _deferred(transfer: TransferStatus) -> str:
    deferred = number(transfer, Receiver.DEFERRED)
    if not deferred:
        return ""
    return f"{plural(deferred, 'decision')} put off, until {time_text(transfer.expires_at)}"
