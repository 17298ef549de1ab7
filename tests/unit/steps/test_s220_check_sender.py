"""S220: may the sender send, and is there room?"""

from typing import Any

import pytest

from rollcast.messages import (
    CancelRequested,
    InvitationsDue,
    SenderCheckDue,
    TransferHeld,
    TransferRefused,
    UploadDue,
)
from rollcast.reasons import Code
from rollcast.states import Transfer
from tests.people import ACME, ALICE, BOB, CAROL
from tests.unit.steps.build import (
    MINUTE,
    OTHER_T,
    SECOND,
    SESSION,
    MiB,
    T,
    at,
    by,
    file,
    of,
    one,
    request,
    whereto,
)
from tests.unit.steps.world import World
from workers.ledger import accounts
from workers.work import Outcome

BIG = file(size=600 * MiB)


async def check(world: World, transfer_id: str = T) -> list[Outcome]:
    """Let S220 look at a transfer."""
    return await world.tell(at(ACME, SenderCheckDue(transfer_id=transfer_id)))


async def test_an_able_sender_goes_on_to_the_roll_call(world: World) -> None:
    """The consent time counts from now on, and the file's room is reserved."""
    await world.tell(by(ALICE, request(consent_timeout=60_000)))
    world.pass_time(30 * SECOND)
    outcomes = await check(world)
    assert whereto(outcomes, InvitationsDue) == [ACME]
    assert not of(outcomes, UploadDue)
    transfer = await world.transfer()
    assert transfer.state == Transfer.ASKING
    assert transfer.consent_deadline == transfer.asked_at + MINUTE
    assert await world.reserved() == 300 * MiB


async def test_a_repeated_check_reserves_nothing_twice(world: World) -> None:
    """A transfer that goes on is not checked again."""
    await world.tell(by(ALICE, request()))
    await check(world)
    assert await check(world) == []
    assert await world.reserved() == 300 * MiB


async def test_an_unknown_transfer_is_nothing(world: World) -> None:
    """A check for an id that the ledger does not have does nothing."""
    assert await check(world) == []


async def test_the_consent_time_never_outlasts_the_expiry(world: World) -> None:
    """However late the check is."""
    await world.tell(by(ALICE, request(consent_timeout=50_000, expires=60_000)))
    world.pass_time(30 * SECOND)
    await check(world)
    transfer = await world.transfer()
    assert transfer.consent_deadline == transfer.expires_at


async def test_a_short_consent_time_is_kept(world: World) -> None:
    """The clock looks at the deadline, not seconds after it."""
    await world.tell(by(ALICE, request(consent_timeout=1000)))
    await check(world)
    transfer = await world.transfer()
    assert transfer.due_at == transfer.consent_deadline


async def test_an_eager_upload_is_due_at_once(world: World) -> None:
    """It does not wait for the roll call."""
    await world.tell(by(ALICE, request(upload="eager")))
    assert whereto(await check(world), UploadDue) == [ACME]


async def test_a_dry_run_needs_no_room_and_no_upload(world: World) -> None:
    """Nothing will be delivered."""
    await world.tell(by(ALICE, request(upload="eager", dry_run=True)))
    outcomes = await check(world)
    assert of(outcomes, InvitationsDue)
    assert not of(outcomes, UploadDue)
    assert await world.reserved() == 0


async def test_a_request_in_parts_waits_for_all_of_them(world: World) -> None:
    """The clock may ask before the last part is there."""
    await world.tell(by(ALICE, request([BOB], part=0, parts=2)))
    assert await check(world) == []
    assert await world.state() == Transfer.REQUESTED


async def test_a_request_that_stays_unfinished_is_forgotten(world: World) -> None:
    """A minute after its last part; a repeat starts anew, and what is whole by then goes its way."""
    await world.tell(by(ALICE, request([BOB], part=0, parts=3)))
    world.pass_time(50 * SECOND)
    await world.tell(by(ALICE, request([CAROL], part=1, parts=3)))
    world.pass_time(59 * SECOND)
    assert await check(world) == []
    assert await world.transfers() == 1
    world.pass_time(SECOND)
    assert await check(world) == []
    assert (await world.transfers(), await world.sent()) == (0, {})
    await world.settle(*(by(ALICE, request([who], part=n, parts=2)) for n, who in enumerate((BOB, CAROL))))
    assert await world.state() == Transfer.ASKING


async def test_a_request_that_became_whole_is_not_forgotten(world: World) -> None:
    """However late it is looked at."""
    await world.tell(by(ALICE, request([BOB], part=0, parts=2)), by(ALICE, request([CAROL], part=1, parts=2)))
    world.pass_time(120 * SECOND)
    assert of(await check(world), InvitationsDue)


