"""S240: is each receiver known and able? And what does the ledger say of those that it knows already?"""

from typing import Any

import msgspec
import pytest

from rollcast.codec import decode, encode
from rollcast.errors import IdentityError
from rollcast.messages import ConsentAsked, ConsentDue, ReceiversAnswered, TransferClosed
from rollcast.messages.values import Capabilities, Hashes, Limits, Offer, ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, GLOBEX, INITECH, NOBODY, SERVER_USER
from tests.unit.steps.build import (
    HOUR,
    MINUTE,
    RIGHT,
    MiB,
    T,
    accept,
    at,
    by,
    file,
    invitation,
    of,
    one,
    whereto,
)
from tests.unit.steps.world import World
from workers.ledger import accounts
from workers.work import Outcome


def offered(**fields: Any) -> Offer:
    """An offer of an hour, with a minute to answer."""
    usual: dict[str, Any] = {
        "transfer_id": T,
        "sender": ALICE,
        "file": file(),
        "chunk_size": MiB,
        "created_at": 0,
        "consent_deadline": 0,
        "expires_at": 0,
    }
    return Offer(**usual | fields)


async def invite(world: World, *receivers: str, domain: str = ACME, **fields: Any) -> list[Outcome]:
    """Invite receivers of a domain to an offer made now."""
    async with world.database.begin() as ledger:
        now = ledger.now
    offer = offered(
        **{"created_at": now, "consent_deadline": now + MINUTE, "expires_at": now + HOUR} | fields
    )
    return await world.tell(at(domain, invitation(offer, *receivers)))


async def verdict(world: World, address: str, **fields: Any) -> ReceiverStatus:
    """How the server answers for a receiver that it does not ask."""
    outcomes = await invite(world, address, **fields)
    assert len(outcomes) == 1
    (status,) = one(outcomes, ReceiversAnswered).receivers
    assert status.step == "s240"
    return status


async def test_able_receivers_are_to_be_asked(world: World) -> None:
    """Nothing is answered for them yet."""
    outcomes = await invite(world, BOB, ALICE)
    assert len(outcomes) == 1
    assert sorted(one(outcomes, ConsentDue).receivers) == [ALICE, BOB]
    assert whereto(outcomes, ConsentDue) == [ACME]


async def test_the_unable_are_answered_for_and_the_able_asked(world: World) -> None:
    """Each receiver has its own verdict, told to the sender's server."""
    outcomes = await invite(world, f"nobody@{GLOBEX}", CAROL, domain=GLOBEX)
    assert one(outcomes, ConsentDue).receivers == [CAROL]
    assert whereto(outcomes, ReceiversAnswered) == [ACME]
    (answered,) = one(outcomes, ReceiversAnswered).receivers
    assert (answered.address, answered.state) == (f"nobody@{GLOBEX}", Receiver.UNKNOWN)


async def test_without_an_account_a_receiver_is_unknown(world: World) -> None:
    """The server serves the domain, and does not know the name."""
    status = await verdict(world, NOBODY)
    assert (status.state, status.reason) == (Receiver.UNKNOWN, Code.NO_SUCH_ACCOUNT)


async def test_a_suspended_receiver_is_incapable(world: World) -> None:
    """Suspended accounts neither send nor receive."""
    await world.suspend(BOB)
    status = await verdict(world, BOB)
    assert (status.state, status.reason) == (Receiver.INCAPABLE, Code.SUSPENDED)


async def test_a_terminal_that_never_registered_is_incapable(world: World) -> None:
    """Nobody knows what it could take."""
    async with world.database.begin() as ledger:
        await accounts.add(ledger, f"new@{ACME}", Limits(), None)
    status = await verdict(world, f"new@{ACME}")
    assert (status.state, status.reason) == (Receiver.INCAPABLE, Code.NOT_REGISTERED)


LONG = "x" * 1024


@pytest.mark.parametrize(
    ("can", "limits", "code"),
    [
        (Capabilities(), {"max_file_size": 300 * MiB - 1}, Code.FILE_TOO_BIG),
        (Capabilities(), {"accept_types": ["image/*"]}, Code.TYPE_NOT_ACCEPTED),
        (Capabilities(max_file_size=1), {}, Code.FILE_TOO_BIG),
        (Capabilities(types=["image/*", "text/plain"]), {}, Code.TYPE_NOT_ACCEPTED),
        (Capabilities(types=["y" * 1024] * 64), {}, Code.TYPE_NOT_ACCEPTED),
        (Capabilities(free_space=300 * MiB - 1), {}, Code.NO_SPACE),
        (Capabilities(hashes=["sha256"]), {}, Code.HASH_NOT_SUPPORTED),
        (Capabilities(hashes=["blake3"]), {}, Code.HASH_NOT_SUPPORTED),
    ],
)
@pytest.mark.parametrize("media_type", ["application/pdf", LONG])
async def test_what_a_receiver_cannot_take(
    bare: World, can: Capabilities, limits: dict[str, Any], code: Code, media_type: str
) -> None:
    """Each inability has its reason, with a detail that fits into a message."""
    await bare.account(BOB, can=can, **limits)
    wanted = file(type=media_type, hash=msgspec.structs.replace(RIGHT, sha256="e" * 64))
    status = await verdict(bare, BOB, file=wanted)
    assert (status.state, status.reason) == (Receiver.INCAPABLE, code)
    answered = ReceiversAnswered(transfer_id=T, receivers=[status])
    assert decode(encode(answered)) == answered


