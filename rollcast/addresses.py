"""Addresses `name@domain`: one word of a routing key, and the user name at the broker; and the ids of transfers."""

import re

LABEL = "[a-z0-9][a-z0-9-]{0,62}"
# `$` also matches before a final newline; the look-ahead shuts that door in Python and in ECMA-262.
END = "$(?!\\n)"
ADDRESS_PATTERN = f"^{LABEL}@{LABEL}{END}"
DOMAIN_PATTERN = f"^{LABEL}{END}"
TRANSFER_ID_PATTERN = f"^[0-9a-f]{{32}}{END}"

_ADDRESS = re.compile(ADDRESS_PATTERN)
_TRANSFER_ID = re.compile(TRANSFER_ID_PATTERN)
_SERVER_USER = "server-"


def is_address(text: str) -> bool:
    """Whether `text` is a well-formed terminal address, such as `alice@acme`."""
    return _ADDRESS.match(text) is not None


def is_transfer_id(text: str) -> bool:
    """Whether `text` is 32 lower-case hexadecimal digits."""
    return _TRANSFER_ID.match(text) is not None


def domain_of(address: str) -> str:
    """The part of an address behind the `@`."""
    return address.rpartition("@")[2]


def server_user(server: str) -> str:
    """The broker user under which the workers of a server publish."""
    return _SERVER_USER + server


def is_server_user(user: str) -> bool:
    """Whether a verified broker user is a server: no terminal's name is without an `@`, no operator's begins so."""
    return user.startswith(_SERVER_USER) and "@" not in user
