"""S210: a request of more recipients than a message names comes in parts."""

from itertools import permutations

import pytest

from rollcast.messages import (
    SenderCheckDue,
    TransferAccepted,
    TransferRefused,
)
from rollcast.reasons import Code
from rollcast.states import Transfer
from tests.people import ACME, ALICE, BOB, CAROL
from tests.unit.steps.build import by, of, one, request
from tests.unit.steps.test_s210_take_request import refusal as refusal
from tests.unit.steps.world import World

PARTS = [request([f"r{part}-{n}@{ACME}" for n in range(3)], part=part, parts=3) for part in range(3)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_parts_come_in_any_order(world: World, order: tuple[int, ...]) -> None:
    """The sender is checked when the last one is there, and the list has the order of the request."""
    outcomes = [await world.tell(by(ALICE, PARTS[part])) for part in order]
    assert [len(of(following, SenderCheckDue)) for following in outcomes] == [0, 0, 1]
    assert [one(following, TransferAccepted).recipients for following in outcomes] == [3, 6, 9]
    assert list(await world.sent()) == [address for part in PARTS for address in part.recipients]


async def test_repeated_parts_count_once(world: World) -> None:
    """Only different parts make the request whole."""
    outcomes = await world.tell(by(ALICE, PARTS[0]), by(ALICE, PARTS[1]), by(ALICE, PARTS[1]))
    assert not of(outcomes, SenderCheckDue)
    assert of(await world.tell(by(ALICE, PARTS[2])), SenderCheckDue)
    assert of(await world.tell(by(ALICE, PARTS[0])), SenderCheckDue)
    assert len(await world.sent()) == 9


async def test_a_recipient_in_two_parts_is_asked_once(world: World) -> None:
    """Duplicates are dropped across parts as well."""
    await world.tell(
        by(ALICE, request([BOB], part=0, parts=2)), by(ALICE, request([CAROL, BOB], part=1, parts=2))
    )
    assert list(await world.sent()) == [BOB, CAROL]


async def test_a_part_with_other_recipients_is_refused(world: World) -> None:
    """The parts that came before stand."""
    await world.tell(by(ALICE, PARTS[0]))
    other = request([BOB], part=0, parts=3)
    assert (await refusal(world, other)).reason == Code.DUPLICATE_TRANSFER
    assert await world.state() == Transfer.REQUESTED


async def test_a_part_beyond_the_parts_is_refused(world: World) -> None:
    """It would make the request whole without what is missing."""
    await world.tell(by(ALICE, request([BOB], part=0, parts=2)))
    assert (await refusal(world, request([CAROL], part=2, parts=2))).reason == Code.INVALID_MESSAGE


@pytest.mark.parametrize("order", list(permutations(range(2))))
async def test_a_malformed_recipient_in_any_part_ends_the_transfer(
    world: World, order: tuple[int, ...]
) -> None:
    """Whichever part comes first, the whole request is refused and stays so."""
    parts = [request([BOB], part=0, parts=2), request(["bob"], part=1, parts=2)]
    for part in order:
        last = await world.tell(by(ALICE, parts[part]))
    assert one(last, TransferRefused).reason == Code.INVALID_RECIPIENT
    assert await world.state() == Transfer.REFUSED


async def test_a_policy_is_held_against_all_parts(world: World) -> None:
    """A mandatory receiver may be in another part than the first."""
    policy = f"mandatory:{CAROL}"
    await world.tell(by(ALICE, request([BOB], part=0, parts=2, list_policy=policy)))
    outcomes = await world.tell(by(ALICE, request([CAROL], part=1, parts=2, list_policy=policy)))
    assert of(outcomes, SenderCheckDue)
