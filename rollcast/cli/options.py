"""Options that several commands share."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter, Token

from rollcast.cli import quantities
from rollcast.cli.texts import duration_text

T = TypeVar("T")


def converted(parse: Callable[[str], T]) -> Callable[[Any, Sequence[Token]], T]:
    """A converter for an option with one value."""
    return lambda _, tokens: parse(tokens[0].value)


Size = Annotated[int | None, Parameter(converter=converted(quantities.size), metavar="SIZE")]
Duration = Annotated[
    float,
    Parameter(converter=converted(quantities.duration), metavar="DURATION", show_default=duration_text),
]
As = Annotated[str, Parameter(name="--as", metavar="ADDR", help="The address that this terminal has.")]
AsOrOperator = Annotated[
    str | None,
    Parameter(name="--as", metavar="ADDR", help="Ask as this sender, after its own transfers only."),
]
Json = Annotated[bool, Parameter(name="--json", help="Write one JSON document to standard output.")]
Types = Annotated[list[str] | None, Parameter(metavar="TYPE")]
