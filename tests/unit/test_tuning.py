"""The size of frames is bounded before the client hears of it."""

import pytest
from pamqp import commands
from pamqp.base import Frame

from rollcast.broker import tuning

KiB = 1024


def _payload(method: Frame) -> bytes:
    """What comes of a method frame after its header."""
    return method.index.to_bytes(4, "big") + method.marshal() + b"\xce"


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [(0, 128 * KiB), (4096 * KiB, 128 * KiB), (128 * KiB, 128 * KiB), (8 * KiB, 8 * KiB)],
    ids=["no limit", "4 MiB", "the default", "less"],
)
def test_frames_are_bounded(offered: int, agreed: int) -> None:
    """Never above 128 KiB, nor above what the broker offers; all else stays as it is."""
    found = tuning.bounded(_payload(commands.Connection.Tune(2047, offered, 60)))
    assert found == _payload(commands.Connection.Tune(2047, agreed, 60))


def test_other_frames_are_left_alone() -> None:
    """They pass as they are."""
    other = _payload(commands.Connection.OpenOk())
    assert tuning.bounded(other) == other
