"""The states of a transfer and of a receiver: one word each, the same wherever they are seen."""

from enum import StrEnum


class Transfer(StrEnum):
    """State of a transfer; those from `COMPLETED` on are final."""

    REQUESTED = "requested"
    HELD = "held"
    ASKING = "asking"
    CASTING = "casting"
    COMPLETED = "completed"
    PARTIAL = "partial"
    DECLINED = "declined"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    LISTED = "listed"


class Receiver(StrEnum):
    """State of one receiver of a transfer; those from `DELIVERED` on are final."""

    INVITED = "invited"
    ASKED = "asked"
    DEFERRED = "deferred"
    ACCEPTED = "accepted"
    RECEIVING = "receiving"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    INCAPABLE = "incapable"
    UNKNOWN = "unknown"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


OPEN_TRANSFER = frozenset({Transfer.REQUESTED, Transfer.HELD, Transfer.ASKING, Transfer.CASTING})
FINAL_TRANSFER = frozenset(Transfer) - OPEN_TRANSFER
UNANSWERED = frozenset({Receiver.INVITED, Receiver.ASKED})
ON_THE_LIST = frozenset({Receiver.ACCEPTED, Receiver.RECEIVING})
OPEN_RECEIVER = UNANSWERED | {Receiver.DEFERRED} | ON_THE_LIST
FINAL_RECEIVER = frozenset(Receiver) - OPEN_RECEIVER
CUT_OFF = frozenset({Receiver.CANCELLED, Receiver.EXPIRED})
"""The ends of those whom the end of the transfer took by surprise."""
WITHOUT_IT = CUT_OFF | {Receiver.FAILED}
"""What can become of those who had accepted, and do not have the file."""
CONSENT = "s260"
"""The step of those who were still undecided when the transfer ended."""
UNDECIDED = UNANSWERED | {Receiver.DEFERRED, Receiver.NO_ANSWER}
"""Whoever may still answer while the transfer is open; for `no_answer` the roll call went on without them."""
