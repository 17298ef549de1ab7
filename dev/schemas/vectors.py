"""The bytes of the vectors, and those vectors that must be refused."""

import msgpack

from dev.schemas.examples import EXAMPLES
from dev.schemas.samples import Fields, minimal
from rollcast import chunks
from rollcast.messages import MESSAGES
from rollcast.messages.base import VERSION

CHUNK_BODY = b"A file of one chunk may be shorter than the chunk size.\n"
CHUNK = chunks.Label(str(EXAMPLES["transfer_id"]), 0, chunks.digest_of(CHUNK_BODY))
UNREADABLE = {
    "empty": b"",
    "truncated": b"\x81\xa4type\xaaRegiste",
    "not-a-map": b"\x91\xaaRegister/1",
    "text-is-not-utf8": b"\x81\xa4type\xaaRegister\xff1",
    "two-messages": b"\x81\xa4type\xaaRegister/1\x81\xa4type\xaaRegister/1",
}
"""Bodies that are no msgpack map; only a decoder refuses them, a schema never sees them."""

ABSENT = object()
_CHANGED: dict[str, dict[str, object]] = {
    "AccountRequested.action-is-unknown": {"action": "promote"},
    "ChunksMissing.range-has-three-ends": {"ranges": [[0, 1, 2]]},
    "ChunksMissing.range-is-negative": {"ranges": [[-1, 2]]},
    "ChunksMissing.too-many-ranges": {"ranges": [[i, i + 1] for i in range(1025)]},
    "ConsentAnswered.accept-is-absent": {"accept": ABSENT},
    "ConsentAnswered.accept-is-a-number": {"accept": 1},
    "ConsentAnswered.accept-is-text": {"accept": "yes"},
    "ConsentAnswered.detail-is-too-long": {"detail": "x" * 1025},
    "ConsentAnswered.transfer-id-ends-in-newline": {"transfer_id": "00112233445566778899aabbccddeeff\n"},
    "ConsentAnswered.transfer-id-is-short": {"transfer_id": "0011"},
    "ConsentAnswered.transfer-id-is-upper-case": {"transfer_id": "00112233445566778899AABBCCDDEEFF"},
    "ProgressReported.bytes-are-a-fraction": {"bytes": 1.5},
    "ProgressReported.bytes-are-negative": {"bytes": -1},
    "ProgressReported.bytes-are-null": {"bytes": None},
    "ProgressReported.bytes-are-true": {"bytes": True},
    "ProgressReported.bytes-exceed-the-biggest-file": {"bytes": 2**46 + 1},
    "ProgressReported.type-is-a-number": {"type": 1},
    "ProgressReported.type-is-another": {"type": "ProgressSummarized/1"},
    "ProgressReported.type-is-lower-case": {"type": "progressreported/1"},
    "ProgressReported.type-without-version": {"type": "ProgressReported"},
    "ReceiptReported.bytes-are-absent": {"bytes": ABSENT},
    "ReceiptReported.hash-is-empty": {"hash": {}},
    "ReceiptReported.hash-is-short": {"hash": {"blake3": "af13"}},
    "ReceiptReported.outcome-is-unknown": {"outcome": "maybe"},
    "ReceiversInvited.receiver-has-a-dot": {"receivers": ["bob@acme.example"]},
    "ReceiversInvited.receiver-has-no-domain": {"receivers": ["bob"]},
    "ReceiversInvited.receiver-is-upper-case": {"receivers": ["Bob@acme"]},
    "ReceiversInvited.too-many-receivers": {"receivers": ["bob@acme"] * 501},
    "Register.capabilities-are-a-list": {"capabilities": []},
    "Register.free-space-is-text": {"capabilities": {"free_space": "plenty"}},
    "RoundDue.transfer-id-is-null": {"transfer_id": None},
    "TransferRequested.chunk-size-is-too-big": {"chunk_size": 4 * 1024 * 1024 + 1},
    "TransferRequested.chunk-size-is-too-small": {"chunk_size": 65_535},
    "TransferRequested.file-is-text": {"file": "report.pdf"},
    "TransferRequested.file-without-hash": {"file": {"name": "report.pdf", "size": 1}},
    "TransferRequested.parts-are-none": {"parts": 0},
    "TransferRequested.type-is-absent": {"type": ABSENT},
    "TransferRequested.upload-is-unknown": {"upload": "later"},
}


def invalid() -> dict[str, Fields]:
    """Messages that both the code and the schemas refuse, by their name."""
    made = {}
    for name, changes in _CHANGED.items():
        message, _, fault = name.partition(".")
        whole = {**minimal(MESSAGES[f"{message}/{VERSION}"]), **changes}
        made[f"{message}.v{VERSION}.{fault}"] = {
            key: value for key, value in whole.items() if value is not ABSENT
        }
    return made


def pack(fields: Fields) -> bytes:
    """The msgpack form, with text as `str` and integers in as few bytes as they need."""
    return bytes(msgpack.packb(fields))
