"""The command line as a whole: its commands, its help, and what becomes of an error."""

import importlib.metadata
import logging
import traceback
from collections.abc import Sequence
from functools import partial

from cyclopts import App, CycloptsError, Parameter

from rollcast.cli import (
    admin,
    cancel,
    console,
    doctor,
    output,
    parked,
    receive,
    retry,
    send,
    status,
    top,
    watch,
)
from rollcast.cli.access import ENVIRONMENT
from rollcast.cli.exits import STATUSES, STATUSES_IN_SHORT, Interrupted, UsageError, status_of_error
from rollcast.errors import RollcastError
from rollcast.memory import keep_freed_memory
from rollcast.redaction import without_passwords
from rollcast.settings import misspelt

HELP = """\
Deliver one file to many receivers over RabbitMQ, and learn who has it.

Rollcast first takes the roll: is each receiver there, is it able, does it
consent? Those who can and will get the file, in checked pieces. What remains
is a report: who has it, who refused, who could not and why.

For example:
  rollcast admin add bob@acme
  rollcast receive --as bob@acme --into inbox --accept all
  rollcast send plan.pdf --as alice@acme --to bob@acme --to carol@globex
  rollcast status 0123456789abcdef0123456789abcdef --as alice@acme"""


def application() -> App:
    """All commands."""
    app = App(
        name="rollcast",
        help=HELP,
        help_format="plaintext",
        help_epilogue=f"{STATUSES}\n\n{ENVIRONMENT}",
        version=lambda: f"rollcast {importlib.metadata.version('rollcast')}",
        default_parameter=Parameter(negative=(), show_default=_default_text),
        suppress_keyboard_interrupt=False,
        console=console.for_help(),
    )
    add = partial(app.command, help_epilogue=STATUSES_IN_SHORT)
    app.command(
        send.send,
        help=send.HELP,
        help_epilogue=f"{STATUSES}\n\nFor the environment, see `rollcast --help`.",
        usage=send.USAGE,
        group_parameters=send.OPTIONS,
        group_arguments=send.OPTIONS,
    )
    add(receive.receive, help=receive.HELP)
    add(watch.watch, help=watch.HELP)
    add(status.status, help=status.STATUS_HELP)
    add(status.list_, name="list", help=status.LIST_HELP)
    add(top.top, help=top.HELP)
    add(doctor.doctor, help=doctor.HELP)
    add(cancel.cancel, help=cancel.HELP)
    add(retry.retry, help=retry.HELP, usage=retry.USAGE)
    app.command(admin.application())
    app.command(parked.application())
    return app


def _default_text(value: object) -> str | None:
    return None if value is False or value is None else str(value)


def run(tokens: Sequence[str]) -> int:
    """Do what the words of a command line say. Returns the exit status; errors are told, not raised."""
    output.prepare()
    console.forget_absurd_size()
    keep_freed_memory()
    _tell_of_warnings()
    _tell_of_misspelt_variables()
    error: RollcastError
    try:
        result = application()(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as wrong:
        error = _usage(wrong)
    except RollcastError as failure:
        error = failure
    except KeyboardInterrupt:
        error = Interrupted("interrupted")
    except SystemExit:
        # How rich ends where nobody reads the help any more, which is no error.
        return 0
    except Exception as fault:
        error = _our_fault(fault)
    else:
        return result if isinstance(result, int) else 0
    output.fail(error, as_json="--json" in tokens)
    return status_of_error(error)


def _usage(wrong: CycloptsError) -> UsageError:
    command = " ".join(["rollcast", *(wrong.command_chain or ())])
    # Of the commands it would name only some.
    text = str(wrong).partition(" Available commands: ")[0]
    return UsageError(text[:1].lower() + text[1:].rstrip("."), hint=f"See `{command} --help`.")


def _our_fault(fault: Exception) -> RollcastError:
    output.say(*without_passwords("".join(traceback.format_exception(fault))).splitlines())
    return RollcastError(
        f"a fault in rollcast itself: {type(fault).__name__}: {without_passwords(str(fault))}",
        hint="Please report it with the lines above.",
    )


def _tell_of_misspelt_variables() -> None:
    for name, meant in misspelt().items():
        output.say(f"rollcast: {name} is set, and nobody reads it; is {' or '.join(meant)} meant?")


def _tell_of_warnings() -> None:
    logging.getLogger("rollcast").addHandler(_ToStandardError())
    # What these log is raised as well, and told once by us.
    for library in ("aio_pika", "aiormq"):
        logging.getLogger(library).setLevel(logging.CRITICAL)


class _ToStandardError(logging.Handler):
    """What the SDK has to say while it goes on, such as a lost connection."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        output.say(f"rollcast: {record.getMessage()}")
