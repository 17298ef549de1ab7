"""What the broker grants is made what the ledger says, and nobody is let in at an exchange before that."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import quote

import pytest
from pamqp import commands

from dev import management
from dev.broker import Broker
from rollcast import passwords, topology
from rollcast.broker import Link
from rollcast.errors import Transient
from rollcast.messages.values import Limits
from rollcast.topology import BULK, INNER, STEP, UP
from tests.broker.clinic import database as database
from tests.contract.raw_amqp import Closed, Connection
from tests.unit.steps.world import TimeTravel
from workers.broker import entries
from workers.broker.declarer import Declarer
from workers.broker.management import Management
from workers.broker.rights import Rights, of_operators, topics_of
from workers.ledger import accounts
from workers.rights import granted, known
from workers.rights.comparison import compare, unbounded
from workers.rights.known import Known
from workers.rights.reconciler import Reconciler
from workers.settings import Settings

HEX = "0" * 32
PASSWORD = passwords.new()


class Ground(NamedTuple):
    """A server without workers: what reconciles its rights, and two terminals with rights, one suspended without."""

    node: Broker
    settings: Settings
    database: TimeTravel
    api: Management
    reconciler: Reconciler
    alice: str
    bob: str
    mallory: str

    def delete(self, *exchanges: str) -> None:
        """Delete exchanges."""
        for exchange in exchanges:
            management.delete(self.node.management_url, self.node.path("exchanges", exchange))

    def put(self, kind: str, user: str, row: dict[str, str]) -> None:
        """Write a permission by hand."""
        management.call(self.node.management_url, "PUT", self.node.path(kind, user), row)

    def line(self, address: str) -> Connection:
        """A connection of a terminal."""
        return Connection(
            management.as_user(self.node.amqp_url, quote(address, safe=""), PASSWORD.text or "")
        )

    async def grants(self) -> granted.Granted:
        """What the broker grants."""
        return await granted.read(self.api)

    async def known(self) -> Known:
        """What the ledger says."""
        return await known.read(self.database, self.settings.domains, self.settings.operators)

    async def differs(self) -> bool:
        """Whether something has to be mended."""
        return not compare(await self.known(), await self.grants()).are_none


@pytest.fixture
async def ground(node: Broker, server: Settings, database: TimeTravel) -> AsyncIterator[Ground]:
    """All as it has to be."""
    names = [f"{name}@{server.domains[0]}" for name in ("alice", "bob", "mallory")]
    async with Management(node.management_url, node.vhost) as api:
        rights = Rights(api)
        async with database.begin() as ledger:
            for name in names:
                await accounts.add(ledger, name, Limits(), None)
            await accounts.suspend(ledger, names[2], True)
        for name in names:
            await rights.grant(name, PASSWORD.hash)
        await rights.revoke(names[2], remove=False)
        reconciler = Reconciler(server, database, api)
        await reconciler.reconcile()
        yield Ground(node, server, database, api, reconciler, *names)
        for name in names:
            await rights.revoke(name, remove=True)


@pytest.fixture
async def heard(ground: Ground) -> AsyncIterator[str]:
    """A queue that gets all that is let through."""
    queue = topology.QueueSpec(
        f"{ground.settings.server}.heard", {}, tuple((inner, "#") for inner in INNER.values())
    )
    link = Link(ground.settings.amqp_url, "test")
    declarer = Declarer(link)
    await declarer.queues([queue])
    yield queue.name
    await declarer.delete_queues([queue.name])
    await link.close()


@pytest.fixture
def alice(ground: Ground) -> Iterator[Connection]:
    """A connection of Alice."""
    with ground.line(ground.alice) as made:
        yield made


def says(line: Connection, exchange: str, key: str) -> None:
    """Publish and wait for the confirm. Raises `Closed`."""
    line.publish(exchange, key, b"x", commands.Basic.Properties())


async def count(ground: Ground, queue: str) -> int:
    """How many messages a queue has."""
    link = Link(ground.settings.amqp_url, "test")
    try:
        return (await Declarer(link).counts([queue]))[queue].ready
    finally:
        await link.close()


async def test_nobody_is_let_in_before_topic_permissions_are_there(
    ground: Ground, alice: Connection, heard: str
) -> None:
    """What is published meanwhile reaches nobody, and who was allowed to is not allowed any more."""
    up, bulk = f"{ground.settings.domains[0]}.{ground.bob}.register", f"{ground.bob}.{HEX}"
    ground.delete(UP, BULK, STEP)
    async with entries.locked(ground.settings.amqp_url, "test") as held:
        await held.declare()
        lacking = unbounded(await ground.grants(), UP)
        assert bool(lacking) == (ground.alice in lacking)
        if lacking:
            # So it is with Khepri. The channel remembers for as long as it is busy.
            says(alice, UP, up)
            says(alice, BULK, bulk)
        assert await entries.closed(ground.api) == list(INNER)
    await ground.reconciler.reconcile()
    if lacking:
        with pytest.raises((Closed, ConnectionError)):
            says(alice, UP, up)
    for exchange, key in ((UP, up), (BULK, bulk)):
        with ground.line(ground.alice) as again, pytest.raises(Closed) as closed:
            says(again, exchange, key)
        assert closed.value.code == 403
    assert await count(ground, heard) == 0
    with ground.line(ground.bob) as bob:
        says(bob, UP, up)
        says(bob, BULK, bulk)
    assert await count(ground, heard) == 2
    assert not await ground.differs()


@pytest.mark.parametrize("gone", [(UP,), (STEP,), (BULK,), (*INNER.values(),), (*INNER, *INNER.values())])
async def test_what_was_deleted_comes_back(ground: Ground, gone: tuple[str, ...]) -> None:
    """It is noticed by a look, which does nothing otherwise."""
    ground.delete(*gone)
    assert await entries.closed(ground.api)
    await ground.reconciler.look()
    assert await entries.closed(ground.api) == []
    assert not await ground.differs()


async def test_what_was_changed_by_hand_is_mended(ground: Ground) -> None:
    """Permissions, topic permissions, limits, and the rights of somebody who is suspended."""
    ground.put("permissions", ground.alice, {"configure": ".*", "write": ".*", "read": ".*"})
    ground.put("topic-permissions", ground.bob, {"exchange": UP, "write": ".*", "read": ".*"})
    ground.put("permissions", ground.mallory, {"configure": "^$", "write": ".*", "read": "^$"})
    url = ground.node.management_url
    management.call(
        url, "PUT", f"/api/user-limits/{quote(ground.bob, safe='')}/max-connections", {"value": 9999}
    )
    management.delete(url, ground.node.path("topic-permissions", ground.alice, BULK))
    assert await ground.differs()
    await ground.reconciler.reconcile()
    assert not await ground.differs()
    assert ground.mallory not in (await ground.grants()).permissions


async def test_who_has_lost_rights_gets_them_back(ground: Ground) -> None:
    """Unless it is suspended."""
    for name in (ground.alice, ground.bob):
        management.delete(ground.node.management_url, ground.node.path("permissions", name))
    await ground.reconciler.reconcile()
    assert not await ground.differs()
    found = (await ground.grants()).permissions
    assert (ground.alice in found, ground.mallory in found) == (True, False)


async def test_whoever_the_ledger_does_not_know_is_kept_and_bounded(ground: Ground) -> None:
    """As after the restore of an older ledger; a terminal of another server's domain as well."""
    eve, other = f"eve@{ground.settings.domains[0]}", f"eve@other-{ground.settings.server}"
    rights = Rights(ground.api)
    try:
        for name in (eve, other):
            await rights.grant(name, PASSWORD.hash)
        before = await ground.grants()
        management.delete(ground.node.management_url, ground.node.path("topic-permissions", eve))
        management.delete(ground.node.management_url, ground.node.path("topic-permissions", other))
        await ground.reconciler.reconcile()
        after = await ground.grants()
        for name in (eve, other):
            assert after.permissions[name] == before.permissions[name]
            assert {(name, UP), (name, BULK)} <= after.topics.keys()
            assert after.topics[name, UP].write == topics_of(name)[UP]
        found = compare(await ground.known(), after)
        assert found.unknown == {eve}
        assert not found.surplus
    finally:
        for name in (eve, other):
            await rights.revoke(name, remove=True)


