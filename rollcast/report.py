"""The statement of who has the file, as JSON document."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from rollcast import policy
from rollcast.messages.values import FileSelector, ReceiverStatus, TransferStatus
from rollcast.reasons import REASONS, Code
from rollcast.states import CONSENT, FINAL_TRANSFER, ON_THE_LIST, WITHOUT_IT, Receiver, Transfer

LISTED = "listed"
HAVE_OR_GET_IT = ON_THE_LIST | {Receiver.DELIVERED}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Report:
    """A transfer and all of its receivers, as the sender's server knows them."""

    transfer: TransferStatus
    receivers: Sequence[ReceiverStatus]

    @property
    def complete(self) -> bool:
        """Whether every requested receiver has the file, or in a dry run is listed."""
        wanted = LISTED if self._dry_run else Receiver.DELIVERED
        return all(self.disposition(receiver) == wanted for receiver in self.receivers)

    @property
    def settled(self) -> bool:
        """Whether nobody receives any more, or yet; those who put their decision off may still change that."""
        transfer = self.transfer
        casting = transfer.state is Transfer.CASTING
        receiving = casting and any(receiver.state in ON_THE_LIST for receiver in self.receivers)
        return transfer.state in FINAL_TRANSFER or (transfer.report_version > 0 and not receiving)

    @property
    def cut_off(self) -> tuple[str, ...]:
        """The addresses of those whose end a retry may change; not of those whose decision was still open."""
        if not self.transfer.list_version:
            return ()
        without = (receiver for receiver in self.receivers if receiver.state in WITHOUT_IT)
        cut_off = tuple(receiver.address for receiver in without if receiver.step != CONSENT)
        # A list that was not good enough was never cast.
        listed = {*cut_off, *(one.address for one in self.receivers if one.state in HAVE_OR_GET_IT)}
        wanted = policy.parse(self.transfer.list_policy, {receiver.address for receiver in self.receivers})
        return cut_off if wanted.met(listed) else ()

    def disposition(self, receiver: ReceiverStatus) -> str:
        """The word for where a receiver stands."""
        listed = self._dry_run and receiver.state is Receiver.ACCEPTED
        return LISTED if listed else str(receiver.state)

    def to_json(self) -> dict[str, Any]:
        """The document that `send --json` and `status --json` print; instants in UTC, durations in seconds."""
        transfer = self.transfer
        receiving = [
            one for one in self.receivers if one.state in ON_THE_LIST or one.state is Receiver.DELIVERED
        ]
        rates = [one.rate for one in receiving if one.rate is not None]
        return transfer_json(transfer) | {
            "counts": dict(Counter(self.disposition(receiver) for receiver in self.receivers)),
            "stored": sum(one.bytes for one in receiving),
            "rate": sum(rates) if rates else None,
            "receivers": [
                receiver_json(receiver, transfer.file.size, self.disposition(receiver))
                for receiver in self.receivers
            ],
            "timings": {
                "roll_call_s": _seconds(transfer.roll_call_us),
                "delivery_s": _seconds(transfer.delivery_us),
            },
        }

    @property
    def _dry_run(self) -> bool:
        return self.transfer.state is Transfer.LISTED


def receiver_json(receiver: ReceiverStatus, size: int, disposition: str) -> dict[str, Any]:
    """The part of a document that is about a receiver of a file of so many bytes."""
    return {
        "address": receiver.address,
        "disposition": disposition,
        "step": receiver.step,
        "reason": receiver.reason,
        "detail": receiver.detail or sentence(receiver.reason),
        "may_ask_again": receiver.reason is not None and REASONS[receiver.reason].may_ask_again,
        "bytes": receiver.bytes,
        "rate": receiver.rate,
        "seconds_left": seconds_left(receiver, size),
        "moved_at": None if receiver.moved_at is None else instant(receiver.moved_at),
        "stored_as": receiver.stored_as,
        "delivered_at": None if receiver.delivered_at is None else instant(receiver.delivered_at),
    }


def listing_json(transfer: TransferStatus) -> dict[str, Any]:
    """The document of a transfer in a listing, with how many receivers are in each state."""
    return transfer_json(transfer) | {
        "counts": disposed(transfer),
        "stored": transfer.stored,
        "rate": transfer.rate,
    }


def disposed(transfer: TransferStatus) -> dict[str, int]:
    """How many receivers have each disposition."""
    listed = transfer.state is Transfer.LISTED
    return {
        LISTED if listed and count.state is Receiver.ACCEPTED else str(count.state): count.number
        for count in transfer.counts
    }


def seconds_left(receiver: ReceiverStatus, size: int) -> float | None:
    """How long a receiver needs for the rest of a file, if it goes on like this; None where that is not known."""
    if not receiver.rate or receiver.state not in ON_THE_LIST:
        return None
    return round(max(0, size - receiver.bytes) / receiver.rate, 1)


def transfer_json(transfer: TransferStatus) -> dict[str, Any]:
    """The part of the document that is about the transfer itself."""
    return {
        "transfer_id": transfer.transfer_id,
        "state": str(transfer.state),
        "report_version": transfer.report_version,
        "list_version": transfer.list_version,
        "list_policy": transfer.list_policy,
        "retry_of": transfer.retry_of,
        "sender": transfer.sender,
        "created_at": instant(transfer.created_at),
        "expires_at": instant(transfer.expires_at),
        "reason": transfer.reason,
        "detail": transfer.detail or sentence(transfer.reason),
        "file": file_json(transfer.file),
        "uploaded": transfer.uploaded,
    }


def instant(microseconds: int) -> str:
    """An instant (microseconds since 1970, UTC) such as `2026-01-01T00:00:00.000000Z`."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def sentence(reason: Code | None) -> str | None:
    """What a person reads where the server gave no detail."""
    return None if reason is None else REASONS[reason].sentence


def file_json(file: FileSelector) -> dict[str, Any]:
    """The part of a document that is about the file."""
    hashes = {name: digest for name, digest in msgspec.structs.asdict(file.hash).items() if digest}
    return {"name": file.name, "size": file.size, "type": file.type, "hash": hashes}


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000_000
