"""What S210 refuses by looking at the request alone."""

from rollcast import filenames
from rollcast.addresses import is_address
from rollcast.errors import Permanent
from rollcast.messages import TransferRequested
from rollcast.reasons import Code

SHOWN = 5


def check_header(request: TransferRequested) -> None:
    """What all parts of a request have in common. Raises `Permanent` with the reason code and a sentence."""
    check_file_name(request.file.name)
    _check_times(request)
    if request.part >= request.parts:
        raise Permanent(f"part {request.part} of {request.parts} parts", code=Code.INVALID_MESSAGE)


def check_file_name(name: str) -> None:
    """A file name must be usable at any receiver: no folder, no control character, 1 to 255 bytes."""
    # A backslash leads into another folder on some receivers, though not on ours.
    wrong = "holds a backslash" if "\\" in name else filenames.problem(name)
    if wrong is not None:
        raise Permanent(f"the file name {name[:80]!r} {wrong}", code=Code.INVALID_FILE_NAME)


def _check_times(request: TransferRequested) -> None:
    if not 0 < request.consent_timeout <= request.expires:
        raise Permanent(
            f"a consent time of {request.consent_timeout / 1000:g} s and an expiry of {request.expires / 1000:g} s "
            "do not go together: both are needed, and the consent time not beyond the expiry",
            code=Code.INVALID_DURATION,
        )


def check_recipients(request: TransferRequested) -> None:
    """The recipients of one part. Raises `Permanent` with the reason code and a sentence."""
    if not request.recipients:
        raise Permanent("no recipient is named", code=Code.NO_RECIPIENTS)
    malformed = [text for text in request.recipients if not is_address(text)]
    if malformed:
        shown = ", ".join(repr(text[:80]) for text in malformed[:SHOWN])
        more = f" and {len(malformed) - SHOWN} more" if len(malformed) > SHOWN else ""
        raise Permanent(f"not an address: {shown}{more}", code=Code.INVALID_RECIPIENT)
