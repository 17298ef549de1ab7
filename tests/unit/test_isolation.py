"""How often a message was delivered, whatever clients write; and who is handled alone before whom."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.deliveries import FakeDelivery
from tests.waiting import until
from workers import isolation
from workers.isolation import ALONE_FROM, SET_ASIDE_AT, Isolation, earlier_deliveries, pause_before_return

ABSURD = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.text()
    | st.binary()
    | st.lists(st.integers())
    | st.dictionaries(st.text(), st.integers())
    | st.integers(max_value=0)
)


def deliveries(headers: dict[str, Any], *, redelivered: bool = True) -> int:
    """What is read of these headers."""
    return earlier_deliveries(FakeDelivery(b"", headers=headers, redelivered=redelivered).delivery())


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ({"x-delivery-count": 7}, 7),
        ({"x-acquired-count": 7}, 7),
        ({"x-acquired-count": 7, "x-delivery-count": 2}, 7),
        ({}, 1),
    ],
    ids=["up to 4.2", "4.3, given back", "4.3, lost", "classic queue"],
)
def test_the_broker_s_count(headers: dict[str, Any], number: int) -> None:
    """That of all deliveries, where there are two."""
    assert deliveries(headers) == number


def test_a_first_delivery_has_none() -> None:
    """Whatever a client wrote: brokers leave it there the first time. 3.10 writes 0."""
    for headers in ({"x-delivery-count": 0}, {"x-delivery-count": 500, "x-acquired-count": 500}):
        assert deliveries(headers, redelivered=False) == 0


@pytest.mark.parametrize(
    ("theirs", "ours"), [("x-acquired-count", "x-delivery-count"), ("x-delivery-count", "x-acquired-count")]
)
@given(number=st.integers(0, SET_ASIDE_AT), other=ABSURD)
def test_a_client_s_header_hides_no_delivery(theirs: str, ours: str, number: int, other: Any) -> None:
    """Up to 4.2 the broker lets `x-acquired-count` of a client pass, on 4.3 `x-delivery-count` for a while."""
    assert deliveries({theirs: other, ours: number}) == max(number, 1)


@given(ABSURD, ABSURD)
def test_absurd_counts_are_not_read(one: Any, other: Any) -> None:
    """It came at least once before."""
    assert deliveries({"x-acquired-count": one, "x-delivery-count": other}) == 1


def test_an_outage_sets_nothing_healthy_aside_for_an_hour_and_a_half() -> None:
    """All pauses before a message is given back, from its first delivery to its last one."""
    pauses = [pause_before_return(number) for number in range(SET_ASIDE_AT)]
    assert sum(pauses) > 90 * 60
    assert pauses == sorted(pauses)
    assert sum(pauses[:ALONE_FROM]) < 5
    assert pause_before_return(2**62) == pauses[-1]


HOUR_S = 3600.0
HURRY = asyncio.Event()
HURRY.set()


async def order(found: list[int], turns: Isolation, counts: Iterable[int]) -> list[asyncio.Task[None]]:
    """Ask for a turn for each of these, while another one has it; who has had its turn is noted in `found`."""

    async def ask(deliveries: int) -> None:
        async with turns.turn(deliveries, HURRY):
            found.append(deliveries)

    async with turns.turn(0, HURRY):
        asked = [asyncio.create_task(ask(deliveries)) for deliveries in counts]
        await asyncio.sleep(0)
        assert not found
    return asked


async def test_what_came_less_often_goes_first() -> None:
    """Whatever the order in which they came."""
    found: list[int] = []
    await asyncio.gather(*await order(found, Isolation(), [99, 3, 50, 4]))
    assert found == [3, 4, 50, 99]


async def test_of_several_the_same_none_is_always_first() -> None:
    """Or what stands behind a message that kills would never be handled."""
    firsts: set[int] = set()
    for _ in range(64):
        turns, found = Isolation(), list[int]()

        async def ask(number: int, turns: Isolation = turns, found: list[int] = found) -> None:
            async with turns.turn(7, HURRY):
                found.append(number)

        async with turns.turn(0, HURRY):
            asked = [asyncio.create_task(ask(number)) for number in (1, 2)]
            await asyncio.sleep(0)
        await asyncio.gather(*asked)
        firsts.add(found[0])
    assert firsts == {1, 2}


async def test_who_gives_up_holds_nobody_up() -> None:
    """Neither in its turn nor before."""
    turns, found = Isolation(), list[int]()
    asked = await order(found, turns, [3, 4, 5])
    asked[0].cancel()
    asked[1].cancel()
    await asyncio.wait(asked)
    assert found[-1] == 5
    async with turns.turn(9, HURRY):
        pass


@pytest.mark.parametrize(("calm_s", "longest_s"), [(0.01, HOUR_S), (HOUR_S, 0.01)])
async def test_a_turn_comes_when_it_is_calm_or_has_not_been_for_long(
    monkeypatch: pytest.MonkeyPatch, calm_s: float, longest_s: float
) -> None:
    """Nothing else has come for a moment, or it comes all the time."""
    monkeypatch.setattr(isolation, "CALM_S", calm_s)
    monkeypatch.setattr(isolation, "LONGEST_WAIT_S", longest_s)
    turns = Isolation()
    turns.note()
    async with asyncio.timeout(30), turns.turn(3, asyncio.Event()):
        pass


async def test_who_is_to_end_does_not_wait_for_a_calm_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And who is not, does."""
    monkeypatch.setattr(isolation, "CALM_S", HOUR_S)
    monkeypatch.setattr(isolation, "LONGEST_WAIT_S", HOUR_S)
    turns, hurry, found = Isolation(), asyncio.Event(), list[int]()
    turns.note()

    async def ask() -> None:
        async with turns.turn(3, hurry):
            found.append(3)

    asked = asyncio.create_task(ask())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not found
    hurry.set()
    await until(lambda: bool(found), "its turn")
    await asked
