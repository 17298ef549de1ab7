"""What a run prints."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from dev.chaos.memory import Figures
from dev.chaos.outcome import Document
from dev.chaos.record import Record
from rollcast.cli import output


def begin(version: str, seconds: float, seed: int, left_out: Mapping[str, str]) -> None:
    """What is going to happen, and what is not."""
    output.emit(
        f"chaos: seed {seed}, {seconds:g} s of faults, RabbitMQ {version}",
        *(f"without {kind}: {why}" for kind, why in sorted(left_out.items())),
    )


def tell(record: Record, documents: Sequence[Document]) -> None:
    """What happened: faults, transfers and receivers in numbers."""
    rows = [row for document in documents for row in document["receivers"]]
    _counts("faults", record.done)
    if record.missed:
        _counts("not possible", record.missed)
    _counts("transfers", Counter(_end(document["state"], document["reason"]) for document in documents))
    _counts("receivers", Counter(_end(row["disposition"], row["reason"]) for row in rows))


def tell_memory(before: Figures, after: Figures) -> None:
    """What each process needs, at first and at last."""
    output.emit("memory in MiB, after the first transfers and after the last:")
    output.emit(*(f"  {before[name]:4.0f} {after[name]:4.0f} {name}" for name in sorted(after)))


def conclude(found: Sequence[str], seconds: float, seed: int, folder: Path) -> None:
    """The verdict; after a failure also how to see it again."""
    if not found:
        output.emit(f"chaos: all held, seed {seed}")
        return
    output.emit(*(f"chaos: FAILED: {fault}" for fault in found))
    output.emit(
        f"The faults are in {folder / 'faults.log'}, with the log of each process beside it. Again:",
        f"    CHAOS_SEED={seed} CHAOS_SECONDS={seconds:g} make chaos",
    )


def _end(state: str, reason: str | None) -> str:
    return state if reason in {None, state} else f"{state} ({reason})"


def _counts(title: str, counts: Mapping[str, int]) -> None:
    output.emit(f"{title}: {sum(counts.values())}")
    output.emit(*(f"  {count:4} {what}" for what, count in sorted(counts.items())))
