"""What a diagnosis finds of the rights at a real broker, as they should be and as they should not."""

from collections.abc import Callable
from urllib.parse import unquote

from dev import management
from rollcast import passwords
from rollcast.findings import some
from rollcast.messages.values import Limits
from rollcast.topology import BULK
from tests.broker.clinic import Clinic
from tests.broker.clinic import clinic as clinic
from tests.broker.clinic import database as database
from tests.people import OPERATOR
from tests.unit.steps.world import TimeTravel
from workers.broker import entries
from workers.broker.management import Management
from workers.broker.rights import Rights
from workers.doctor import rights_checks
from workers.ledger import accounts


async def test_a_server_that_may_too_little(clinic: Clinic, user: Callable[[str, str], str]) -> None:
    """It makes users, and declares queues."""
    server = clinic.settings.user
    [finding] = await rights_checks.check_server(server, clinic.api)
    assert finding.ok, finding
    name, password = user(".*", ".*").partition("//")[2].partition("@")[0].split(":")
    url = management.as_user(clinic.node.management_url, name, password)
    for tags, remedy in (
        ("monitoring", f"set_user_tags {name} administrator"),
        ("administrator", f"set_permissions {name} '.*' '.*' '.*'"),
    ):
        clinic.admin("PUT", f"/api/users/{name}", {"password": unquote(password), "tags": tags})
        async with Management(url, clinic.node.vhost) as api:
            [finding] = await rights_checks.check_server(name, api)
        assert (finding.ok, remedy in (finding.remedy or "")) == (False, True), finding


async def test_an_operator_that_may_do_more_than_it_should(
    clinic: Clinic, user: Callable[[str, str], str]
) -> None:
    """What is too much is named."""
    domain = clinic.settings.domains[0]
    [finding] = await rights_checks.check_operator(OPERATOR, domain, clinic.api)
    assert finding.ok, finding
    name = user(".*", ".*").partition("//")[2].partition(":")[0]
    [finding] = await rights_checks.check_operator(name, domain, clinic.api)
    assert not finding.ok
    for what in (
        "read inboxes",
        "write to rollcast.down",
        "write to amq.default",
        "rollcast.step as acme.s210",
    ):
        assert what in finding.detail


async def test_the_rights_of_accounts(clinic: Clinic, database: TimeTravel) -> None:
    """Those of each active one, and of nobody else."""
    domain = clinic.settings.domains[0]
    bob, carol = f"bob@{domain}", f"carol@{domain}"
    rights = Rights(clinic.api)
    async with database.begin() as ledger:
        for address in (bob, carol):
            await accounts.add(ledger, address, Limits(), None)

    async def found() -> list[tuple[bool, str]]:
        findings = await rights_checks.check_terminals(domain, clinic.settings, database, clinic.api)
        return [(finding.ok, finding.detail) for finding in findings]

    try:
        assert await found() == [(False, f"accounts that the broker does not know: {bob}, {carol}")]
        for address in (bob, carol):
            await rights.grant(address, passwords.new().hash)
        assert await found() == [(True, "2 of 2 accounts have theirs")]
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        clinic.admin("PUT", clinic.node.path("permissions", bob), everything)
        assert await found() == [(False, f"not as they should be: {bob}")]
        await rights.grant(bob, None)
        async with database.begin() as ledger:
            await accounts.suspend(ledger, carol, True)
        assert await found() == [(False, f"not as they should be: {carol}")]
        async with database.begin() as ledger:
            await accounts.remove(ledger, carol)
        assert await found() == [(False, f"users with rights, and without an account: {carol}")]
    finally:
        for address in (bob, carol):
            await rights.revoke(address, remove=True)


async def test_an_exchange_that_lets_nobody_in(clinic: Clinic) -> None:
    """It is named."""
    [finding] = await rights_checks.check_entries(clinic.api)
    assert finding.ok, finding
    async with entries.locked(clinic.settings.amqp_url, "test") as held:
        await held.close(BULK)
        [finding] = await rights_checks.check_entries(clinic.api)
        await held.open(BULK)
    assert (finding.ok, finding.detail) == (False, f"closed to terminals and operators: {BULK}")


def test_of_many_only_some_are_named() -> None:
    """A thousand accounts are no line."""
    assert some(["a", "b"]) == "a, b"
    assert some([str(n) for n in range(1000)]) == "0, 1, 2, 3, 4 and 995 more"
