"""What the codec promises for every message and for every other sequence of bytes."""

import contextlib

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dev.schemas import samples
from rollcast import codec
from rollcast.errors import InvalidMessage, Transient
from rollcast.messages import MESSAGES, Message
from tests.contract.strategies import messages
from tests.contract.validation import schema_of

KINDS = list(MESSAGES.values())


def _decodes_or_is_refused(body: bytes) -> None:
    with contextlib.suppress(InvalidMessage, Transient):
        message = codec.decode(body)
        assert codec.decode(codec.encode(message)) == message


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_message_comes_back_from_its_bytes(kind: type[Message]) -> None:
    """Encoding and decoding lose nothing, and the schema allows what the code can say."""

    @hypothesis_settings(max_examples=20, deadline=None)
    @given(messages(kind))
    def holds(message: Message) -> None:
        body = codec.encode(message)
        assert codec.decode(body) == message
        schema_of(kind.__name__).validate(msgpack.unpackb(body))

    holds()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_unknown_fields_are_ignored(kind: type[Message]) -> None:
    """A newer sender may say more than this program understands."""
    fields = samples.minimal(kind)
    more = {"later": [1, {"deeper": None}], "Type": "?"}
    assert codec.decode(msgpack.packb({**fields, **more})) == codec.decode(msgpack.packb(fields))
    schema_of(kind.__name__).validate({**fields, **more})


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(body: bytes) -> None:
    """Whatever arrives, callers see `InvalidMessage` or `Transient` and nothing else."""
    _decodes_or_is_refused(body)


@hypothesis_settings(deadline=None)
@given(st.sampled_from(KINDS).flatmap(messages), st.data())
def test_damaged_messages_are_refused_or_read(message: Message, data: st.DataObject) -> None:
    """Bytes that were changed, lost or added raise only what callers expect."""
    body = bytearray(codec.encode(message))
    at = data.draw(st.integers(0, len(body)))
    lost = data.draw(st.integers(0, 4))
    body[at : at + lost] = data.draw(st.binary(max_size=4))
    _decodes_or_is_refused(bytes(body))


@hypothesis_settings(deadline=None)
@given(
    st.sampled_from(sorted(MESSAGES)),
    st.data(),
    st.recursive(
        st.one_of(
            st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(), st.binary()
        ),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(0, 9), inner),
        max_leaves=5,
    ),
)
def test_a_field_of_any_other_kind_is_refused_or_read(tag: str, data: st.DataObject, value: object) -> None:
    """A known type with whatever in one of its fields."""
    names = [field.encode_name for field in msgspec.structs.fields(MESSAGES[tag])]
    name = data.draw(st.sampled_from([*names, "else"]))
    _decodes_or_is_refused(msgpack.packb({"type": tag, name: value}))


@pytest.mark.parametrize(
    "body",
    [
        b"\x81\xa4type" + b"\x91" * 100_000 + b"\xc0",
        b"\x82\xa4type\xaaRegister/1\xa4more" + b"\x91" * 900 + b"\xc0",
        b"\x81\xc7\x05\xff" + b"\xff" * 5,
        b"\xdf\xff\xff\xff\xff",
        b"\x82\xa4type\xaaRegister/1\xa4more\xd6\xff\xff\xff\xff\xff",
        b"\x00" * (codec.MAX_MESSAGE_SIZE + 1),
    ],
    ids=["deep", "deep unknown field", "bad timestamp", "huge map", "timestamp", "too long"],
)
def test_hostile_bytes_are_refused_or_read(body: bytes) -> None:
    """Depth, sizes and extension types that a careless decoder trips over."""
    _decodes_or_is_refused(body)


@pytest.mark.parametrize("tag", ["Register/2", "TransferRequested/17"])
def test_a_newer_version_may_be_understood_later(tag: str) -> None:
    """By workers that are upgraded: so it is tried again, not thrown away."""
    with pytest.raises(Transient):
        codec.decode(msgpack.packb({"type": tag}))
    assert not schema_of(tag.partition("/")[0]).is_valid({"type": tag})


@pytest.mark.parametrize(
    "tag", ["Nothing/1", "Register/01", "Register/0", "Register/", "Register/1 ", "/1", 7, None]
)
def test_an_unknown_type_is_refused(tag: object) -> None:
    """Trying again would not help."""
    with pytest.raises(InvalidMessage):
        codec.decode(msgpack.packb({"type": tag}))
