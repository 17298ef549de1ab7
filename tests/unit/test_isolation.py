"""How often a message was delivered, by what the broker writes; and what clients write under the same names."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fakes import FakeDelivery
from workers.isolation import ALONE_FROM, SET_ASIDE_AT, earlier_deliveries, pause_before_return

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
    return earlier_deliveries(FakeDelivery(b"", headers=headers, redelivered=redelivered).as_delivery())


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
