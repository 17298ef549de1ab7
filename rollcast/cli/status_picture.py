"""A transfer under way as a table of its receivers, as long as the terminal is high."""

from collections import Counter
from collections.abc import Sequence

from rollcast.cli.listing_text import having
from rollcast.cli.receiver_table import receiver_lines
from rollcast.cli.tables import cut
from rollcast.cli.texts import plural, rate_text, share_text, span_text, visible
from rollcast.cli.waiting import counted, number, requested, waits_for
from rollcast.messages.values import ReceiverStatus, TransferStatus
from rollcast.queries import Glance
from rollcast.report import seconds_left
from rollcast.sizes import size_text
from rollcast.states import ON_THE_LIST, Receiver, Transfer

OTHER_ROWS = 6
"""Four lines above the receivers and their heading, and one below for those that do not fit."""


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
        *receiver_lines(shown, transfer.file.size, glance.at, columns),
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