async def refused(world: World, code: Code) -> None:
    """S220 refuses the transfer, tells its sender, and stays with it."""
    outcomes = await check(world)
    assert len(outcomes) == 1
    refusal = one(outcomes, TransferRefused)
    assert (refusal.reason, refusal.step) == (code, "s220")
    assert whereto(outcomes, TransferRefused) == [(ALICE, SESSION)]
    assert await world.state() == Transfer.REFUSED
    assert await check(world) == []
    repeated = one(await world.tell(by(ALICE, request())), TransferRefused)
    assert (repeated.step, repeated.reason, repeated.detail) == ("s220", code, refusal.detail)
    assert await world.reserved() == 0


async def test_a_sender_without_an_account_is_refused(world: World) -> None:
    """An account can be removed while its request is under way."""
    await world.tell(by(ALICE, request()))
    async with world.database.begin() as ledger:
        await accounts.remove(ledger, ALICE)
    await refused(world, Code.NO_SUCH_ACCOUNT)


async def test_a_suspended_sender_is_refused(world: World) -> None:
    """A suspension takes effect at once."""
    await world.tell(by(ALICE, request()))
    await world.suspend(ALICE)
    await refused(world, Code.SUSPENDED)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"may_send": False}, Code.SENDING_NOT_ALLOWED),
        ({"max_file_size": 300 * MiB - 1}, Code.FILE_TOO_BIG),
        ({"max_recipients": 1}, Code.TOO_MANY_RECIPIENTS),
        ({"max_transfers": 0}, Code.TOO_MANY_TRANSFERS),
    ],
)
async def test_an_account_has_limits(bare: World, limits: dict[str, Any], code: Code) -> None:
    """Each has its reason. They may have been changed since the request was written down."""
    await bare.account(ALICE)
    await bare.tell(by(ALICE, request()))
    async with bare.database.begin() as ledger:
        await accounts.remove(ledger, ALICE)
    await bare.account(ALICE, **limits)
    await refused(bare, code)


async def test_limits_that_are_just_kept_are_fine(bare: World) -> None:
    """As big, as long and as many as allowed."""
    await bare.account(ALICE, max_file_size=300 * MiB, max_recipients=2, max_transfers=1)
    await bare.tell(by(ALICE, request()))
    assert of(await check(bare), InvitationsDue)


async def test_a_file_that_never_fits_into_the_spool_is_refused(world: World) -> None:
    """Waiting would not help."""
    await world.tell(by(ALICE, request(file=file(size=1000 * MiB + 1))))
    outcomes = await check(world)
    assert one(outcomes, TransferRefused).reason == Code.FILE_TOO_BIG


async def test_too_many_open_transfers_are_refused(bare: World) -> None:
    """Those that have ended do not count."""
    await bare.account(ALICE, max_transfers=1)
    for number in range(3):
        await bare.tell(by(ALICE, request(transfer_id=f"{number:032x}")))
        await bare.change(f"{number:032x}", state=Transfer.COMPLETED)
    await bare.tell(by(ALICE, request()))
    # It was written down at the same time, by another worker.
    await bare.change("0" * 32, state=Transfer.CASTING)
    await refused(bare, Code.TOO_MANY_TRANSFERS)


async def test_without_room_a_transfer_is_held_and_goes_on_later(world: World) -> None:
    """The sender is told at once and again; when room is there, the transfer takes it."""
    await world.tell(by(ALICE, request(transfer_id=OTHER_T, file=BIG)))
    await check(world, OTHER_T)
    await world.tell(by(ALICE, request(file=BIG)))
    for _ in range(2):
        outcomes = await check(world)
        assert one(outcomes, TransferHeld).reason == Code.SPOOL_FULL
        assert whereto(outcomes, TransferHeld) == [(ALICE, SESSION)]
    assert await world.state() == Transfer.HELD
    assert await world.reserved() == 600 * MiB
    await world.settle(by(ALICE, CancelRequested(transfer_id=OTHER_T)))
    assert await world.reserved() == 0
    assert of(await check(world), InvitationsDue)
    transfer = await world.transfer()
    assert (transfer.state, transfer.reason, transfer.detail) == (Transfer.ASKING, None, None)
    assert await world.reserved() == 600 * MiB


async def test_a_held_transfer_is_not_pushed_out_by_later_ones(bare: World) -> None:
    """It has its place among those that the account may have."""
    await bare.account(ALICE, max_transfers=2)
    await bare.tell(by(ALICE, request(transfer_id=OTHER_T, file=BIG)))
    await check(bare, OTHER_T)
    await bare.tell(by(ALICE, request(file=BIG)))
    await check(bare)
    await bare.tell(by(ALICE, request(transfer_id="c" * 32)))
    assert of(await check(bare), TransferHeld)


async def test_two_transfers_in_a_batch_share_the_room(world: World) -> None:
    """One goes on, the other is held."""
    for transfer_id in (T, OTHER_T):
        await world.tell(by(ALICE, request([CAROL], transfer_id=transfer_id, file=BIG)))
    outcomes = await world.tell(
        *(at(ACME, SenderCheckDue(transfer_id=transfer_id)) for transfer_id in (OTHER_T, T))
    )
    assert len(of(outcomes, InvitationsDue)) == len(of(outcomes, TransferHeld)) == 1
