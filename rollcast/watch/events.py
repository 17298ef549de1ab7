"""What a watched folder tells its reader."""

from dataclasses import dataclass

from rollcast.errors import RollcastError
from rollcast.events import SenderEvent
from rollcast.report import Report


@dataclass(frozen=True, kw_only=True)
class LeftAlone:
    """Something lies in the folder that is not sent; `why` is half a sentence."""

    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Began:
    """A file is being sent. `again`: it was already, before the watch was started."""

    name: str
    transfer_id: str
    size: int
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """The server knows no such transfer: it was never asked, or has lost its ledger. If the file is still there, it
    is sent as if for the first time."""

    name: str
    transfer_id: str


@dataclass(frozen=True, kw_only=True)
class Happened:
    """How far the transfer of a file has come."""

    name: str
    event: SenderEvent


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A file has come to its end: who has it, and why the others do not."""

    name: str
    report: Report


@dataclass(frozen=True, kw_only=True)
class GivenUp:
    """A file is not sent as it is now: it cannot be read, or the server refuses it for good."""

    name: str
    error: RollcastError


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Nothing goes on at present, and why; it is tried again by itself, however long that takes."""

    error: RollcastError


@dataclass(frozen=True, kw_only=True)
class GoesOn:
    """The reason to wait has gone."""


WatchEvent = LeftAlone | Began | Unknown | Happened | Ended | GivenUp | Waits | GoesOn
