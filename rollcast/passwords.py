"""Passwords of accounts: made where they are needed, and told to the broker as a hash only."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field

HASHING = "rabbit_password_hashing_sha256"
"""What RabbitMQ calls it: a salt of 32 bits, then SHA-256 over salt and password, all of it in base64."""
SALT = 4
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Password:
    """A password (None: only its maker has it), and what the broker checks it by."""

    text: str | None = field(repr=False)
    hash: str = field(repr=False)


def new() -> Password:
    """A random password."""
    text, salt = secrets.token_urlsafe(24), secrets.token_bytes(SALT)
    digest = hashlib.sha256(salt + text.encode()).digest()
    return Password(text, base64.b64encode(salt + digest).decode())
