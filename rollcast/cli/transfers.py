"""Prints how transfers stand: what `rollcast status` and `rollcast list` do."""

import re

from rollcast.addresses import TRANSFER_ID_PATTERN
from rollcast.cli import access, output
from rollcast.cli.exits import Exit, UsageError, status_of_report
from rollcast.cli.report_text import listing_lines, report_lines
from rollcast.report import transfer_json
from rollcast.sender import Sender


async def status(transfer_id: str, address: str | None, *, json: bool) -> int:
    """Print how a transfer stands. Returns the exit status."""
    if not re.match(TRANSFER_ID_PATTERN, transfer_id):
        raise UsageError(
            f"{transfer_id[:80]!r} is not a transfer id", hint="It is 32 hexadecimal digits in lower case."
        )
    async with access.asking(address) as who:
        report = await who.status(transfer_id)
    if json:
        output.emit_document(report.to_json())
    else:
        output.emit(*report_lines(report))
    return status_of_report(report)


async def list_transfers(address: str | None, *, json: bool) -> int:
    """Print all transfers, newest first. Returns the exit status."""
    async with access.asking(address) as who:
        transfers = await (who.list() if isinstance(who, Sender) else who.transfers())
    if json:
        output.emit_document({"transfers": [transfer_json(transfer) for transfer in transfers]})
    else:
        output.emit(*listing_lines(transfers))
    return Exit.DONE
