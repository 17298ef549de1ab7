"""The size of frames that we agree to, whatever the broker offers.

`aiormq` accepts each offer as it is. At an offer of 0, which means no limit, it sends bodies as no frames at all;
and frames bigger than the buffer of our transport would never be read.
"""

from pamqp import commands

FRAME_TYPE = 1
FRAME_MAX = 128 * 1024
"""Bytes of the biggest frame, its header and end included; RabbitMQ's own default."""
_TUNE = commands.Connection.Tune.index.to_bytes(4, "big")


def bounded(frame: bytes) -> bytes:
    """The payload of a method frame and its end; an offer of bigger frames as one of `FRAME_MAX`."""
    if not frame.startswith(_TUNE):
        return frame
    tune = commands.Connection.Tune()
    tune.unmarshal(frame[len(_TUNE) :])
    tune.frame_max = min(tune.frame_max or FRAME_MAX, FRAME_MAX)
    return _TUNE + tune.marshal() + frame[-1:]
