"""A transfer under way as a table of its receivers, as long as the terminal is high."""

from collections import Counter
from collections.abc import Sequence

from rich.cells import cell_len

from rollcast.cli.listing_text import having
from rollcast.cli.report_text import receiver_reason
from rollcast.cli.tables import bar, cut, fitted
from rollcast.cli.texts import plural, rate_text, share_text, span_text, visible
from rollcast.cli.waiting import SECOND, counted, number, requested, waits_for
from rollcast.messages.values import ReceiverStatus, TransferStatus
from rollcast.queries import Glance
from rollcast.report import seconds_left
from rollcast.sizes import size_text
from rollcast.states import ON_THE_LIST, Receiver, Transfer

NUMBERS = ("", "stored", "", "rate", "left", "")
BAR = 16
OTHER_ROWS = 6
"""Four lines above the receivers and their heading, and one below for those that do not fit."""
QUIET = 5
"""Seconds without progress that are worth telling."""


def draw(glance: Glance, columns: int | None, rows: int | None) -> list[str]:
    """The transfer, and as many of its receivers as fit; the others in numbers."""
    transfer = glance.transfer
    room = len(glance.receivers) if rows is None else max(1, rows - OTHER_ROWS)
    shown = glance.receivers[:room]
    lines = [
        f"{transfer.file.name}  {size_text(transfer.file.size)}  from {transfer.sender}  {transfer.transfer_id}",
        f"{transfer.state}: {having(transfer)} have it; waits for {waits_for(transfer, glance.at)}",
        counted(transfer.counts),
        _together(glance) if transfer.state is Transfer.CASTING else "",
        *_receivers(glance, shown, columns),
        *_rest(transfer, shown),
    ]
    return [cut(visible(line), columns) for line in lines]


def _together(glance: Glance) -> str:
    """What those on the list have stored together, how fast, and how long the slowest that moves still takes."""
    transfer, size = glance.transfer, glance.transfer.file.size
    total = size * number(transfer, Receiver.DELIVERED, *ON_THE_LIST)
    lefts = [left for one in glance.receivers if (left := seconds_left(one, size)) is not None]
    told = (
        f"stored {size_text(transfer.stored)} of {size_text(total)}, {share_text(transfer.stored, total)}",
        rate_text(transfer.rate or None),
        f"{span_text(max(lefts))} left" if lefts else "",
    )
    return ", ".join(filter(None, told))


def _receivers(glance: Glance, shown: Sequence[ReceiverStatus], columns: int | None) -> list[str]:
    """A table; of those that do not receive it tells why, where the others have numbers."""
    size = glance.transfer.file.size
    names = fitted(
        ("receiver", "state"),
        [(receiver.address, str(receiver.state)) for receiver in shown],
        width=columns and columns // 2,
        flexible=(0,),
    )
    moving = [_numbers(receiver, size, glance.at) for receiver in shown if _receives(receiver)]
    heading, *numbers = fitted(NUMBERS, moving, width=None, right=(1, 2, 3, 4))
    following = iter(numbers)
    beside = [next(following) if _receives(receiver) else receiver_reason(receiver) for receiver in shown]
    width = max(map(cell_len, names))
    return [
        f"{name}{' ' * (width - cell_len(name))}  {told}".rstrip()
        for name, told in zip(names, (heading, *beside), strict=True)
    ]


def left_text(receiver: ReceiverStatus, size: int) -> str:
    """About how long it takes until a receiver has it all; nothing where that is not known."""
    left = seconds_left(receiver, size)
    return "" if left is None else span_text(left)


def quiet_text(receiver: ReceiverStatus, now: int) -> str:
    """That a receiver has not moved for a while, at an instant (µs UTC)."""
    quiet = 0 if receiver.moved_at is None else (now - receiver.moved_at) / SECOND
    return f"no progress for {span_text(quiet)}" if quiet >= QUIET else ""


def _receives(receiver: ReceiverStatus) -> bool:
    return receiver.state in {Receiver.RECEIVING, Receiver.DELIVERED}


def _numbers(receiver: ReceiverStatus, size: int, now: int) -> tuple[str, ...]:
    return (
        bar(receiver.bytes, size, BAR),
        size_text(receiver.bytes),
        share_text(receiver.bytes, size),
        rate_text(receiver.rate),
        left_text(receiver, size),
        quiet_text(receiver, now),
    )


def _rest(transfer: TransferStatus, shown: Sequence[ReceiverStatus]) -> list[str]:
    """How many more there are, in which states."""
    counts = Counter({count.state: count.number for count in transfer.counts})
    counts.subtract(receiver.state for receiver in shown)
    left = requested(transfer) - len(shown)
    if left <= 0:
        return []
    return [
        f"and {plural(left, 'other')}: {', '.join(f'{n} {state}' for state, n in counts.items() if n > 0)}"
    ]
