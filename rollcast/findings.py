"""What is found where somebody looks: that it is well, or that it is not and what to do."""

from rollcast.messages.figures import Finding
from rollcast.messages.values import MAX_TEXT

NAMED = 5
"""How many of many things are named."""


def fine(subject: str, detail: str) -> Finding:
    """It is as it should be."""
    return Finding(subject=subject, ok=True, detail=_short(detail))


def wrong(subject: str, detail: str, remedy: str) -> Finding:
    """It is not, and this is what to do."""
    return Finding(subject=subject, ok=False, detail=_short(detail), remedy=_short(remedy))


def some(names: list[str]) -> str:
    """The first few of these names, and how many more there are."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
