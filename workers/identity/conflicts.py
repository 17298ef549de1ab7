"""What may not differ between the workers of a server, and what is said where it does."""

from rollcast.errors import Transient
from rollcast.topology import identity_exchange
from workers.identity.mark import Mark
from workers.ledger.identity import Identity
from workers.process.sources import UnusableSetting
from workers.settings import Settings

ADOPT = "`python -m workers adopt`"
SHOWN = 8
"""Digits of an id that people are shown."""


class Conflict(UnusableSetting):
    """A setting names something else than what the server's other workers have. It is not tried again."""

    code = "other_identity"


class OthersServe(Transient):
    """Other workers of the server run, and serve other domains: they may be about to end."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(str(conflict), hint=conflict.hint, code=conflict.code)
        self.conflict = conflict


def of_server(settings: Settings, found: Identity) -> Conflict | None:
    """The ledger belongs to a server of another name."""
    if found.server in (None, settings.server):
        return None
    return Conflict(
        f"ROLLCAST_LEDGER names the ledger {short(found.ledger)}, which belongs to the server {found.server!r}, "
        f"and ROLLCAST_SERVER is {settings.server!r}",
        hint="Each server has a ledger of its own. If that one was renamed, stop all its workers and "
        f"run {ADOPT}.",
    )


def of_ledger(settings: Settings, ledger: str, mark_on_broker: str) -> Conflict | None:
    """The broker is marked with another ledger."""
    if mark_on_broker == identity_exchange(settings.server, ledger).mark:
        return None
    theirs = mark_on_broker.removeprefix(identity_exchange(settings.server, "").mark)
    return Conflict(
        f"ROLLCAST_LEDGER names the ledger {short(ledger)}, and on this broker the server {settings.server!r} has "
        f"the ledger {short(theirs)}",
        hint="Name the ledger that its other workers have; or, if this is another server, give it a name of its own "
        f"(ROLLCAST_SERVER). If this ledger is to take the place of that one, stop all workers and run {ADOPT}.",
    )


def of_spool(settings: Settings, found: Identity, mark: Mark | None) -> Conflict | None:
    """The spool has another mark than the ledger knows, or none where the ledger knows one."""
    # A worker that died between marking the spool and recording that has left the mark of a spool that is ours.
    known = found.spool or (mark.spool if mark is not None and mark.ledger == found.ledger else None)
    if known == (None if mark is None else mark.spool):
        return None
    here = "has no mark" if mark is None else f"is the spool {short(mark.spool)} of the {_owner(mark)}"
    theirs = "has recorded none yet" if known is None else f"has the spool {short(known)}"
    return Conflict(
        f"ROLLCAST_SPOOL names {settings.spool_url}, which {here}, and the server {settings.server!r} with "
        f"the ledger {short(found.ledger)} {theirs}",
        hint="Name the spool and the ledger that the server's other workers have, and see that its disk is "
        f"mounted. If this spool is to be the server's, stop all workers and run {ADOPT}.",
    )


def of_domains(settings: Settings, found: Identity) -> Conflict | None:
    """The server's other workers serve other domains."""
    if found.domains in (None, domains(settings)):
        return None
    return Conflict(
        f"ROLLCAST_DOMAINS is {','.join(settings.domains)}, and the server {settings.server!r} has "
        f"{','.join(found.domains or ())}",
        hint="Give all its workers the same. To change them, stop all workers before you start the first with the "
        f"new ones, or run {ADOPT} with these.",
    )


def domains(settings: Settings) -> tuple[str, ...]:
    """The domains of a server, in whichever order they are given."""
    return tuple(sorted(set(settings.domains)))


def told(found: Identity) -> dict[str, str | None]:
    """What is recorded, as a line of the log has it."""
    return {
        "ledger": short(found.ledger),
        "server": found.server,
        "domains": None if found.domains is None else ",".join(found.domains),
        "spool": None if found.spool is None else short(found.spool),
    }


def short(number: str) -> str:
    """An id as people are shown it."""
    return number[:SHOWN]


def _owner(mark: Mark) -> str:
    return f"server {mark.server!r} with the ledger {short(mark.ledger)}"
