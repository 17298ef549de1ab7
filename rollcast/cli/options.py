"""Options that several commands share."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Parameter, Token

from rollcast import quantities
from rollcast.addresses import is_transfer_id
from rollcast.cli.exits import UsageError
from rollcast.cli.texts import duration_text

T = TypeVar("T")


def converted(parse: Callable[[str], T]) -> Callable[[Any, Sequence[Token]], T]:
    """A converter for an option with one value."""
    return lambda _, tokens: parse(tokens[0].value)


# With a hyphen in front a quantity is a wrong one, and not an option.
Size = Annotated[
    int | None,
    Parameter(converter=converted(quantities.file_size), metavar="SIZE", allow_leading_hyphen=True),
]
Duration = Annotated[
    float,
    Parameter(
        converter=converted(quantities.duration),
        metavar="DURATION",
        show_default=duration_text,
        allow_leading_hyphen=True,
    ),
]


def transfer_id(text: str) -> str:
    """A transfer's id. Raises `ValueError` with a sentence for the user."""
    if not is_transfer_id(text):
        raise ValueError(f"{text[:80]!r} is not a transfer id, which is 32 hexadecimal digits in lower case")
    return text


TransferId = Annotated[
    str, Parameter(converter=converted(transfer_id), help="The id of the transfer, as `send` tells it.")
]
As = Annotated[str, Parameter(name="--as", metavar="ADDR", help="The address that this terminal has.")]
AsKept = Annotated[
    str | None,
    Parameter(name="--as", metavar="ADDR", help="The sender, where $ROLLCAST_HOME does not know it."),
]
AsOrOperator = Annotated[
    str | None,
    Parameter(name="--as", metavar="ADDR", help="Ask as this sender, after its own transfers only."),
]
Json = Annotated[bool, Parameter(name="--json", help="Write one JSON document to standard output.")]
To = Annotated[list[str] | None, Parameter(metavar="ADDR", help="A receiver; give it once for each of them.")]
ToFile = Annotated[
    str | None,
    Parameter(
        metavar="LIST",
        allow_leading_hyphen=True,
        help="A file with an address on each line, - for standard input; # begins a comment.",
    ),
]
ListPolicy = Annotated[
    str,
    Parameter(
        metavar="POLICY",
        help="Deliver if the list satisfies this: subset (anybody), all_or_nothing, at_least:K or "
        "mandatory:ADDR,ADDR.",
    ),
]
ConsentTimeout = Annotated[
    Duration,
    Parameter(
        converter=converted(quantities.lasting),
        help="How long receivers may take to answer, such as 90s or 15m.",
    ),
]
Sha256 = Annotated[bool, Parameter(help="Let receivers check the SHA-256 too, beside BLAKE3.")]
Expires = Annotated[
    Duration,
    Parameter(
        converter=converted(quantities.lasting),
        help="When the transfer ends at the latest, such as 24h or 7d.",
    ),
]
Upload = Annotated[
    Literal["live", "eager"],
    Parameter(help="Upload when the list is made (live), or already during the roll call (eager)."),
]
Detach = Annotated[
    bool, Parameter(help="End when the server has the file, and let it deliver; implies --upload eager.")
]
Types = Annotated[list[str] | None, Parameter(metavar="TYPE")]


def check_times(consent_timeout: float, expires: float) -> None:
    """Raises `UsageError` if receivers might answer after the end of the transfer."""
    if consent_timeout > expires:
        answer, end = duration_text(consent_timeout), duration_text(expires)
        raise UsageError(
            f"--consent-timeout ({answer}) is longer than --expires ({end})",
            hint="Give less time to answer, or a later end.",
        )
