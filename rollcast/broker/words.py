"""What errors of libraries and of the system say to people."""

import asyncio
import os
import re
import ssl

from aiormq.exceptions import AMQPError, AuthenticationError

_ERRNO = re.compile(r"\[Errno (\d+)\]")
_REPR = re.compile(r" at 0x[0-9a-f]+")


def because(what: str, error: BaseException | None) -> str:
    """A sentence, with its reason if there is one in words."""
    why = words(error)
    return f"{what}: {why}" if why else what


def words(error: BaseException | None) -> str:
    """Why, without a full stop; nothing if the error only shows what a program holds in its hands."""
    text = _text(error)
    return "" if _REPR.search(text) else text.rstrip(".")


def _text(error: BaseException | None) -> str:
    match error:
        case None | EOFError() | asyncio.CancelledError():
            return ""
        case AuthenticationError(args=(str(offered), _)):
            return f"it offers {offered} for logging in, and the URL asks for something else"
        case AMQPError() if isinstance(error.__cause__, EOFError):
            return ""
        case AMQPError():
            return next((part for part in reversed(error.args) if isinstance(part, str)), "")
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError() if error.reason:
            return error.reason.replace("_", " ").lower()
        case OSError() if found := _ERRNO.search(str(error)):
            return os.strerror(int(found[1]))
        case OSError():
            return error.strerror or str(error)
    return str(error)
