"""Do broker users have the rights that they need, and no others?"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from rollcast.findings import fine, some, wrong
from rollcast.messages.figures import Finding
from rollcast.topology import BULK, EXCHANGES, INNER, STEP, UP, inbox
from workers.broker import entries
from workers.broker.management import Management
from workers.ledger import Database
from workers.rights import granted, known
from workers.rights.comparison import compare
from workers.settings import Settings

Row = Mapping[str, Any]


async def check_server(user: str, management: Management) -> list[Finding]:
    """The server makes users, so it must be an administrator."""
    who = await management.call("GET", "whoami")
    tags = who["tags"].split(",") if isinstance(who["tags"], str) else who["tags"]
    if "administrator" not in tags:
        remedy = f"On the broker: rabbitmqctl set_user_tags {who['name']} administrator"
        return [wrong("rights of the server", f"{who['name']} cannot make users for accounts", remedy)]
    rows = await _rows(f"users/{quote(user, safe='')}/permissions", management)
    needed = ("configure", "write", "read")
    lacking = [what for what in needed if not any(_matches(row, what, STEP) for row in rows)]
    if lacking:
        remedy = f"On the broker: rabbitmqctl set_permissions {user} '.*' '.*' '.*'"
        return [wrong("rights of the server", f"{user} may not {' and '.join(lacking)}", remedy)]
    return [fine("rights of the server", f"{user} may do what it has to")]


async def check_operator(user: str, domain: str, management: Management) -> list[Finding]:
    """Whoever asks for this may ask the servers of its domains, and do nothing else on the broker."""
    subject, name = f"rights of {user}", quote(user, safe="")
    permissions = await _rows(f"users/{name}/permissions", management)
    topics = await _rows(f"users/{name}/topic-permissions", management)
    more = [*_beyond(permissions), *_topics_beyond(topics, permissions)]
    if more:
        remedy = (
            f"On the broker: rabbitmqctl set_permissions {user} '^$' '^rollcast\\.step$' '^$', and "
            f"set_topic_permissions {user} rollcast.step '^{domain}\\.operator$' '^$'"
        )
        return [wrong(subject, f"more than an operator needs: {', '.join(more)}", remedy)]
    return [fine(subject, "it may ask the server, and nothing else")]


def _beyond(rows: Iterable[Row]) -> Iterable[str]:
    an_inbox = inbox("bob@acme").name
    for row in rows:
        if _matches(row, "configure", an_inbox):
            yield "configure queues"
        if _matches(row, "read", an_inbox):
            yield "read inboxes"
        yield from (
            f"write to {exchange}"
            for exchange in (*(name for name in EXCHANGES if name not in {STEP, UP, BULK}), "amq.default")
            if _matches(row, "write", exchange)
        )


def _topics_beyond(topics: Iterable[Row], permissions: Iterable[Row]) -> Iterable[str]:
    by_exchange = {row["exchange"]: row for row in topics}
    examples = {STEP: "acme.s210", UP: "acme.bob@acme.request", BULK: f"bob@acme.{'0' * 32}"}
    for exchange, key in examples.items():
        may_write = any(_matches(row, "write", exchange) for row in permissions)
        # Where there is no row, every key passes.
        if may_write and _matches(by_exchange.get(exchange, {"write": ""}), "write", key):
            yield f"publish to {exchange} as {key}"


async def check_terminals(
    domain: str, settings: Settings, database: Database, management: Management
) -> list[Finding]:
    """The broker grants what the ledger says, to nobody else, and to nobody under any key."""
    wanted = await known.read(database, [domain], settings.operators)
    found = compare(wanted, await granted.read(management))
    subject = f"rights of {domain}"
    differing = found.permissions.keys() | found.limits | found.surplus | {user for user, _ in found.topics}
    troubles = {_MEND: differing, _MISSING: found.missing, _UNKNOWN: found.unknown}
    findings = [
        wrong(subject, f"{what}: {some(sorted(users))}", remedy)
        for (what, remedy), users in troubles.items()
        if users
    ]
    number = len(wanted.active)
    return findings or [fine(subject, f"{number} of {number} accounts have theirs")]


_MEND = (
    "not as they should be",
    "A worker of `operator` sets them right within 5 min; if it does not, its log says why.",
)
_MISSING = (
    "accounts that the broker does not know",
    "Their passwords are lost: rollcast admin remove each, and add it again.",
)
_UNKNOWN = (
    "users with rights, and without an account",
    "If the ledger was restored, rollcast admin add each again. Else rollcast admin remove it.",
)


async def check_entries(management: Management) -> list[Finding]:
    """What terminals and operators publish is let through."""
    if closed := await entries.closed(management):
        remedy = (
            "A worker of `operator` opens it when all topic permissions are there: see its log, and /readyz."
        )
        return [wrong("entries", f"closed to terminals and operators: {', '.join(closed)}", remedy)]
    return [fine("entries", f"open: {', '.join(INNER)}")]


async def _rows(path: str, management: Management) -> list[Row]:
    rows: Iterable[Row] = await management.call("GET", path)
    return [row for row in rows if quote(row["vhost"], safe="") == management.vhost]


def _matches(row: Row, what: str, name: str) -> bool:
    return re.search(str(row.get(what, "^$")), name) is not None