async def test_operators_may_still_ask_and_do_nothing_else(ground: Ground) -> None:
    """One that the setting names; another one may say nothing until it is named, or given a topic permission."""
    named, other = (f"operator-{ground.settings.server}-{n}" for n in (1, 2))
    url = ground.node.management_url
    reconciler = Reconciler(replace(ground.settings, operators=(named,)), ground.database, ground.api)
    try:
        for name in (named, other):
            management.call(url, "PUT", f"/api/users/{name}", {"password": PASSWORD.text, "tags": ""})
            ground.put("permissions", name, {"configure": "^$", "write": r"^rollcast\.step$", "read": "^$"})
        await reconciler.reconcile()
        found = (await ground.grants()).topics
        assert {entry: found[named, entry].write for entry in INNER} == of_operators()
        assert found[other, STEP].write == "^$"
    finally:
        for name in (named, other):
            management.delete(url, f"/api/users/{name}")


async def test_one_at_a_time(ground: Ground) -> None:
    """Whoever comes second waits; whoever has waited long enough says why it did nothing."""
    async with entries.locked(ground.settings.amqp_url, "first"):
        with pytest.raises(Transient, match="another worker"):
            async with entries.locked(ground.settings.amqp_url, "second", patience=0.2):
                pass
    async with entries.locked(ground.settings.amqp_url, "third", patience=5):
        pass


