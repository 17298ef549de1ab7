"""S200 answers whoever looks: how far receivers are, who holds a transfer up, and what a server does."""

from typing import Any

import pytest

from rollcast.messages import (
    DiagnosisRequested,
    OverviewRequested,
    Query,
    TransferDescribed,
    TransfersListed,
)
from rollcast.messages.figures import TransferCount
from rollcast.messages.values import ReceiverStatus, TransferStatus
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, GLOBEX, OPERATOR
from tests.unit.steps.build import OTHER_T, SECOND, MiB, T, accept, by, delivered, one, reject, request
from tests.unit.steps.world import SETTINGS, World
from workers.ledger import figures
from workers.ledger.figures import STILL, Figure
from workers.looking import overview
from workers.room import note as note_room
from workers.work import Diagnose, Received, SeeBroker

SIZE = 300 * MiB


async def progress(world: World, transfer_id: str = T, ago: int = 0, **stored: int) -> None:
    """So many MiB are stored, at addresses of acme or globex, as of so many µs ago."""
    domains = {address.partition("@")[0]: address for address in (BOB, CAROL, DAVE)}
    async with world.database.begin() as ledger:
        at = ledger.now - ago
        noted = (Figure(transfer_id, domains[name], size * MiB, at) for name, size in stored.items())
        await figures.note(ledger, noted)


async def described(world: World, **asked: Any) -> TransferDescribed:
    """What Alice is told of the transfer."""
    return one(await world.tell(by(ALICE, Query(transfer_id=T, **asked))), TransferDescribed)


async def listed(world: World, **asked: Any) -> list[TransferStatus]:
    """What Alice is told of her transfers."""
    return one(await world.tell(by(ALICE, Query(**asked))), TransfersListed).transfers


def addresses(receivers: list[ReceiverStatus]) -> list[str]:
    """Whose they are."""
    return [receiver.address for receiver in receivers]


def counted(transfer: TransferStatus) -> dict[Receiver, int]:
    """The numbers by state."""
    return {count.state: count.number for count in transfer.counts}


async def seen(world: World, domain: str = ACME) -> SeeBroker:
    """What an operator of a domain gets to see, before the broker is looked at."""
    return one(await world.tell(Received(OverviewRequested(), OPERATOR, domain)), SeeBroker)


async def test_who_receives_is_told_with_its_progress(world: World) -> None:
    """The bytes, the rate and the last movement of whoever still receives; of the others what they said last."""
    await world.casting(request((BOB, CAROL, DAVE)))
    await progress(world, ago=4 * SECOND, bob=10, carol=1)
    await progress(world, ago=2 * SECOND, bob=30, carol=3)
    await world.settle(by(CAROL, delivered()))
    answer = await described(world)
    bob, carol, dave = answer.receivers
    assert (bob.bytes, bob.state) == (30 * MiB, Receiver.RECEIVING)
    assert bob.rate == pytest.approx(10 * MiB, rel=0.2)
    assert answer.at is not None
    assert bob.moved_at is not None
    assert 2 * SECOND <= answer.at - bob.moved_at < 60 * SECOND
    assert (carol.bytes, carol.rate, carol.moved_at) == (SIZE, None, None)
    assert (dave.bytes, dave.rate, dave.moved_at) == (0, None, None)


async def test_who_stands_still_has_no_rate(world: World) -> None:
    """After some seconds, whatever it was before."""
    await world.casting(request((BOB,)))
    await progress(world, ago=STILL + 4 * SECOND, bob=10)
    await progress(world, ago=STILL + 2 * SECOND, bob=30)
    [bob] = (await described(world)).receivers
    assert (bob.bytes, bob.rate) == (30 * MiB, 0)


async def test_a_transfer_is_told_with_its_numbers(world: World) -> None:
    """How many are in each state, what they have stored together, and what the server has of the file."""
    await world.asking(request((BOB, CAROL, DAVE)))
    await world.settle(by(BOB, accept()), by(CAROL, accept()), by(DAVE, reject()))
    await world.spool(range(12))
    await progress(world, bob=10, carol=299)
    await world.settle(by(CAROL, delivered()))
    [transfer] = await listed(world)
    assert transfer == (await described(world)).transfer
    assert counted(transfer) == {Receiver.DELIVERED: 1, Receiver.RECEIVING: 1, Receiver.REJECTED: 1}
    assert (transfer.stored, transfer.uploaded) == (SIZE + 10 * MiB, 12 * MiB)
    assert transfer.consent_deadline is not None
    assert transfer.created_at < transfer.consent_deadline < transfer.expires_at


