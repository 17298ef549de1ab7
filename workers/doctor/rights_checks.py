"""Do broker users have the rights that they need, and no others?"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from sqlalchemy import select

from rollcast.addresses import domain_of
from rollcast.findings import fine, some, wrong
from rollcast.messages.figures import Finding
from rollcast.topology import BULK, EXCHANGES, STEP, UP, inbox
from workers.broker.management import Management
from workers.broker.rights import permissions_of, topics_of
from workers.ledger import Database
from workers.ledger.tables import accounts

Row = Mapping[str, Any]
Rights = Mapping[str, Mapping[str, Any]]


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
    """Whoever asks for this may speak to S200 of its domains, and do nothing else on the broker."""
    subject, name = f"rights of {user}", quote(user, safe="")
    permissions = await _rows(f"users/{name}/permissions", management)
    topics = await _rows(f"users/{name}/topic-permissions", management)
    more = [*_beyond(permissions), *_topics_beyond(topics, permissions)]
    if more:
        remedy = (
            f"On the broker: rabbitmqctl set_permissions {user} '^$' '^rollcast\\.step$' '^$', and "
            f"set_topic_permissions {user} rollcast.step '^{domain}\\.s200$' '^$'"
        )
        return [wrong(subject, f"more than an operator needs: {', '.join(more)}", remedy)]
    return [fine(subject, "it may speak to S200, and nothing else")]


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


async def check_terminals(domain: str, database: Database, management: Management) -> list[Finding]:
    """Each account that is not suspended has its rights, and nobody has any without an account."""
    async with database.begin() as ledger:
        rows = await ledger.all(select(accounts).where(accounts.c.domain == domain))
    active = {row.address for row in rows if not row.suspended}
    found = await _rights(management)
    mine = {user for user in found if domain_of(user) == domain and "@" in user}
    lacking = sorted(address for address in active if found.get(address) != _wanted(address))
    surplus = sorted(mine - active)
    subject = f"rights of {domain}"
    findings = []
    if lacking:
        remedy = (
            "Suspend each that should be suspended; suspend and resume the others; if the broker has lost the user, "
            "remove the account and add it again."
        )
        findings.append(wrong(subject, f"not as they should be: {some(lacking)}", remedy))
    if surplus:
        remedy = (
            "Suspend or remove it once more (rollcast admin), if it was before a restore of the ledger; "
            "on the broker: rabbitmqctl clear_permissions, or delete_user for what is no account at all"
        )
        findings.append(
            wrong(subject, f"users with rights, and without an active account: {some(surplus)}", remedy)
        )
    return findings or [fine(subject, f"{len(active)} of {len(active)} accounts have theirs")]


async def _rights(management: Management) -> dict[str, Rights]:
    """What the broker lets each user do: as `permissions`, and by exchange."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in await management.call("GET", f"vhosts/{management.vhost}/permissions"):
        kept = {name: row[name] for name in ("configure", "write", "read")}
        found.setdefault(row["user"], {})["permissions"] = kept
    for row in await management.call("GET", f"vhosts/{management.vhost}/topic-permissions"):
        found.setdefault(row["user"], {})[row["exchange"]] = {"write": row["write"]}
    return {user: rights for user, rights in found.items() if "permissions" in rights}


def _wanted(address: str) -> Rights:
    topics = {exchange: {"write": write} for exchange, write in topics_of(address).items()}
    return {"permissions": permissions_of(address), **topics}


async def _rows(path: str, management: Management) -> list[Row]:
    rows: Iterable[Row] = await management.call("GET", path)
    return [row for row in rows if quote(row["vhost"], safe="") == management.vhost]


def _matches(row: Row, what: str, name: str) -> bool:
    return re.search(str(row.get(what, "^$")), name) is not None
