"""A listing of transfers, for people."""

from collections.abc import Sequence

from rollcast.cli.tables import fitted
from rollcast.cli.texts import span_text
from rollcast.cli.waiting import SECOND, number, requested, waits_for
from rollcast.messages.values import TransferStatus
from rollcast.report import LISTED, disposed
from rollcast.sizes import size_text
from rollcast.states import Receiver

HEAD = ("transfer", "age", "file", "size", "sender", "state", "waits for, or why")
AGE, FILE, SIZE, SENDER, WAITING = 1, 2, 3, 4, 6


def listing_lines(transfers: Sequence[TransferStatus], now: int, width: int | None) -> list[str]:
    """A table with a row for each transfer, at an instant (µs UTC)."""
    if not transfers:
        return ["no transfers"]
    rows = [_row(transfer, now) for transfer in transfers]
    return fitted(
        HEAD,
        rows,
        width=width,
        flexible=(FILE, SENDER, WAITING),
        right=(AGE, SIZE),
        spare=([SENDER], [SIZE], [AGE]),
    )


def having(transfer: TransferStatus) -> str:
    """How many have the file of how many, such as `3/8`; after a dry run how many could."""
    has = disposed(transfer).get(LISTED) or number(transfer, Receiver.DELIVERED)
    return f"{has}/{requested(transfer)}"


def standing(transfer: TransferStatus) -> str:
    """Its state and how many have the file, such as `casting 3/8`."""
    return f"{transfer.state} {having(transfer)}"


def _row(transfer: TransferStatus, now: int) -> tuple[str, ...]:
    return (
        transfer.transfer_id,
        span_text((now - transfer.created_at) / SECOND),
        transfer.file.name,
        size_text(transfer.file.size),
        transfer.sender,
        standing(transfer),
        waits_for(transfer, now),
    )
