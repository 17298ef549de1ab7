"""S200: registrations and queries, each answered directly."""

import pytest

from rollcast.messages import (
    AccountRequested,
    CancelRequested,
    ConsentAsked,
    LaneOpened,
    LanesDue,
    ParkedRequested,
    Query,
    Refused,
    Register,
    Registered,
    TransferDescribed,
    TransferEnded,
    TransfersListed,
)
from rollcast.messages.values import Account, Capabilities, Limits
from rollcast.reasons import Code
from rollcast.states import Transfer
from tests.people import ACME, ALICE, BOB, CAROL, MALLORY, OPERATOR, SERVER_USER, STRANGER
from tests.unit.steps.build import (
    HOUR,
    OTHER_T,
    SESSION,
    MiB,
    T,
    accept,
    by,
    defer,
    discarded,
    invitation,
    of,
    one,
    request,
    whereto,
)
from tests.unit.steps.world import World
from workers.ledger import accounts
from workers.looking import transfer_queries
from workers.work import (
    OpenInboxes,
    Received,
)

RECEIVING = Register(session=SESSION, capabilities=Capabilities(free_space=5 * MiB))


def operator(message: AccountRequested | ParkedRequested | Query, request_id: str = "1") -> Received:
    """What an operator says to the server of acme."""
    return Received(message, OPERATOR, ACME, reply_to="somewhere", correlation_id=request_id)


async def account_of(world: World, address: str) -> Account | None:
    """The account of an address, None if it has none."""
    async with world.database.begin() as ledger:
        row = (await accounts.find(ledger, [address])).get(address)
    return row and accounts.account_of(row)


async def test_registering_opens_the_inboxes_and_tells_their_names(world: World) -> None:
    """The answer names both inboxes, the limits and the server's time."""
    outcomes = await world.tell(by(BOB, RECEIVING))
    answer = one(outcomes, Registered)
    assert one(outcomes, OpenInboxes) == OpenInboxes(BOB, SESSION)
    assert answer.inbox == f"rollcast.inbox.{BOB}"
    assert answer.session_inbox == f"rollcast.inbox.{BOB}.{SESSION}"
    assert (answer.address, answer.limits) == (BOB, Limits())
    assert answer.server_time > 0


async def test_without_a_session_there_is_no_session_inbox(world: World) -> None:
    """A receiving process needs the permanent inbox alone."""
    outcomes = await world.tell(by(BOB, Register(capabilities=Capabilities())))
    assert one(outcomes, Registered).session_inbox is None
    assert one(outcomes, OpenInboxes).session is None


async def test_what_a_terminal_can_take_is_remembered(world: World) -> None:
    """A sending process that registers does not overwrite what the receiving one said."""
    await world.tell(by(BOB, RECEIVING))
    await world.tell(by(BOB, Register(session=SESSION)))
    async with world.database.begin() as ledger:
        row = (await accounts.find(ledger, [BOB]))[BOB]
    assert accounts.capabilities_of(row) == RECEIVING.capabilities


async def test_a_broker_user_without_an_account_is_refused(world: World) -> None:
    """No inbox is made for it."""
    outcomes = await world.tell(by(STRANGER, RECEIVING))
    assert one(outcomes, Refused).reason == Code.NO_SUCH_ACCOUNT
    assert not of(outcomes, OpenInboxes)


async def test_a_pending_question_is_asked_again(world: World) -> None:
    """A terminal that comes back is asked what it has not answered."""
    await world.asking(request())
    outcomes = await world.tell(by(BOB, RECEIVING))
    assert one(outcomes, ConsentAsked).offer == await world.offer()
    assert whereto(outcomes, ConsentAsked) == [(BOB, None)]


async def test_nothing_is_asked_of_a_terminal_that_only_sends(world: World) -> None:
    """Without capabilities nothing that waits is sent."""
    await world.asking(request())
    assert not of(await world.tell(by(BOB, Register(session=SESSION))), ConsentAsked)


@pytest.mark.parametrize("put_off", [False, True])
async def test_a_question_is_asked_as_long_as_the_transfer_is_open(world: World, put_off: bool) -> None:
    """Who comes late, or has put the decision off, can still join; what cannot count any more is not asked."""
    await world.asking(request(consent_timeout=1000))
    if put_off:
        await world.tell(by(BOB, defer()))
    world.pass_time(2_000_000)
    assert whereto(await world.tell(by(BOB, RECEIVING)), ConsentAsked) == [(BOB, None)]
    world.pass_time(25 * HOUR)
    assert not of(await world.tell(by(BOB, RECEIVING)), ConsentAsked)


async def test_an_end_that_was_not_confirmed_is_told_again(world: World) -> None:
    """Until the receiver has said that nothing is left there."""
    await world.casting(request())
    await world.settle(by(ALICE, CancelRequested(transfer_id=T)))
    assert whereto(await world.tell(by(BOB, RECEIVING)), TransferEnded) == [(BOB, None)]
    await world.settle(by(BOB, discarded()))
    assert not of(await world.tell(by(BOB, RECEIVING)), TransferEnded)


