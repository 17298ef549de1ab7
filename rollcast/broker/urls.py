"""Which texts are URLs of a broker. A password that is not escaped would be read as host or path, and be shown."""

import re
from urllib.parse import urlsplit

SCHEMES = ("amqp", "amqps")
ESCAPES = "in a user name or a password, % / ? # @ : are written %25 %2F %3F %23 %40 %3A"
EXAMPLE = f"amqp://user:password@host:5672/vhost ({ESCAPES})"


def is_url(text: str, schemes: tuple[str, ...] = SCHEMES) -> bool:
    """Whether it names a host by one of the schemes, and no part of it can be a password that was not escaped."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    misread = "@" in parts.path + parts.query or parts.fragment or re.search(r"\s", text)
    return parts.scheme in schemes and bool(parts.hostname) and port != 0 and not misread
