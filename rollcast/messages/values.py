"""The values that messages carry, and the bounds of each."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from rollcast.addresses import ADDRESS_PATTERN, DOMAIN_PATTERN, END, TRANSFER_ID_PATTERN
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer

MAX_RECEIVERS = 500
"""The most receivers that one message names."""
MIN_CHUNK_SIZE = 64 * 1024
MAX_CHUNK_SIZE = 4 * 1024 * 1024
MAX_FILE_SIZE = 2**46
MAX_TEXT = 1024
"""Characters of a detail, a name, a media type."""
MAX_DURATION = 10**9
"""Milliseconds; some eleven days."""

Address = Annotated[str, Meta(pattern=ADDRESS_PATTERN, max_length=127, description="name@domain")]
Domain = Annotated[str, Meta(pattern=DOMAIN_PATTERN, max_length=63)]
TransferId = Annotated[str, Meta(pattern=TRANSFER_ID_PATTERN, description="made at random by the sender")]
Session = Annotated[str, Meta(pattern=TRANSFER_ID_PATTERN, description="made at random by each process")]
Digest = Annotated[str, Meta(pattern=f"^[0-9a-f]{{64}}{END}", description="256 bits, lower-case hex")]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Index = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Version = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Bytes = Annotated[int, Meta(ge=0, le=MAX_FILE_SIZE)]
ChunkSize = Annotated[int, Meta(ge=MIN_CHUNK_SIZE, le=MAX_CHUNK_SIZE, description="bytes")]
Instant = Annotated[int, Meta(ge=0, le=2**53 - 1, description="microseconds since 1970-01-01 UTC")]
Duration = Annotated[int, Meta(ge=0, le=MAX_DURATION, description="milliseconds")]
Rate = Annotated[int, Meta(ge=0, le=2**53 - 1, description="bytes a second")]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Range = Annotated[
    tuple[Index, Index],
    Meta(description="chunk indexes from the first up to, not including, the second"),
]
Ranges = Annotated[list[Range], Meta(max_length=1024)]
Addresses = Annotated[list[Address], Meta(max_length=MAX_RECEIVERS)]
PARKED_ID_PATTERN = f"^[0-9a-f]{{16}}{END}"
PasswordHash = Annotated[
    str,
    Meta(
        pattern=f"^[A-Za-z0-9+/]{{48}}{END}",
        description="base64 of a salt of 4 bytes and the SHA-256 of salt and password, as RabbitMQ stores it",
    ),
]
ParkedId = Annotated[str, Meta(pattern=PARKED_ID_PATTERN, description="made from the message")]
Step = Annotated[str, Meta(pattern=f"^s[0-9]{{3}}{END}", description="a step of the protocol")]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message."""


class Hashes(Value, frozen=True, kw_only=True):
    """Digests of a whole file, in lower-case hex; names after RFC 5547's hash selector."""

    blake3: Digest
    sha256: Digest | None = None


class FileSelector(Value, frozen=True, kw_only=True):
    """What is offered (RFC 5547, 6): `name` is never a path, `size` counts bytes, `type` is a media type."""

    name: Text
    size: Bytes
    type: Text = "application/octet-stream"
    hash: Hashes


class Capabilities(Value, frozen=True, kw_only=True):
    """What a receiving terminal can take. Sizes in bytes; `types` are media types, or ranges such as `image/*`."""

    max_file_size: Bytes = MAX_FILE_SIZE
    types: Annotated[list[Text], Meta(max_length=64)] = []
    free_space: Count | None = None
    hashes: Annotated[list[Text], Meta(max_length=16)] = msgspec.field(
        default_factory=lambda: ["blake3", "sha256"]
    )


class Limits(Value, frozen=True, kw_only=True):
    """What an account may do. An empty `accept_types` means any type."""

    max_file_size: Bytes = MAX_FILE_SIZE
    accept_types: Annotated[list[Text], Meta(max_length=64)] = []
    may_send: bool = True
    max_recipients: Count = 10_000
    max_transfers: Count = 100


class Offer(Value, frozen=True, kw_only=True):
    """What a receiver is asked to take, from whom and until when. With `retry_of` it goes on with a transfer that
    the receiver had accepted, and is not asked again."""

    transfer_id: TransferId
    sender: Address
    file: FileSelector
    chunk_size: ChunkSize
    created_at: Instant
    consent_deadline: Instant
    expires_at: Instant
    retry_of: TransferId | None = None


class ReceiverStatus(Value, frozen=True, kw_only=True):
    """Where one receiver stands. `revision` grows with each change in the ledger of the receiver's server;
    `blake3` is what a receiver that has the file computed of it. In answers to `Query` also how far it is while it
    receives: `bytes` so far, at which `rate` lately (0 if it stands still), and when it last moved."""

    address: Annotated[str, Meta(max_length=255)]
    state: Receiver
    revision: Version = 0
    step: Step | None = None
    reason: Code | None = None
    detail: Text | None = None
    bytes: Bytes = 0
    stored_as: Text | None = None
    delivered_at: Instant | None = None
    blake3: Digest | None = None
    rate: Rate | None = None
    moved_at: Instant | None = None


class ReceiverCount(Value, frozen=True, kw_only=True):
    """How many receivers of a transfer are in a state."""

    state: Receiver
    number: Count


class ReceiverProgress(Value, frozen=True, kw_only=True):
    """How many bytes of the file a receiver has stored."""

    address: Address
    bytes: Bytes


class TransferStatus(Value, frozen=True, kw_only=True):
    """A transfer without its receivers. `uploaded`: bytes of the file that the server has. In answers to `Query` also
    how many receivers are in each state, how many bytes all of them have stored of what they get, and at which rate
    together."""

    transfer_id: TransferId
    state: Transfer
    report_version: Version
    list_version: Version
    list_policy: Text
    sender: Address
    created_at: Instant
    expires_at: Instant
    file: FileSelector
    reason: Code | None = None
    detail: Text | None = None
    roll_call_us: Count | None = None
    delivery_us: Count | None = None
    retry_of: TransferId | None = None
    consent_deadline: Instant | None = None
    uploaded: Bytes = 0
    counts: Annotated[list[ReceiverCount], Meta(max_length=100)] = []
    stored: Count = 0
    rate: Rate | None = None


class ParkedMessage(Value, frozen=True, kw_only=True):
    """A message that could not be handled. `id` is made from its content, `message` is its type, `origin` the
    verified user who sent it, `text` (`show` only) the message as JSON or its bytes in hex, cut off where it
    is long. Instants in µs, `size` in bytes."""

    id: ParkedId
    step: Text | None = None
    reason: Text
    detail: Text | None = None
    parked_at: Instant | None = None
    attempts: Count = 0
    message: Text | None = None
    transfer_id: TransferId | None = None
    origin: Text | None = None
    size: Count = 0
    text: Annotated[str, Meta(max_length=65_536)] | None = None


class Account(Value, frozen=True, kw_only=True):
    """An account as an operator sees it."""

    address: Address
    suspended: bool
    limits: Limits
    registered_at: Instant | None = None


Upload = Literal["live", "eager"]
Order = Literal["request", "slowest"]
ParkedAction = Literal["list", "show", "replay", "drop"]
AccountAction = Literal["add", "remove", "suspend", "resume", "list", "password"]
