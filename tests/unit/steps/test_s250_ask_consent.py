"""S250: the question goes into the inboxes."""

from rollcast.messages import ConsentAsked, ConsentDue, ReceiversAnswered, ReceiversInvited
from rollcast.states import Receiver
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, GLOBEX
from tests.unit.steps.build import MINUTE, T, accept, at, by, of, one, reject, request, whereto
from tests.unit.steps.world import World
from workers.work import Outcome, ToInboxes

DUE = ConsentDue(transfer_id=T, receivers=[CAROL, DAVE])


async def ask(world: World) -> list[Outcome]:
    """Ask carol and dave for the first time."""
    await world.settle(by(ALICE, request([BOB])))
    invited = ReceiversInvited(offer=await world.offer(), receivers=[CAROL, DAVE])
    await world.tell(at(GLOBEX, invited))
    return await world.tell(at(GLOBEX, DUE))


async def test_each_receiver_is_asked_and_the_sender_told(world: World) -> None:
    """The question has the whole offer and expires with it."""
    outcomes = await ask(world)
    offer = await world.offer()
    assert whereto(outcomes, ConsentAsked) == [(CAROL, None), (DAVE, None)]
    assert one(outcomes, ConsentAsked).offer == offer
    assert one(outcomes, ToInboxes).expires_at == offer.consent_deadline
    assert whereto(outcomes, ReceiversAnswered) == [ACME]
    told = one(outcomes, ReceiversAnswered).receivers
    assert [(one.address, one.state, one.revision) for one in told] == [
        (CAROL, Receiver.ASKED, 2),
        (DAVE, Receiver.ASKED, 2),
    ]


async def test_asking_again_says_the_same(world: World) -> None:
    """The revision does not grow, so nothing is news at the sender's server."""
    assert await ask(world) == await world.tell(at(GLOBEX, DUE))


async def test_only_those_without_an_answer_are_asked_again(world: World) -> None:
    """An answer stands."""
    await ask(world)
    await world.tell(by(CAROL, accept()), by(DAVE, reject()))
    assert await world.tell(at(GLOBEX, DUE)) == []


async def test_nobody_is_asked_about_what_is_not_known(world: World) -> None:
    """Neither an unknown transfer nor a receiver that was not invited to it."""
    assert await world.tell(at(GLOBEX, DUE)) == []
    await world.settle(by(ALICE, request([BOB])))
    assert await world.tell(at(GLOBEX, DUE)) == []


async def test_nobody_is_asked_after_the_deadline(world: World) -> None:
    """An answer could not count."""
    await ask(world)
    world.pass_time(2 * MINUTE)
    assert not of(await world.tell(at(GLOBEX, DUE)), ConsentAsked)
