"""Which differences there are between settings and what a server has, and what is said of each."""

from dataclasses import replace

import pytest

from rollcast.topology import identity_exchange
from tests.people import ACME, GLOBEX, INITECH, SERVER
from tests.unit.steps.world import SETTINGS
from workers.identity import conflicts
from workers.identity.mark import Mark
from workers.ledger.identity import Identity

LEDGER, OTHER = "1a" * 16, "2b" * 16
SPOOL, ELSEWHERE = "3c" * 16, "4d" * 16
NEW = Identity(LEDGER)
KNOWN = Identity(LEDGER, SETTINGS.server, tuple(sorted(SETTINGS.domains)), SPOOL)
OURS, THEIRS = Mark("main", LEDGER, SPOOL), Mark("globex", OTHER, ELSEWHERE)


@pytest.mark.parametrize(
    ("found", "mark"),
    [(NEW, None), (NEW, OURS), (KNOWN, OURS), (KNOWN, Mark("former-name", OTHER, SPOOL))],
    ids=["nothing yet", "a worker died after it had marked the spool", "both", "the same spool"],
)
def test_spools_that_are_the_servers(found: Identity, mark: Mark | None) -> None:
    """Or may become it."""
    assert conflicts.of_spool(SETTINGS, found, mark) is None


@pytest.mark.parametrize(
    ("found", "mark", "here", "theirs"),
    [
        (NEW, THEIRS, "is the spool 4d4d4d4d of the server 'globex'", "has recorded none yet"),
        (KNOWN, None, "has no mark", "has the spool 3c3c3c3c"),
        (KNOWN, THEIRS, "is the spool 4d4d4d4d of the server 'globex'", "has the spool 3c3c3c3c"),
        (KNOWN, Mark("main", LEDGER, ELSEWHERE), "is the spool 4d4d4d4d of", "has the spool 3c3c3c3c"),
    ],
)
def test_spools_that_are_not(found: Identity, mark: Mark | None, here: str, theirs: str) -> None:
    """Both are told."""
    conflict = conflicts.of_spool(SETTINGS, found, mark)
    assert conflict is not None
    assert str(conflict).startswith("ROLLCAST_SPOOL names ")
    assert here in str(conflict)
    assert str(conflict).endswith(theirs)


def test_ledgers() -> None:
    """The broker's mark is compared whole, and told short."""
    mark = identity_exchange("main", LEDGER).mark
    assert conflicts.of_ledger(SETTINGS, LEDGER, mark) is None
    conflict = conflicts.of_ledger(SETTINGS, OTHER, mark)
    assert conflict is not None
    assert "names the ledger 2b2b2b2b" in str(conflict)
    assert str(conflict).endswith("has the ledger 1a1a1a1a")


def test_servers() -> None:
    """A ledger that belongs to nobody yet may become this server's."""
    assert conflicts.of_server(SETTINGS, NEW) is None
    assert conflicts.of_server(SETTINGS, KNOWN) is None
    conflict = conflicts.of_server(replace(SETTINGS, server="globex"), KNOWN)
    assert conflict is not None
    assert f"belongs to the server {SERVER!r}, and ROLLCAST_SERVER is 'globex'" in str(conflict)


@pytest.mark.parametrize("domains", [(GLOBEX, ACME), (ACME, GLOBEX, ACME)])
def test_domains_in_another_order(domains: tuple[str, ...]) -> None:
    """They are the same."""
    assert conflicts.of_domains(replace(SETTINGS, domains=domains), KNOWN) is None


@pytest.mark.parametrize("domains", [(ACME,), (ACME, GLOBEX, INITECH), (ACME, "globx")])
def test_other_domains(domains: tuple[str, ...]) -> None:
    """Fewer, more, and one that is misspelt."""
    conflict = conflicts.of_domains(replace(SETTINGS, domains=domains), KNOWN)
    assert conflict is not None
    assert (
        str(conflict)
        == f"ROLLCAST_DOMAINS is {','.join(domains)}, and the server {SERVER!r} has {ACME},{GLOBEX}"
    )