async def test_those_that_hold_a_transfer_up_come_first(world: World) -> None:
    """Who stands still, then who has least; those that are through come last, whatever the order of the request."""
    await world.casting(request((BOB, CAROL, DAVE)))
    await progress(world, bob=20, carol=10, dave=299)
    assert addresses((await described(world, order="slowest")).receivers) == [CAROL, BOB, DAVE]
    assert addresses((await described(world)).receivers) == [BOB, CAROL, DAVE]
    world.pass_time(STILL + SECOND)
    await progress(world, bob=40, carol=30)
    assert addresses((await described(world, order="slowest")).receivers) == [DAVE, CAROL, BOB]
    await world.settle(by(DAVE, delivered()))
    answer = await described(world, order="slowest", limit=2)
    assert (addresses(answer.receivers), answer.next) == ([CAROL, BOB], None)


async def test_while_all_are_asked_the_undecided_come_first(world: World) -> None:
    """They are waited for."""
    await world.asking(request((BOB, CAROL, DAVE)))
    await world.settle(by(BOB, accept()), by(CAROL, reject()))
    assert addresses((await described(world, order="slowest")).receivers) == [DAVE, BOB, CAROL]


async def test_a_listing_has_a_limit(world: World) -> None:
    """And goes on behind it."""
    for transfer_id in (T, OTHER_T):
        await world.asking(request(transfer_id=transfer_id))
    newest = one(await world.tell(by(ALICE, Query(limit=1))), TransfersListed)
    assert [one.transfer_id for one in newest.transfers] == [OTHER_T]
    assert newest.next == 1
    assert [one.transfer_id for one in await listed(world, after=1, limit=1)] == [T]
    page = await described(world, limit=1)
    assert (addresses(page.receivers), page.next) == ([BOB], 1)


async def test_an_overview_has_what_goes_on(world: World) -> None:
    """Transfers of the operator's domain, with their numbers; those that have ended are counted."""
    await world.casting(request((BOB, CAROL)))
    await world.asking(request((BOB,), transfer_id=OTHER_T))
    await world.settle(by(BOB, reject(OTHER_T)))
    await progress(world, bob=20, carol=10)
    async with world.database.begin() as ledger:
        await note_room(ledger, SETTINGS.server, 5 * MiB, None)
    answer = (await seen(world)).overview
    assert [one.transfer_id for one in answer.transfers] == [T]
    assert [one.stored for one in answer.transfers] == [30 * MiB]
    assert answer.open == 1
    assert set(map(_pair, answer.counts)) == {(Transfer.CASTING, 1), (Transfer.DECLINED, 1)}
    assert [(one.receiver.address, one.size) for one in answer.stragglers] == [(CAROL, SIZE), (BOB, SIZE)]
    assert answer.spool is not None
    assert (answer.spool.free, answer.spool.quota) == (5 * MiB, SETTINGS.spool_quota)
    others = (await seen(world, GLOBEX)).overview
    assert (others.transfers, others.stragglers, others.counts) == ([], [], [])


def _pair(count: TransferCount) -> tuple[Transfer, int]:
    return count.state, count.number


async def test_an_overview_forgets_what_ended_long_ago(world: World) -> None:
    """After a day."""
    await world.asking(request((BOB,)))
    await world.settle(by(BOB, reject()))
    assert (await seen(world)).overview.counts != []
    world.pass_time(overview.DAY + SECOND)
    assert (await seen(world)).overview.counts == []


async def test_an_overview_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many transfers there are; their number is told."""
    monkeypatch.setattr(overview, "TRANSFERS", 2)
    monkeypatch.setattr(overview, "STRAGGLERS", 3)
    for digit in "123":
        await world.casting(request((BOB, CAROL), transfer_id=digit * 32))
    answer = (await seen(world)).overview
    assert (answer.open, len(answer.transfers), len(answer.stragglers)) == (3, 2, 3)


async def test_a_diagnosis_is_not_in_the_ledger(world: World) -> None:
    """It is made afterwards, with the broker at hand."""
    asked = Received(DiagnosisRequested(), OPERATOR, ACME)
    assert await world.tell(asked) == [Diagnose(asked)]
