"""Receivers one below the other: how far each is, or why it does not receive."""

from collections.abc import Sequence

from rich.cells import cell_len

from rollcast.cli.report_text import receiver_reason
from rollcast.cli.tables import bar, fitted
from rollcast.cli.texts import rate_text, share_text, span_text
from rollcast.cli.waiting import SECOND
from rollcast.messages.values import ReceiverStatus
from rollcast.report import seconds_left
from rollcast.sizes import size_text
from rollcast.states import Receiver

NUMBERS = ("", "stored", "", "rate", "left")
WIDE, BAR, SHORT_BAR = 100, 16, 8
"""In a terminal of so many columns the bars are long."""
QUIET = 5
"""Seconds without progress that are worth telling."""


def receiver_lines(
    receivers: Sequence[ReceiverStatus], size: int, now: int, columns: int | None
) -> list[str]:
    """A table; of those that do not receive it tells why, where the others have numbers."""
    width = BAR if columns is None or columns >= WIDE else SHORT_BAR
    moving = [_numbers(receiver, size, now, width) for receiver in receivers if _receives(receiver)]
    heading, *numbers = fitted(NUMBERS, moving, width=None, right=(1, 2, 3, 4))
    names = _names(receivers, columns, max(map(cell_len, numbers), default=0))
    following = iter(numbers)
    beside = [next(following) if _receives(receiver) else receiver_reason(receiver) for receiver in receivers]
    room = max(map(cell_len, names))
    return [
        f"{name}{' ' * (room - cell_len(name))}  {told}".rstrip()
        for name, told in zip(names, (heading, *beside), strict=True)
    ]


def left_text(receiver: ReceiverStatus, size: int, now: int) -> str:
    """About how long it takes until a receiver has it all, or for how long it has not moved (at an instant, µs UTC);
    nothing where neither is known."""
    quiet = 0 if receiver.moved_at is None else (now - receiver.moved_at) / SECOND
    if quiet >= QUIET and _receives(receiver):
        return f"stalled {span_text(quiet)}"
    left = seconds_left(receiver, size)
    return "" if left is None else span_text(left)


def _names(receivers: Sequence[ReceiverStatus], columns: int | None, numbers: int) -> list[str]:
    """Addresses and states: in what the numbers leave, and in a third of the columns at least."""
    return fitted(
        ("receiver", "state"),
        [(receiver.address, str(receiver.state)) for receiver in receivers],
        width=columns and max(columns // 3, min(columns // 2, columns - numbers - 2)),
        flexible=(0,),
    )


def _receives(receiver: ReceiverStatus) -> bool:
    return receiver.state in {Receiver.RECEIVING, Receiver.DELIVERED}


def _numbers(receiver: ReceiverStatus, size: int, now: int, width: int) -> tuple[str, ...]:
    return (
        bar(receiver.bytes, size, width),
        size_text(receiver.bytes),
        share_text(receiver.bytes, size),
        rate_text(receiver.rate),
        left_text(receiver, size, now),
    )