async def test_an_open_lane_is_announced_again(world: World) -> None:
    """A receiver that restarts in the middle of a cast is prompted by its lane notice."""
    await world.casting(request())
    outcomes = await world.settle(by(BOB, RECEIVING))
    assert whereto(outcomes, LaneOpened) == [(BOB, None)]


async def test_no_lane_is_opened_before_the_list_is_made(world: World) -> None:
    """A receiver that has accepted and registers again is still put on the list by S270."""
    await world.asking(request())
    await world.settle(by(BOB, accept()))
    assert not of(await world.settle(by(BOB, RECEIVING)), LanesDue)
    await world.settle(by(CAROL, accept()))
    assert {row.listed_in for row in (await world.sent()).values()} == {1}
    assert await world.state() == Transfer.CASTING


async def test_nothing_waits_of_a_transfer_that_has_ended(world: World) -> None:
    """After the expiry a terminal is not prompted any more."""
    await world.casting(request(expires=60_000))
    world.pass_time(61_000_000)
    assert not of(await world.tell(by(BOB, RECEIVING)), LanesDue)


async def test_a_sender_asks_for_its_transfer(world: World) -> None:
    """The answer has the transfer and its receivers."""
    await world.asking(request())
    described = one(await world.tell(by(ALICE, Query(transfer_id=T))), TransferDescribed)
    assert described.transfer.state == Transfer.ASKING
    assert [receiver.address for receiver in described.receivers] == [BOB, CAROL]
    assert described.next is None


async def test_an_operator_sees_the_transfers_of_its_domain(world: World) -> None:
    """A server's other domains are not that operator's."""
    await world.asking(request([BOB]))
    await world.settle(by(CAROL, request([BOB], transfer_id=OTHER_T)))
    listed = one(await world.tell(operator(Query())), TransfersListed)
    assert [transfer.transfer_id for transfer in listed.transfers] == [T]


@pytest.mark.parametrize("asking", [MALLORY, BOB])
async def test_others_do_not_learn_of_a_transfer(world: World, asking: str) -> None:
    """A receiver or a stranger gets the same answer as for an id that was never used."""
    await world.asking(request())
    known = one(await world.tell(by(asking, Query(transfer_id=T))), Refused)
    unknown = one(await world.tell(by(asking, Query(transfer_id=OTHER_T))), Refused)
    assert known.reason == unknown.reason == Code.NO_SUCH_TRANSFER
    assert known.detail.replace(T, OTHER_T) == unknown.detail


async def test_a_long_receiver_list_is_described_in_pages(world: World) -> None:
    """`next` leads from page to page, each receiver comes once, in the order of the request."""
    names = [f"r{number}@{ACME}" for number in range(1201)]
    for part in range(3):
        recipients = names[part * 500 : part * 500 + 500]
        await world.tell(by(ALICE, request(recipients, part=part, parts=3)))
    found, after = [], 0
    for size, following in ((500, True), (500, True), (201, False)):
        page = one(await world.tell(by(ALICE, Query(transfer_id=T, after=after))), TransferDescribed)
        assert len(page.receivers) == size
        assert (page.next is not None) == following
        found += [receiver.address for receiver in page.receivers]
        after = page.next or 0
    assert found == names


async def test_many_transfers_are_listed_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first, and `next` leads to the older ones."""
    monkeypatch.setattr(transfer_queries, "LISTING", 2)
    ids = [f"{number:032x}" for number in range(5)]
    for transfer_id in ids:
        await world.tell(by(ALICE, request(transfer_id=transfer_id)))
        world.pass_time(1)
    found, after = [], 0
    for more in (True, True, False):
        listed = one(await world.tell(by(ALICE, Query(after=after))), TransfersListed)
        found += [transfer.transfer_id for transfer in listed.transfers]
        assert (listed.next is not None) == more
        after = listed.next or 0
    assert found == ids[::-1]


async def test_a_page_far_behind_the_end_is_empty(world: World) -> None:
    """Any number that a message may carry is fine for the ledger."""
    await world.asking(request())
    outcomes = await world.tell(by(ALICE, Query(after=2**53 - 1)))
    assert one(outcomes, TransfersListed).transfers == []
    outcomes = await world.tell(by(ALICE, Query(transfer_id=T, after=2**53 - 1)))
    assert one(outcomes, TransferDescribed).receivers == []


async def test_an_invitation_that_was_never_asked_waits_for_the_clock(world: World) -> None:
    """Registering alone asks nothing that S250 has not asked before."""
    await world.asking(request())
    offer = await world.offer()
    await world.tell(by(SERVER_USER, invitation(offer, BOB)))
    assert len(of(await world.tell(by(BOB, RECEIVING)), ConsentAsked)) == 1