@pytest.mark.parametrize(
    ("can", "limits"),
    [
        (Capabilities(max_file_size=300 * MiB, free_space=300 * MiB), {"max_file_size": 300 * MiB}),
        (Capabilities(types=["APPLICATION/*"]), {"accept_types": ["*/pdf"]}),
        (Capabilities(hashes=["blake3", "md5"]), {}),
    ],
)
async def test_what_a_receiver_can_just_take(bare: World, can: Capabilities, limits: dict[str, Any]) -> None:
    """Bounds are included, media types have no case, and one hash that fits will do."""
    await bare.account(BOB, can=can, **limits)
    wanted = file(type="application/pdf", hash=Hashes(blake3=RIGHT.blake3))
    assert of(await invite(bare, BOB, file=wanted), ConsentDue)


async def test_a_verdict_stands(world: World) -> None:
    """An invitation that comes again is answered from the ledger, whatever has changed since."""
    first = await verdict(world, NOBODY)
    await world.account(NOBODY)
    assert await verdict(world, NOBODY) == first


async def test_a_repeated_invitation_asks_those_again_who_have_not_answered(world: World) -> None:
    """And tells the answers of the others: an invitation is a prompt."""
    await invite(world, BOB, ALICE)
    await world.settle(by(SERVER_USER, _consent_due()))
    await world.tell(by(BOB, accept()))
    outcomes = await invite(world, BOB, ALICE)
    assert one(outcomes, ConsentDue).receivers == [ALICE]
    (status,) = one(outcomes, ReceiversAnswered).receivers
    assert (status.address, status.state, status.revision) == (BOB, Receiver.ACCEPTED, 3)


def _consent_due() -> ConsentDue:
    return ConsentDue(transfer_id=T, receivers=[BOB, ALICE])


async def test_nobody_is_asked_after_the_deadline(world: World) -> None:
    """The verdicts are written down, so that later prompts are answered alike."""
    assert await invite(world, BOB, consent_deadline=1) == []
    assert await world.invited_states() == {BOB: Receiver.INVITED}


async def test_a_receiver_named_twice_is_asked_once(world: World) -> None:
    """Whatever another server sends."""
    assert one(await invite(world, BOB, BOB), ConsentDue).receivers == [BOB]


async def test_receivers_of_other_domains_are_not_looked_at(world: World) -> None:
    """What was sent to acme is about acme's receivers."""
    assert one(await invite(world, BOB, CAROL), ConsentDue).receivers == [BOB]
    assert await world.invited_states() == {BOB: Receiver.INVITED}


async def test_both_domains_of_a_server_share_the_offer(world: World) -> None:
    """Each invitation adds its own receivers."""
    await invite(world, BOB)
    await invite(world, CAROL, DAVE, domain=GLOBEX)
    assert set(await world.invited_states()) == {BOB, CAROL, DAVE}


def _closed(domain: str = ACME) -> TransferClosed:
    return TransferClosed(
        transfer_id=T, sender_domain=domain, state=Transfer.CANCELLED, reason=Code.CANCELLED
    )


async def test_an_invitation_that_comes_after_the_end_opens_nothing(world: World) -> None:
    """Queues do not keep the order of one another: the closing may be first, and leaves a tombstone."""
    await world.tell(at(ACME, _closed()))
    outcomes = await invite(world, BOB)
    assert not of(outcomes, ConsentDue)
    assert not of(await world.settle(at(ACME, _consent_due())), ConsentAsked)
    assert await world.invited_states() == {}


async def test_after_the_end_an_invitation_is_answered_with_the_ends(world: World) -> None:
    """And adds nobody."""
    await invite(world, BOB)
    await world.tell(at(ACME, _closed()))
    outcomes = await invite(world, BOB, ALICE)
    assert not of(outcomes, ConsentDue)
    (status,) = one(outcomes, ReceiversAnswered).receivers
    assert (status.address, status.state) == (BOB, Receiver.CANCELLED)


async def test_the_id_of_another_sender_gets_nobody_into_a_transfer(world: World) -> None:
    """Two servers do not know each other's ids, and a receiver learns the id that it was asked about."""
    await invite(world, BOB)
    with pytest.raises(IdentityError):
        await invite(world, ALICE, BOB, sender=f"mallory@{INITECH}")
    assert await world.invited_states() == {BOB: Receiver.INVITED}
