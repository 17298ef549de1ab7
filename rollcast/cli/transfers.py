"""Prints how transfers stand: what `rollcast status`, `rollcast list` and `rollcast cancel` do."""

from rollcast.cli import access, output
from rollcast.cli.exits import Exit, status_of_cancelling, status_of_report
from rollcast.cli.report_text import listing_lines, print_report
from rollcast.report import transfer_json
from rollcast.sender import Sender


async def status(transfer_id: str, address: str | None, *, json: bool) -> int:
    """Print how a transfer stands. Returns the exit status."""
    async with access.asking(address) as who:
        report = await who.status(transfer_id)
    print_report(report, json=json)
    return status_of_report(report)


async def cancel(transfer_id: str, address: str | None, *, json: bool) -> int:
    """Take a transfer back and print how it ended. Returns the exit status."""
    async with access.sending(access.sender_of(transfer_id, address)) as sender:
        report = await sender.cancel(transfer_id)
    print_report(report, json=json)
    return status_of_cancelling(report)


async def list_transfers(address: str | None, *, json: bool) -> int:
    """Print all transfers, newest first. Returns the exit status."""
    async with access.asking(address) as who:
        transfers = await (who.list() if isinstance(who, Sender) else who.transfers())
    if json:
        output.emit_document({"transfers": [transfer_json(transfer) for transfer in transfers]})
    else:
        output.emit(*listing_lines(transfers))
    return Exit.DONE
