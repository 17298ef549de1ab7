"""What is seen of a message that must not be decoded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.codec import encode, unpack
from rollcast.messages import Message
from rollcast.topology import STEPS, accepts
from tests.contract.strategies import messages
from workers.about import GLANCE, glimpsed, transfer_in

KINDS = sorted({kind for step in STEPS for kind in accepts(step)}, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", KINDS)
def test_type_and_transfer_are_seen_without_decoding(kind: type[Message]) -> None:
    """In each message that may stand in a step's queue."""

    @given(messages(kind))
    def holds(message: Message) -> None:
        body = encode(message)
        fields, seen = unpack(body), glimpsed(body)
        assert seen["type"] == fields["type"]
        assert seen.get("transfer_id") == transfer_in(fields)

    holds()


@given(st.binary(max_size=2 * GLANCE))
def test_whatever_it_is_it_can_be_looked_at(body: bytes) -> None:
    """Nothing is seen but what stands there."""
    seen = glimpsed(body)
    assert seen.keys() <= {"type", "transfer_id"}
    assert all(value.encode() in body for value in seen.values())
