"""Who takes part in the demo, and what must become of each."""

from dataclasses import dataclass

from rollcast.reasons import REASONS, Code
from rollcast.states import Receiver

SENDER = "alice@acme"


@dataclass(frozen=True)
class Role:
    """A receiver. `receive`: the options of its `rollcast receive`, None if there is nobody under its address.
    `stays`: whether that process still runs when the file is offered."""

    address: str
    receive: tuple[str, ...] | None
    end: Receiver
    reason: Code | None = None
    stays: bool = True

    @property
    def found_at(self) -> str:
        """The step that decides its end."""
        return "s310" if self.reason is None else REASONS[self.reason].step


ACCEPTS = ("--accept", "all")

RECEIVERS = (
    Role("bob@acme", ACCEPTS, Receiver.DELIVERED),
    Role("carol@globex", ACCEPTS, Receiver.DELIVERED),
    Role("dan@globex", ACCEPTS, Receiver.DELIVERED),
    Role("erin@globex", ("--accept", "none"), Receiver.REJECTED, Code.REJECTED),
    # No file has this type, whatever the demo is given: a limit on the size would let an empty one through.
    Role(
        "frank@acme",
        (*ACCEPTS, "--accept-type", "application/x-rollcast-none"),
        Receiver.INCAPABLE,
        Code.TYPE_NOT_ACCEPTED,
    ),
    Role("grace@globex", ACCEPTS, Receiver.NO_ANSWER, Code.NO_ANSWER, stays=False),
    Role("heidi@acme", None, Receiver.UNKNOWN, Code.NO_SUCH_ACCOUNT),
    Role("ivan@initech", None, Receiver.UNKNOWN, Code.NO_SUCH_DOMAIN),
)
TERMINALS = tuple(role for role in RECEIVERS if role.receive is not None)
