"""What the command line ends with: its exit statuses, and the errors that are its own."""

from enum import IntEnum

from rollcast.errors import (
    BrokerRefused,
    BrokerUnavailable,
    FileUnusable,
    InvalidMessage,
    Permanent,
    RequestRefused,
    RollcastError,
)
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.states import OPEN_TRANSFER, Transfer


class Exit(IntEnum):
    """The exit statuses."""

    DONE = 0
    INCOMPLETE = 1
    USAGE = 2
    REFUSED = 3
    NO_BROKER = 4
    OUR_FAULT = 70
    INTERRUPTED = 130


STATUSES = """\
Exit status:
  0    every requested receiver has the file; after a dry run: is listed;
       with --detach: the server has the file; other commands: done
  1    the transfer ended, and some receivers do not have the file; send and
       retry: or some put their decision off; cancel: it came too late;
       doctor: something is not as it should be
  2    wrong usage, an unusable file or folder, no credentials for --as, or a
       variable of the environment that is needed and not set
  3    refused by the server
  4    the broker cannot be reached or refuses us, or no server answers
  70   a fault in rollcast itself
  130  interrupted by Ctrl-C; send and retry: the transfer is cancelled"""
STATUSES_IN_SHORT = """\
Exit status: 0 done, 1 ended and not all is well, 2 wrong usage, 3 refused by
the server, 4 no broker or no server answers, 70 a fault in rollcast itself,
130 Ctrl-C. For more, and for the environment, see `rollcast --help`."""


class UsageError(Permanent):
    """The command line asks for something that makes no sense."""

    code = "wrong_usage"


class Interrupted(Permanent):
    """The user pressed Ctrl-C."""

    code = "interrupted"


def status_of_error(error: RollcastError) -> Exit:
    """The exit status after an error."""
    if error.code == "no_credentials":
        return Exit.USAGE
    match error:
        case Interrupted():
            return Exit.INTERRUPTED
        case UsageError() | FileUnusable() | InvalidMessage():
            return Exit.USAGE
        case RequestRefused():
            return Exit.REFUSED
        case BrokerRefused() | BrokerUnavailable():
            return Exit.NO_BROKER
        case _:
            return Exit.OUR_FAULT


def status_of_sending(report: Report) -> Exit:
    """The exit status of `send`, which ends when nobody receives any more: also while some put their decision off."""
    if report.transfer.state is Transfer.REFUSED:
        return Exit.REFUSED
    return Exit.DONE if report.complete else Exit.INCOMPLETE


def status_of_cancelling(report: Report) -> Exit:
    """The exit status of `cancel`; a transfer may have ended otherwise before."""
    return Exit.DONE if report.transfer.reason is Code.CANCELLED else Exit.INCOMPLETE


def status_of_report(report: Report) -> Exit:
    """The exit status that says how a transfer stands; one that goes on has not failed anybody."""
    return Exit.DONE if report.transfer.state in OPEN_TRANSFER else status_of_sending(report)
