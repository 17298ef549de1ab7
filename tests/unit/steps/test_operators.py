"""What operators ask for about accounts, each answered directly."""

from base64 import b64decode
from hashlib import sha256

import pytest

from rollcast import passwords
from rollcast.messages import (
    AccountAnswered,
    AccountRequested,
    ParkedRequested,
    Query,
    Refused,
)
from rollcast.messages.values import Account, AccountAction, Limits
from rollcast.reasons import Code
from tests.people import ACME, ALICE, BOB, CAROL, MALLORY, NOBODY, OPERATOR
from tests.unit.steps.build import (
    of,
    one,
)
from tests.unit.steps.world import World
from workers.doctor import ledger_checks
from workers.ledger import accounts, tables
from workers.work import (
    GrantRights,
    OpenInboxes,
    Received,
    Reply,
    RevokeRights,
    SeeParked,
    SetPassword,
)

PASSWORD = passwords.new()


def operator(message: AccountRequested | ParkedRequested | Query, request_id: str = "1") -> Received:
    """What an operator says to the server of acme."""
    return Received(message, OPERATOR, ACME, reply_to="somewhere", correlation_id=request_id)


async def account_of(world: World, address: str) -> Account | None:
    """The account of an address, None if it has none."""
    async with world.database.begin() as ledger:
        row = (await accounts.find(ledger, [address])).get(address)
    return row and accounts.account_of(row)


async def test_parked_messages_are_not_in_the_ledger(world: World) -> None:
    """What an operator asks about them is left to an action, which answers."""
    asked = operator(ParkedRequested(action="list"))
    assert await world.tell(asked) == [SeeParked(asked, ParkedRequested(action="list"))]


async def test_adding_an_account_gives_rights_and_a_password(bare: World) -> None:
    """The inbox comes with the account; of the password no more than its hash is known, and that not stored."""
    wanted = AccountRequested(
        action="add", address=BOB, limits=Limits(max_file_size=7), password_hash=PASSWORD.hash
    )
    outcomes = await bare.tell(operator(wanted))
    answer = one(outcomes, AccountAnswered)
    assert of(outcomes, OpenInboxes) == [OpenInboxes(BOB)]
    assert of(outcomes, GrantRights) == [GrantRights(BOB, PASSWORD.hash)]
    assert answer.password is None
    assert answer.accounts[0].limits == Limits(max_file_size=7)


@pytest.mark.parametrize("action", ["add", "password"])
async def test_without_a_hash_the_server_makes_a_password(bare: World, action: AccountAction) -> None:
    """And tells it; it is another one each time, even for the same request, and what is kept does not tell it."""
    if action == "password":
        await bare.account(BOB)
    told = [
        await bare.tell(operator(AccountRequested(action=action, address=BOB), request_id="1"))
        for _ in range(2)
    ]
    answers = [one(outcomes, AccountAnswered).password or "" for outcomes in told]
    assert len(set(answers) - {""}) == 2
    for outcomes, answer in zip(told, answers, strict=True):
        (hashed,) = [
            found.password_hash for found in outcomes if isinstance(found, GrantRights | SetPassword)
        ]
        salt, digest = b64decode(hashed or "")[:4], b64decode(hashed or "")[4:]
        assert sha256(salt + answer.encode()).digest() == digest


async def test_an_account_gets_another_password(world: World) -> None:
    """Its rights and connections stay."""
    wanted = AccountRequested(action="password", address=BOB, password_hash=PASSWORD.hash)
    outcomes = await world.tell(operator(wanted))
    assert [found for found in outcomes if not isinstance(found, Reply)] == [SetPassword(BOB, PASSWORD.hash)]
    assert one(outcomes, AccountAnswered).password is None


async def test_passwords_that_could_be_derived_are_named(world: World) -> None:
    """Until the account has another one: those of before, and those that an earlier worker still makes."""
    async with world.database.begin() as ledger:
        await ledger.execute(tables.accounts.update().values(derived_password=True))
    [finding] = await ledger_checks.check_passwords(ACME, world.database)
    assert (finding.ok, finding.remedy) == (False, "Give each another one: rollcast admin passwd ADDR")
    assert f"{ALICE}, {BOB}, {MALLORY}" in finding.detail
    for address in (ALICE, BOB, MALLORY):
        wanted = AccountRequested(action="password", address=address, password_hash=PASSWORD.hash)
        await world.tell(operator(wanted))
    [finding] = await ledger_checks.check_passwords(ACME, world.database)
    assert finding.ok


async def test_the_same_addition_goes_on_where_a_worker_died(bare: World) -> None:
    """Its reply was perhaps lost, so the same request is done again; another request is refused."""
    wanted = AccountRequested(action="add", address=BOB, password_hash=PASSWORD.hash)
    first = await bare.tell(operator(wanted))
    again = await bare.tell(operator(wanted))
    assert again == first
    other = await bare.tell(operator(wanted, request_id="2"))
    assert one(other, Refused).reason == Code.ACCOUNT_EXISTS
    assert not of(other, GrantRights)


async def test_suspending_takes_the_rights_and_resuming_gives_them_back(world: World) -> None:
    """Neither changes the password."""
    outcomes = await world.tell(operator(AccountRequested(action="suspend", address=BOB)))
    assert of(outcomes, RevokeRights) == [RevokeRights(BOB, remove=False)]
    assert one(outcomes, AccountAnswered).accounts[0].suspended
    outcomes = await world.tell(operator(AccountRequested(action="resume", address=BOB)))
    assert of(outcomes, GrantRights) == [GrantRights(BOB)]
    assert not one(outcomes, AccountAnswered).accounts[0].suspended


async def test_removing_an_account_removes_its_user(world: World) -> None:
    """The answer shows the account for the last time."""
    outcomes = await world.tell(operator(AccountRequested(action="remove", address=BOB)))
    assert of(outcomes, RevokeRights) == [RevokeRights(BOB, remove=True)]
    assert one(outcomes, AccountAnswered).accounts[0].address == BOB
    assert await account_of(world, BOB) is None


async def test_removing_goes_on_where_a_worker_died(world: World) -> None:
    """The account may be gone from the ledger while its user is still at the broker."""
    wanted = operator(AccountRequested(action="remove", address=BOB))
    await world.tell(wanted)
    again = await world.tell(wanted)
    assert of(again, RevokeRights) == [RevokeRights(BOB, remove=True)]


@pytest.mark.parametrize("action", ["remove", "suspend", "resume"])
async def test_an_account_that_is_not_there_cannot_be_changed(world: World, action: str) -> None:
    """The operator hears it."""
    wanted = AccountRequested(action=action, address=NOBODY)  # type: ignore[arg-type]
    assert one(await world.tell(operator(wanted)), Refused).reason == Code.NO_SUCH_ACCOUNT


@pytest.mark.parametrize("address", [CAROL, None])
async def test_only_addresses_of_the_domain_can_be_changed(world: World, address: str | None) -> None:
    """A request goes to one domain, and is about that one."""
    wanted = AccountRequested(action="suspend", address=address)
    assert one(await world.tell(operator(wanted)), Refused).reason == Code.INVALID_MESSAGE


async def test_accounts_are_listed_by_domain(world: World) -> None:
    """In the order of their addresses, from `after` on."""
    listed = one(await world.tell(operator(AccountRequested(action="list"))), AccountAnswered)
    assert [account.address for account in listed.accounts] == [ALICE, BOB, MALLORY]
    listed = one(await world.tell(operator(AccountRequested(action="list", after=ALICE))), AccountAnswered)
    assert [account.address for account in listed.accounts] == [BOB, MALLORY]
    assert listed.next is None
