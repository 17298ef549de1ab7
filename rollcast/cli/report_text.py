"""A report, for people."""

from collections.abc import Sequence

from rollcast.cli import output
from rollcast.cli.texts import plural, rate_text, share_text, span_text, time_text
from rollcast.messages.values import ReceiverStatus, TransferStatus
from rollcast.reasons import REASONS, Code
from rollcast.report import LISTED, Report, seconds_left, sentence
from rollcast.sizes import size_text
from rollcast.states import CUT_OFF, FINAL_TRANSFER, Receiver, Transfer


def report_lines(report: Report) -> list[str]:
    """A headline, a line for each receiver, who may still decide or be sent it again, and the transfer's figures."""
    rows = [_receiver(report, receiver) for receiver in report.receivers]
    return [
        _headline(report),
        *table(rows, indent="  "),
        *_deferred(report),
        *_cut_off(report),
        _figures(report.transfer),
    ]


def print_report(report: Report, *, json: bool) -> None:
    """Write a report to standard output, as lines or as a document."""
    if json:
        output.emit_document(report.to_json())
    else:
        output.emit(*report_lines(report))


def table(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Lines with their cells one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def receiver_reason(receiver: ReceiverStatus) -> str:
    """Why a receiver does not have the file, as half a sentence; nothing that its state says already."""
    if receiver.reason is None:
        return receiver.detail or ""
    why = _why(receiver, receiver.reason)
    if not REASONS[receiver.reason].may_ask_again:
        return why
    return f"{why} (may be asked again)" if why else "may be asked again"


def _why(receiver: ReceiverStatus, reason: Code) -> str:
    told_by_state = reason.value == receiver.state.value
    if receiver.detail:
        return receiver.detail if told_by_state else f"{reason.replace('_', ' ')}: {receiver.detail}"
    return "" if told_by_state and receiver.state in CUT_OFF else REASONS[reason].sentence


def so_far(receiver: ReceiverStatus, size: int) -> str:
    """How far a receiver is that has not come to its end."""
    if receiver.state is not Receiver.RECEIVING:
        return ""
    left = seconds_left(receiver, size)
    told = (
        f"{size_text(receiver.bytes)}, {share_text(receiver.bytes, size)}",
        rate_text(receiver.rate),
        "" if left is None else f"{span_text(left)} left",
    )
    return ", ".join(filter(None, told))


def _headline(report: Report) -> str:
    transfer, total = report.transfer, len(report.receivers)
    done = [r for r in report.receivers if report.disposition(r) in {LISTED, Receiver.DELIVERED}]
    verb = "could receive it" if transfer.state == LISTED else "have it"
    head = f"{transfer.file.name}, {size_text(transfer.file.size)}, from {transfer.sender}: {transfer.state}"
    why = transfer.detail or sentence(transfer.reason)
    return f"{head}, {len(done)} of {total} {verb}" + (f"; {why}" if why else "")


def _receiver(report: Report, receiver: ReceiverStatus) -> tuple[str, str, str]:
    told = receiver_reason(receiver) or so_far(receiver, report.transfer.file.size)
    if receiver.delivered_at is not None:
        told = f"as {receiver.stored_as or report.transfer.file.name}, {time_text(receiver.delivered_at)}"
    return receiver.address, report.disposition(receiver), told


def _deferred(report: Report) -> list[str]:
    """While a transfer goes on: for whom it stays open, and until when."""
    deciding = sum(receiver.state is Receiver.DEFERRED for receiver in report.receivers)
    if not deciding or report.transfer.state in FINAL_TRANSFER:
        return []
    until = time_text(report.transfer.expires_at)
    return [
        f"{plural(deciding, 'receiver')} put the decision off; the transfer stays open for that until {until}"
    ]


def _cut_off(report: Report) -> list[str]:
    """After the end: how those who had accepted get it, unless the file is not what they had accepted."""
    transfer = report.transfer
    was_cast = transfer.list_version > 0 and transfer.state in FINAL_TRANSFER - {Transfer.DECLINED}
    if not report.cut_off or not was_cast or transfer.reason is Code.SOURCE_CHANGED:
        return []
    retry = f"`rollcast retry {transfer.transfer_id}`"
    return [f"{plural(len(report.cut_off), 'receiver')} cut off; {retry} sends it to them once more"]


def _figures(transfer: TransferStatus) -> str:
    times = (("roll call", transfer.roll_call_us), ("delivery", transfer.delivery_us))
    known = [f"{name} {micros / 1_000_000:.1f} s" for name, micros in times if micros is not None]
    return ", ".join([f"transfer {transfer.transfer_id}", *known])
