"""A report, and a listing of transfers, for people."""

from collections.abc import Iterable, Sequence

from rollcast.cli import output
from rollcast.cli.texts import plural, size_text, time_text
from rollcast.messages.values import ReceiverStatus, TransferStatus
from rollcast.reasons import REASONS
from rollcast.report import LISTED, Report, sentence
from rollcast.states import FINAL_TRANSFER, Receiver


def report_lines(report: Report) -> list[str]:
    """A headline, a line for each receiver, who may still decide, and the figures of the transfer."""
    rows = [_receiver(report, receiver) for receiver in report.receivers]
    return [_headline(report), *table(rows, indent="  "), *_deferred(report), _figures(report.transfer)]


def print_report(report: Report, *, json: bool) -> None:
    """Write a report to standard output, as lines or as a document."""
    if json:
        output.emit_document(report.to_json())
    else:
        output.emit(*report_lines(report))


def listing_lines(transfers: Iterable[TransferStatus]) -> list[str]:
    """A line for each transfer."""
    rows = [
        (
            transfer.transfer_id,
            str(transfer.state),
            time_text(transfer.created_at),
            transfer.sender,
            size_text(transfer.file.size),
            transfer.file.name,
        )
        for transfer in transfers
    ]
    return table(rows) or ["no transfers"]


def table(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Lines with their cells one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def receiver_reason(receiver: ReceiverStatus) -> str:
    """Why a receiver does not have the file, as half a sentence."""
    if receiver.reason is None:
        return receiver.detail or ""
    words = receiver.detail or REASONS[receiver.reason].sentence
    if receiver.detail and receiver.reason.value != receiver.state.value:
        words = f"{receiver.reason.replace('_', ' ')}: {receiver.detail}"
    return f"{words} (may be asked again)" if REASONS[receiver.reason].may_ask_again else words


def _headline(report: Report) -> str:
    transfer, total = report.transfer, len(report.receivers)
    done = [r for r in report.receivers if report.disposition(r) in {LISTED, Receiver.DELIVERED}]
    verb = "could receive it" if transfer.state == LISTED else "have it"
    head = f"{transfer.file.name}, {size_text(transfer.file.size)}, from {transfer.sender}: {transfer.state}"
    why = transfer.detail or sentence(transfer.reason)
    return f"{head}, {len(done)} of {total} {verb}" + (f"; {why}" if why else "")


def _receiver(report: Report, receiver: ReceiverStatus) -> tuple[str, str, str]:
    told = receiver_reason(receiver)
    if receiver.delivered_at is not None:
        told = f"as {receiver.stored_as or report.transfer.file.name}, {time_text(receiver.delivered_at)}"
    return receiver.address, report.disposition(receiver), told


def _deferred(report: Report) -> list[str]:
    """While a transfer goes on: for whom it stays open, and until when."""
    deciding = sum(receiver.state is Receiver.DEFERRED for receiver in report.receivers)
    if not deciding or report.transfer.state in FINAL_TRANSFER:
        return []
    until = time_text(report.transfer.expires_at)
    return [f"{plural(deciding, 'receiver')} put the decision off; it stays open for that until {until}"]


def _figures(transfer: TransferStatus) -> str:
    times = (("roll call", transfer.roll_call_us), ("delivery", transfer.delivery_us))
    known = [f"{name} {micros / 1_000_000:.1f} s" for name, micros in times if micros is not None]
    return ", ".join([f"transfer {transfer.transfer_id}", *known])
