"""S230: receivers are invited through the servers of their domains."""

from rollcast.messages import InvitationsDue, ReceiversInvited, RoundDue, SenderCheckDue
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, GLOBEX, INITECH, STRANGER
from tests.unit.steps.build import T, accept, at, by, of, one, request, whereto
from tests.unit.steps.world import World
from workers.work import Outcome

PEER = f"frank@{INITECH}"
DUE = InvitationsDue(transfer_id=T)


async def invite(world: World, recipients: list[str]) -> list[Outcome]:
    """Bring a transfer of these recipients to S230."""
    await world.tell(by(ALICE, request(recipients)))
    await world.tell(at(ACME, SenderCheckDue(transfer_id=T)))
    return await world.tell(at(ACME, DUE))


async def test_receivers_are_grouped_by_domain(world: World) -> None:
    """One message for each server, with the whole offer."""
    outcomes = await invite(world, [BOB, CAROL, DAVE, PEER])
    invited = of(outcomes, ReceiversInvited)
    assert whereto(outcomes, ReceiversInvited) == [ACME, GLOBEX, INITECH]
    assert [message.receivers for message in invited] == [[BOB], [CAROL, DAVE], [PEER]]
    assert {message.offer for message in invited} == {await world.offer()}


async def test_a_domain_that_is_neither_served_nor_a_peer_is_unknown(world: World) -> None:
    """The others are invited all the same."""
    outcomes = await invite(world, [BOB, STRANGER])
    assert one(outcomes, ReceiversInvited).receivers == [BOB]
    stranger = (await world.sent())[STRANGER]
    assert (stranger.state, stranger.step, stranger.reason) == (
        Receiver.UNKNOWN,
        "s230",
        Code.NO_SUCH_DOMAIN,
    )
    assert "nowhere" in stranger.detail


async def test_nobody_to_invite_closes_the_round(world: World) -> None:
    """There is no answer to wait for."""
    outcomes = await invite(world, [STRANGER])
    assert whereto(outcomes, RoundDue) == [ACME]
    assert not of(outcomes, ReceiversInvited)


async def test_a_repeated_invitation_is_the_same(world: World) -> None:
    """As long as nobody has answered."""
    first = await invite(world, [BOB, STRANGER])
    assert await world.tell(at(ACME, DUE)) == first
    assert (await world.sent())[STRANGER].revision == 1


async def test_only_those_without_an_answer_are_invited_again(world: World) -> None:
    """Who is `asked` has not answered."""
    await world.asking(request([BOB, CAROL, DAVE]))
    await world.settle(by(CAROL, accept()))
    outcomes = await world.tell(at(ACME, DUE))
    assert [message.receivers for message in of(outcomes, ReceiversInvited)] == [[BOB], [DAVE]]


async def test_more_receivers_than_a_message_names_go_into_several(world: World) -> None:
    """At most 500 in each, nobody twice."""
    names = [f"r{number}@{GLOBEX}" for number in range(1001)]
    for part in range(3):
        await world.tell(by(ALICE, request(names[part * 500 :][:500], part=part, parts=3)))
    await world.tell(at(ACME, SenderCheckDue(transfer_id=T)))
    invited = of(await world.tell(at(ACME, DUE)), ReceiversInvited)
    assert [len(message.receivers) for message in invited] == [500, 500, 1]
    assert [address for message in invited for address in message.receivers] == names


async def test_nobody_is_invited_to_what_has_ended(world: World) -> None:
    """Nor before the sender was checked."""
    await world.tell(by(ALICE, request()))
    assert await world.tell(at(ACME, DUE)) == []
    await world.change(state=Transfer.CANCELLED)
    assert await world.tell(at(ACME, DUE)) == []
