"""What the environment says. Each variable is read here and nowhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ClientSettings:
    """`ROLLCAST_HOME` holds the credentials, `ROLLCAST_AMQP_URL` is an operator's; see the README."""

    home: Path
    amqp_url: str | None = field(repr=False)
    domains: tuple[str, ...]

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "ClientSettings":
        """The settings of a terminal or an operator, from the process's environment unless another one is given."""
        # As a default argument, all of the environment would stand in `help`.
        environment = os.environ if environment is None else environment
        home = environment.get("ROLLCAST_HOME") or Path.home() / ".rollcast"
        return cls(
            home=Path(home),
            amqp_url=environment.get("ROLLCAST_AMQP_URL"),
            domains=words(environment.get("ROLLCAST_DOMAINS", "")),
        )


def words(text: str) -> tuple[str, ...]:
    """The comma-separated words of a variable."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
