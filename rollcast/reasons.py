"""Why a transfer or a receiver did not get there: one closed list.

Names follow the answer reasons of OFTP2 (RFC 5024, 5.3.5) where they fit.
"""

from enum import StrEnum
from typing import NamedTuple


class Reason(NamedTuple):
    """One way to end.

    `step` is where it is found, `may_ask_again` whether the same request may succeed later, `sentence` what
    a person reads, `hint` what that person can do.
    """

    step: str
    may_ask_again: bool
    sentence: str
    hint: str


class Code(StrEnum):
    """The code of a reason, as it stands in messages, the ledger, JSON and metrics."""

    INVALID_MESSAGE = "invalid_message"
    INVALID_FILE_NAME = "invalid_file_name"
    INVALID_RECIPIENT = "invalid_recipient"
    INVALID_LIST_POLICY = "invalid_list_policy"
    INVALID_DURATION = "invalid_duration"
    NO_RECIPIENTS = "no_recipients"
    DUPLICATE_TRANSFER = "duplicate_transfer"
    TOO_MANY = "too_many"
    NO_SUCH_TRANSFER = "no_such_transfer"
    NOT_RETRYABLE = "not_retryable"
    NO_SUCH_MESSAGE = "no_such_message"
    NOT_REPLAYABLE = "not_replayable"
    NO_SUCH_ACCOUNT = "no_such_account"
    ACCOUNT_EXISTS = "account_exists"
    SENDING_NOT_ALLOWED = "sending_not_allowed"
    SUSPENDED = "suspended"
    FILE_TOO_BIG = "file_too_big"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    TOO_MANY_TRANSFERS = "too_many_transfers"
    SPOOL_FULL = "spool_full"
    BROKER_FULL = "broker_full"
    NO_SUCH_DOMAIN = "no_such_domain"
    NOT_REGISTERED = "not_registered"
    TYPE_NOT_ACCEPTED = "type_not_accepted"
    NO_SPACE = "no_space"
    HASH_NOT_SUPPORTED = "hash_not_supported"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    ALREADY_ANSWERED = "already_answered"
    ANSWERED_TOO_LATE = "answered_too_late"
    NO_ANSWER = "no_answer"
    POLICY_NOT_MET = "policy_not_met"
    NOBODY_LISTED = "nobody_listed"
    SOURCE_CHANGED = "source_changed"
    UPLOAD_INCOMPLETE = "upload_incomplete"
    NOT_STORED = "not_stored"
    NO_RECEIPT = "no_receipt"
    UNCONFIRMED = "unconfirmed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_ASK = "Ask the operator of the domain."

