"""Free ports for private services."""

import random
import socket

# Below the kernel's ephemeral range: a client that retries a port inside it can connect to itself, and
# then a restarted broker finds its own port taken.
_RANGE = range(20000, 32000)


def free(count: int) -> list[int]:
    """Return `count` different ports that nobody listens on at 127.0.0.1."""
    found: set[int] = set()
    while len(found) < count:
        port = random.choice(_RANGE)
        if is_free(port):
            found.add(port)
    return list(found)


def is_free(port: int) -> bool:
    """Tell whether `port` at 127.0.0.1 can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Tell whether something accepts connections at 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
