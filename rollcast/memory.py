"""How a process that moves files keeps its memory."""

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
MiB = 1024 * 1024


def keep_freed_memory() -> None:
    """Let glibc use freed chunks again instead of returning each to the kernel, which costs page faults.

    For programs of our own only: a library has no business in its host's allocator. No effect elsewhere.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 8 * MiB)
        libc.mallopt(_M_TRIM_THRESHOLD, 32 * MiB)
        # Else each thread keeps freed chunks of its own.
        libc.mallopt(_M_ARENA_MAX, 2)
