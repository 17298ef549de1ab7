"""Do ledger, broker and spool agree on which server this is?"""

from rollcast.findings import fine, some
from rollcast.messages.figures import Finding
from workers.identity.conflicts import short
from workers.identity.guard import Guard


async def check_identity(guard: Guard) -> list[Finding]:
    """What is recorded of the server. Raises `Conflict` for what differs."""
    found = await guard.compare()
    spool = "none yet" if found.spool is None else short(found.spool)
    served = some(list(found.domains or ()))
    detail = f"ledger {short(found.ledger)}, spool {spool}, domains {served}, as broker and spool say"
    return [fine("identity", detail)]
