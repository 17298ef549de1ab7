"""Where deliveries come from: valid messages, mutilated ones and noise, in right and wrong envelopes."""

from dataclasses import replace
from typing import Any, NamedTuple, get_args

import msgpack
import msgspec
from hypothesis import strategies as st

from rollcast.addresses import ADDRESS_PATTERN, DOMAIN_PATTERN, TRANSFER_ID_PATTERN, domain_of
from rollcast.codec import encode
from rollcast.messages import MESSAGES, Message
from rollcast.messages.values import Digest
from rollcast.topology import OPERATORS_MAY_SAY, STEP, STEP_OF, STEPS, UP, VERBS, accepts
from tests.contract.strategies import Known, messages
from tests.fuzz.letters import PLACE, Letter
from tests.fuzz.populated import CHUNK, FILE_SIZE, TRANSFERS
from tests.people import (
    ACME,
    ALICE,
    BOB,
    CAROL,
    DAVE,
    GLOBEX,
    INITECH,
    MALLORY,
    OPERATOR,
    SERVER_USER,
    STRANGER,
)
from tests.unit.steps.build import RIGHT
from tests.unit.steps.world import SETTINGS

DIGEST_PATTERN = get_args(Digest)[1].pattern
ADDRESSES = (ALICE, BOB, CAROL, DAVE, MALLORY, STRANGER, f"peter@{INITECH}", f"nobody@{GLOBEX}")
DOMAINS = (ACME, GLOBEX, INITECH, "nowhere")
KNOWN = Known(
    {
        TRANSFER_ID_PATTERN: (*TRANSFERS, "f" * 32),
        ADDRESS_PATTERN: ADDRESSES,
        DOMAIN_PATTERN: DOMAINS,
        DIGEST_PATTERN: (RIGHT.blake3,),
        None: (*ADDRESSES, "report.pdf", "subset", "all_or_nothing", "at_least:1", "blake3", "*/*"),
    },
    (0, 1, 2, 3, CHUNK, FILE_SIZE, 60_000, 3_600_000),
)
MESSAGE_OF = {kind: messages(kind, KNOWN) for kind in MESSAGES.values()}
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=8,
)


PLACES = st.sampled_from([PLACE, PLACE, None, "amq.rabbitmq.reply-to.AAAA.x"]) | st.text(max_size=40)


class Address(NamedTuple):
    """What the broker says of a delivery."""

    user_id: str | None
    exchange: str | None
    routing_key: str | None
    headers: dict[str, Any]


@st.composite
def fair(draw: st.DrawFn, step: str) -> Letter:
    """A valid message of the step, from somebody who may say it."""
    kind = draw(st.sampled_from(accepts(step)))
    return _letter(encode(draw(MESSAGE_OF[kind])), draw(_right(step, kind)))


@st.composite
def foul(draw: st.DrawFn, step: str) -> Letter:
    """Any bytes in any envelope, to be answered anywhere."""
    kind = draw(st.sampled_from(accepts(step)) | st.sampled_from(list(MESSAGES.values())))
    body = draw(bodies(kind))
    address = draw(_right(step, kind) if kind in accepts(step) else _wrong())
    letter = _letter(body, draw(st.just(address) | _wrong()))
    return replace(letter, reply_to=draw(PLACES), redelivered=draw(st.booleans()))


@st.composite
def newer(draw: st.DrawFn, step: str) -> Letter:
    """A message of a version that does not exist yet."""
    kind = draw(st.sampled_from(accepts(step)))
    name, _, _ = str(kind.__struct_config__.tag).partition("/")
    fields = {**_fields(draw(MESSAGE_OF[kind])), "type": f"{name}/{draw(st.integers(2, 99))}"}
    return _letter(msgpack.packb(fields), draw(_right(step, kind)))


def bodies(kind: type[Message]) -> st.SearchStrategy[bytes]:
    """A message, a mutilated one, or noise."""
    valid = MESSAGE_OF[kind]
    return st.one_of(
        valid.map(encode), _retyped(valid), _mutilated(valid.map(encode)), st.binary(max_size=64)
    )


@st.composite
def _retyped(draw: st.DrawFn, valid: st.SearchStrategy[Message]) -> bytes:
    fields = _fields(draw(valid))
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True)):
        del fields[name]
    changed = draw(st.dictionaries(st.sampled_from([*sorted(fields), "unheard_of"]), ANYTHING, max_size=3))
    return bytes(msgpack.packb({**fields, **changed}))


@st.composite
def _mutilated(draw: st.DrawFn, valid: st.SearchStrategy[bytes]) -> bytes:
    body = bytearray(draw(valid))
    for at in draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
        body[at] ^= draw(st.integers(1, 255))
    cut = draw(st.just(len(body)) | st.integers(0, len(body)))
    return bytes(body[:cut]) + draw(st.just(b"") | st.binary(max_size=4))


@st.composite
def _right(draw: st.DrawFn, step: str, kind: type[Message]) -> Address:
    words = [verb.word for verb in VERBS if verb.message is kind and verb.pool == step]
    if words and (STEP_OF.get(kind) != step or draw(st.booleans())):
        user = draw(st.sampled_from([a for a in ADDRESSES if domain_of(a) in SETTINGS.domains]))
        return Address(user, UP, f"{domain_of(user)}.{user}.{draw(st.sampled_from(words))}", {})
    domain = draw(st.sampled_from(SETTINGS.domains))
    return Address(OPERATOR if kind in OPERATORS_MAY_SAY else SERVER_USER, STEP, f"{domain}.{step}", {})


@st.composite
def _wrong(draw: st.DrawFn) -> Address:
    user = draw(st.none() | st.sampled_from(["", SERVER_USER, OPERATOR, *ADDRESSES]))
    verb = draw(st.sampled_from([*(verb.word for verb in VERBS), *STEPS, "nonsense", ""]))
    key = ".".join(draw(st.lists(st.sampled_from([*DOMAINS, *ADDRESSES, verb]), max_size=4)))
    exchange = draw(st.sampled_from([None, "", UP, STEP, "rollcast.bulk"]))
    names = ["CC", "rollcast-origin", "rollcast-key", "rollcast-exchange", "rollcast-attempt"]
    values = st.sampled_from([UP, STEP, key, SERVER_USER, *ADDRESSES]) | ANYTHING
    return Address(user, exchange, key, draw(st.dictionaries(st.sampled_from(names), values)))


def _letter(body: bytes, address: Address) -> Letter:
    return Letter(body, *address)


def _fields(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(message)
    return fields