async def test_without_the_management_api_nobody_is_let_in(ground: Ground) -> None:
    """It says so, and keeps closed what is closed."""
    ground.delete(UP)
    async with Management("http://a:b@127.0.0.1:9", ground.node.vhost) as away:
        with pytest.raises(Transient, match="cannot be reached"):
            await Reconciler(ground.settings, ground.database, away).look()
    assert await entries.closed(ground.api) == [UP]


@pytest.mark.parametrize("resumed", [False, True])
async def test_an_account_that_changes_meanwhile(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, resumed: bool
) -> None:
    """What was read of the ledger may be past when it is written: the last word is the ledger's."""
    read = ground.reconciler._known
    changed: list[str] = []
    address = ground.mallory if resumed else ground.alice

    async def once() -> Known:
        found = await read()
        if not changed:
            changed.append(address)
            async with ground.database.begin() as ledger:
                await accounts.suspend(ledger, address, not resumed)
            await _as_operators_do(Rights(ground.api), address, resumed)
        return found

    monkeypatch.setattr(ground.reconciler, "_known", once)
    await ground.reconciler.reconcile()
    assert (address in (await ground.grants()).permissions) == resumed
    assert not await ground.differs()


async def test_rights_are_taken_back_if_nothing_bounds_them(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when an exchange is deleted, and the topic permissions on it, while a terminal gets its rights."""
    rights = Rights(ground.api)
    limit = rights.limit

    async def meanwhile(address: str) -> None:
        management.delete(ground.node.management_url, ground.node.path("topic-permissions", address))
        await limit(address)

    monkeypatch.setattr(rights, "limit", meanwhile)
    with pytest.raises(Transient, match=f"{UP} was deleted while {ground.alice} was given its rights"):
        await rights.grant(ground.alice, None)
    assert ground.alice not in (await ground.grants()).permissions


async def _as_operators_do(rights: Rights, address: str, resumed: bool) -> None:
    if resumed:
        await rights.grant(address, None)
    else:
        await rights.revoke(address, remove=False)
