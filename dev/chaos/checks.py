"""What must hold at the end of each transfer: a reason for everybody without the file, one file for all others."""

from collections.abc import Iterator, Sequence

from dev.chaos.outcome import Document
from dev.chaos.scene import Scene
from dev.demo.checks import check_received
from rollcast.states import FINAL_TRANSFER, Receiver, Transfer


def faults(scene: Scene, documents: Sequence[Document]) -> list[str]:
    """All that is not as it must be, a sentence each."""
    return [
        *(fault for document in documents for fault in _unexplained(document)),
        *_files(scene, documents),
    ]


def _unexplained(document: Document) -> Iterator[str]:
    about = f"{document['transfer_id']} ({document['file']['name']}, {document['state']})"
    if document["state"] not in FINAL_TRANSFER:
        yield f"{about} is not final"
    if document["state"] == Transfer.REFUSED:
        return
    for row in document["receivers"]:
        if row["disposition"] != Receiver.DELIVERED and row["reason"] is None:
            yield f"{about}: {row['address']} is {row['disposition']}, without a reason"


def _files(scene: Scene, documents: Sequence[Document]) -> Iterator[str]:
    """Compare what receivers have with what the reports say they have."""
    told: dict[tuple[str, str], str] = {}
    for document in documents:
        for row in document["receivers"]:
            if row["disposition"] == Receiver.DELIVERED:
                where = row["address"], row["stored_as"]
                if where in told:
                    yield f"two transfers say that {where[0]} has {where[1]} of them"
                told[where] = document["file"]["hash"]["blake3"]
    yield from _differences(scene, told)


def _differences(scene: Scene, told: dict[tuple[str, str], str]) -> Iterator[str]:
    for (address, name), digest in told.items():
        yield from check_received(scene.inbox(address) / name, digest)
    for receiver in scene.receivers:
        for file in scene.inbox(receiver.name).iterdir():
            if file.is_file() and (receiver.name, file.name) not in told:
                yield f"{receiver.name} has {file.name}, and no report says so"
