"""What the environment says. Each variable is read here and nowhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ClientSettings:
    """`ROLLCAST_HOME` holds the credentials, `ROLLCAST_AMQP_URL` is an operator's; see the README."""

    home: Path
    amqp_url: str | None
    domains: tuple[str, ...]

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "ClientSettings":
        """The settings of a terminal or an operator."""
        home = environment.get("ROLLCAST_HOME") or Path.home() / ".rollcast"
        return cls(
            home=Path(home),
            amqp_url=environment.get("ROLLCAST_AMQP_URL"),
            domains=words(environment.get("ROLLCAST_DOMAINS", "")),
        )


def words(text: str) -> tuple[str, ...]:
    """The comma-separated words of a variable."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
