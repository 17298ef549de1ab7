"""What is deleted after a transfer's end is asked for until it is done, and holds no message up."""

from typing import Any, cast

from rollcast.errors import Transient
from rollcast.messages import CancelRequested, CloseDue
from rollcast.states import Transfer
from tests.people import ACME, ALICE, BOB
from tests.unit.steps.build import T, at, by, request
from tests.unit.steps.world import World
from workers.actions import Actions
from workers.work import DropCast, DropSpool


class Place:
    """Stands for the broker and for the store: deletes what it is told to, unless it is away."""

    def __init__(self) -> None:
        self.away = False
        self.deleted: list[str] = []

    async def unbind(self, queue: str, exchange: str, key: str) -> None:
        """A binding."""

    async def delete_exchange(self, name: str) -> None:
        """A cast."""

    async def delete(self, transfer_id: str) -> None:
        """Chunks."""
        if self.away:
            raise Transient("503")
        self.deleted.append(transfer_id)


def actions(world: World, place: Place) -> Actions:
    """What a worker would do, there."""
    other = cast(Any, None)
    fake = cast(Any, place)
    return Actions(world.settings, world.database, fake, fake, other, other, other, other)


async def ended(world: World) -> None:
    """A transfer that was taken back, and of which all is left."""
    await world.asking(request([BOB]))
    await world.tell(by(ALICE, CancelRequested(transfer_id=T)))


async def test_a_clean_up_is_due_until_it_is_done(world: World) -> None:
    """A bucket may be away for hours, and a worker die between the commit and the deletion."""
    await ended(world)
    place = Place()
    place.away = True
    assert await actions(world, place).perform(DropCast(ALICE, T)) == []
    assert (await world.transfer()).due_at is not None
    place.away = False
    await actions(world, place).perform(DropCast(ALICE, T))
    assert (place.deleted, (await world.transfer()).due_at) == ([T], None)


async def test_a_spool_that_is_away_does_not_hold_the_report_up(world: World) -> None:
    """What is left in it is deleted with the next prompt."""
    await ended(world)
    place = Place()
    place.away = True
    assert await actions(world, place).perform(DropSpool(T)) == []
    assert DropSpool(T) in await world.tell(at(ACME, CloseDue(transfer_id=T)))


async def test_only_what_has_ended_is_cleaned_up(world: World) -> None:
    """A transfer that goes on stays due, whatever comes."""
    await world.asking(request([BOB]))
    await actions(world, Place()).perform(DropCast(ALICE, T))
    transfer = await world.transfer()
    assert transfer.state == Transfer.ASKING
    assert transfer.due_at is not None
