"""The JSON document of a transfer."""

import msgspec
import pytest

from rollcast.messages.values import FileSelector, Hashes, ReceiverCount, ReceiverStatus, TransferStatus
from rollcast.reasons import Code
from rollcast.report import Report, instant, listing_json
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL_OF_ACME
from tests.unit.offers import NO_HASH, TRANSFER


def transfer(state: Transfer, file_hash: Hashes = NO_HASH) -> TransferStatus:
    """A transfer of alice's."""
    return TransferStatus(
        transfer_id=TRANSFER,
        state=state,
        report_version=2,
        list_version=1,
        list_policy="subset",
        sender=ALICE,
        created_at=1_767_225_600_000_000,
        expires_at=1_767_225_600_000_001,
        file=FileSelector(name="plan.pdf", size=3, type="application/pdf", hash=file_hash),
        roll_call_us=1_500_000,
        uploaded=2,
    )


def test_the_document_has_exactly_these_fields() -> None:
    """Programs rely on each of them."""
    delivered = ReceiverStatus(
        address=BOB,
        state=Receiver.DELIVERED,
        step="s310",
        bytes=3,
        stored_as="plan (2).pdf",
        delivered_at=1_767_225_600_000_000,
    )
    rejected = ReceiverStatus(
        address=CAROL_OF_ACME, state=Receiver.REJECTED, step="s260", reason=Code.REJECTED
    )
    assert Report(transfer(Transfer.PARTIAL), [delivered, rejected]).to_json() == {
        "transfer_id": TRANSFER,
        "state": "partial",
        "report_version": 2,
        "list_version": 1,
        "list_policy": "subset",
        "retry_of": None,
        "sender": ALICE,
        "created_at": "2026-01-01T00:00:00.000000Z",
        "expires_at": "2026-01-01T00:00:00.000001Z",
        "reason": None,
        "detail": None,
        "file": {"name": "plan.pdf", "size": 3, "type": "application/pdf", "hash": {"blake3": "0" * 64}},
        "uploaded": 2,
        "counts": {"delivered": 1, "rejected": 1},
        "stored": 3,
        "rate": None,
        "receivers": [
            {
                "address": BOB,
                "disposition": "delivered",
                "step": "s310",
                "reason": None,
                "detail": None,
                "may_ask_again": False,
                "bytes": 3,
                "rate": None,
                "seconds_left": None,
                "moved_at": None,
                "stored_as": "plan (2).pdf",
                "delivered_at": "2026-01-01T00:00:00.000000Z",
            },
            {
                "address": CAROL_OF_ACME,
                "disposition": "rejected",
                "step": "s260",
                "reason": "rejected",
                "detail": "the receiver declined",
                "may_ask_again": True,
                "bytes": 0,
                "rate": None,
                "seconds_left": None,
                "moved_at": None,
                "stored_as": None,
                "delivered_at": None,
            },
        ],
        "timings": {"roll_call_s": 1.5, "delivery_s": None},
    }


def test_who_receives_is_told_with_its_rate() -> None:
    """And with the time that it still takes; who stands still takes no time that is known."""
    status = msgspec.structs.replace(
        transfer(Transfer.CASTING), file=FileSelector(name="a", size=100, hash=NO_HASH)
    )
    receiving = [
        ReceiverStatus(address=f"{n}@{ACME}", state=Receiver.RECEIVING, bytes=n, rate=rate, moved_at=n)
        for n, rate in ((10, 6), (20, 0), (30, None))
    ]
    document = Report(status, receiving).to_json()
    told = [(one["rate"], one["seconds_left"], one["moved_at"][-8:]) for one in document["receivers"]]
    assert told == [(6, 15.0, ".000010Z"), (0, None, ".000020Z"), (None, None, ".000030Z")]
    assert (document["counts"], document["stored"], document["rate"]) == ({"receiving": 3}, 60, 6)


def test_a_listing_has_the_same_numbers() -> None:
    """In a dry run who accepted is listed."""
    counts = [
        ReceiverCount(state=Receiver.ACCEPTED, number=2),
        ReceiverCount(state=Receiver.REJECTED, number=1),
    ]
    status = msgspec.structs.replace(transfer(Transfer.LISTED), counts=counts, stored=7, rate=3)
    document = listing_json(status)
    assert document["counts"] == {"listed": 2, "rejected": 1}
    assert (document["stored"], document["rate"]) == (7, 3)
    assert set(document) == set(Report(status, []).to_json()) - {"receivers", "timings"}


def test_both_digests_are_shown_where_there_are_two() -> None:
    """SHA-256 is there only if the sender asked for it."""
    both = Hashes(blake3="a" * 64, sha256="b" * 64)
    document = Report(transfer(Transfer.COMPLETED, both), []).to_json()
    assert document["file"]["hash"] == {"blake3": "a" * 64, "sha256": "b" * 64}


def test_complete_means_everybody() -> None:
    """Who is on the list counts in a dry run, who has the file otherwise."""
    accepted = ReceiverStatus(address=BOB, state=Receiver.ACCEPTED)
    delivered = ReceiverStatus(address=CAROL_OF_ACME, state=Receiver.DELIVERED)
    assert Report(transfer(Transfer.LISTED), [accepted]).complete
    assert Report(transfer(Transfer.LISTED), [accepted]).disposition(accepted) == "listed"
    assert Report(transfer(Transfer.COMPLETED), [delivered]).complete
    assert not Report(transfer(Transfer.CASTING), [delivered, accepted]).complete


@pytest.mark.parametrize(
    ("state", "receiver", "version", "settled"),
    [
        (Transfer.CASTING, Receiver.RECEIVING, 1, False),
        (Transfer.CASTING, Receiver.DEFERRED, 0, False),
        (Transfer.CASTING, Receiver.DEFERRED, 1, True),
        (Transfer.EXPIRED, Receiver.EXPIRED, 1, True),
    ],
)
def test_settled_means_that_nobody_receives(
    state: Transfer, receiver: Receiver, version: int, *, settled: bool
) -> None:
    """A report says so, not the states alone: before the cast nobody receives either."""
    status = msgspec.structs.replace(transfer(state), report_version=version)
    report = Report(status, [ReceiverStatus(address=BOB, state=receiver)])
    assert report.settled is settled


def test_an_instant_keeps_its_microseconds() -> None:
    """Also those that are zero."""
    assert instant(1_767_225_600_000_000) == "2026-01-01T00:00:00.000000Z"
    assert instant(1) == "1970-01-01T00:00:00.000001Z"