REASONS: dict[Code, Reason] = {
    Code.INVALID_MESSAGE: Reason("s200", False, "the message is not valid", "Check it against its schema."),
    Code.INVALID_FILE_NAME: Reason(
        "s210", False, "the file name cannot be used", "Give a name without '/', '..' or control characters."
    ),
    Code.INVALID_RECIPIENT: Reason(
        "s210", False, "a recipient is not an address", "Write addresses as name@domain, in lower case."
    ),
    Code.INVALID_LIST_POLICY: Reason(
        "s210",
        False,
        "the list policy is not valid",
        "Use subset, all_or_nothing, at_least:K or mandatory:ADDR,…",
    ),
    Code.INVALID_DURATION: Reason(
        "s210", False, "a duration is not usable", "Give a consent time below the expiry."
    ),
    Code.NO_RECIPIENTS: Reason("s210", False, "the recipient list is empty", "Name at least one recipient."),
    Code.DUPLICATE_TRANSFER: Reason(
        "s210", False, "this transfer id was used with other content", "Send again under a new transfer id."
    ),
    Code.TOO_MANY: Reason(
        "s200", True, "the account says more than it may", "It is asked again by itself; ask less often."
    ),
    Code.NO_SUCH_TRANSFER: Reason("s200", False, "no such transfer is known here", "Check the transfer id."),
    Code.NOT_RETRYABLE: Reason(
        "s210",
        False,
        "nobody can be sent this again without being asked",
        "If no retry of it is under way (rollcast list), send it as a new transfer.",
    ),
    Code.NO_SUCH_MESSAGE: Reason("s200", False, "no such message is parked", "See `rollcast parked list`."),
    Code.NOT_REPLAYABLE: Reason(
        "s200",
        False,
        "nobody can say who sent the message, or only its beginning was kept",
        "Look at it with `rollcast parked show`.",
    ),
    Code.NO_SUCH_ACCOUNT: Reason("s240", True, "there is no such account", _ASK),
    Code.ACCOUNT_EXISTS: Reason(
        "s200", False, "the account exists already", "Remove it first, or choose another name."
    ),
    Code.SENDING_NOT_ALLOWED: Reason("s220", False, "this account may not send", _ASK),
    Code.SUSPENDED: Reason("s240", True, "the account is suspended", _ASK),
    Code.FILE_TOO_BIG: Reason("s240", False, "the file is bigger than allowed", "Send a smaller file."),
    Code.TOO_MANY_RECIPIENTS: Reason(
        "s220", False, "the recipient list is longer than allowed", "Split the list, or ask the operator."
    ),
    Code.TOO_MANY_TRANSFERS: Reason(
        "s220", True, "the account has as many open transfers as it may", "Wait until one has ended."
    ),
    Code.SPOOL_FULL: Reason("s220", True, "the server has no room for the file at present", "Wait."),
    Code.BROKER_FULL: Reason("s220", True, "the broker has no room for more at present", "Wait."),
    Code.NO_SUCH_DOMAIN: Reason(
        "s230", False, "the domain is neither served here nor a peer", "Check the address."
    ),
    Code.NOT_REGISTERED: Reason("s240", True, "no terminal has ever registered there", "Start it."),
    Code.TYPE_NOT_ACCEPTED: Reason(
        "s240", False, "the receiver does not take files of this type", "Send another type."
    ),
    Code.NO_SPACE: Reason("s240", True, "the receiver has too little free space", "Make room there."),
    Code.HASH_NOT_SUPPORTED: Reason(
        "s240", False, "the receiver cannot check the requested hash", "Send without it."
    ),
    Code.REJECTED: Reason("s260", True, "the receiver declined", "Ask the receiver."),
    Code.DEFERRED: Reason(
        "s260", True, "the receiver put its decision off until it was too late", "Ask the receiver."
    ),
    Code.ALREADY_ANSWERED: Reason("s260", False, "another answer stands already", "The first answer counts."),
    Code.ANSWERED_TOO_LATE: Reason(
        "s260", True, "the answer came after the transfer had ended", "Ask the sender to send again."
    ),
    Code.NO_ANSWER: Reason("s270", True, "no answer came before the consent deadline", "Send again."),
    Code.POLICY_NOT_MET: Reason(
        "s270", True, "the answers did not satisfy the list policy", "Relax the policy, or ask again."
    ),
    Code.NOBODY_LISTED: Reason("s270", True, "nobody could and would receive", "See each receiver's reason."),
    Code.SOURCE_CHANGED: Reason(
        "s290", True, "the file changed while it was sent", "Send it again when it is no longer written to."
    ),
    Code.UPLOAD_INCOMPLETE: Reason(
        "s290", True, "the sender did not upload the whole file before the expiry", "Send again."
    ),
    Code.NOT_STORED: Reason("s310", True, "the receiver could not store the file", "Look at the detail."),
    Code.NO_RECEIPT: Reason(
        "s310", True, "no receipt came before the expiry", "Check that the terminal runs, and send again."
    ),
    Code.UNCONFIRMED: Reason(
        "s310",
        True,
        "the transfer was cut off, and the receiver did not confirm it within a minute",
        "It may still hold a part of the file; it removes that when it comes back.",
    ),
    Code.CANCELLED: Reason("s310", True, "the transfer was cancelled", "Send again if it is still wanted."),
    Code.EXPIRED: Reason("s310", True, "the transfer expired", "Send again with a later expiry."),
}
