"""What an account may do as a sender: S210 looks before it writes anything down, S220 when the request is whole."""

from sqlalchemy import func, select

from rollcast.errors import Permanent
from rollcast.messages.values import Limits
from rollcast.reasons import Code
from rollcast.states import OPEN_TRANSFER
from workers.ledger import Ledger, accounts
from workers.ledger.tables import sent_transfers


async def limits_of(sender: str, ledger: Ledger) -> Limits:
    """The limits of an account that may send. Raises `Permanent` with the reason code and a sentence."""
    account = (await accounts.find(ledger, [sender])).get(sender)
    if account is None:
        raise Permanent(f"{sender} has no account here", code=Code.NO_SUCH_ACCOUNT)
    if account.suspended:
        raise Permanent(f"{sender} is suspended", code=Code.SUSPENDED)
    limits = accounts.limits_of(account)
    if not limits.may_send:
        raise Permanent(f"{sender} may not send", code=Code.SENDING_NOT_ALLOWED)
    return limits


async def check_open(sender: str, transfer_id: str, limits: Limits, ledger: Ledger) -> None:
    """Raise `Permanent` if as many transfers of the sender are open as may be, beside this one."""
    others = await ledger.count(
        select(func.count()).where(
            sent_transfers.c.sender == sender,
            sent_transfers.c.transfer_id != transfer_id,
            sent_transfers.c.state.in_(list(OPEN_TRANSFER)),
        )
    )
    if others >= limits.max_transfers:
        raise Permanent(
            f"{sender} has {others} open transfers, as many as it may", code=Code.TOO_MANY_TRANSFERS
        )
