"""What the environment says. Each variable is read here and nowhere else."""

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PREFIX = "ROLLCAST_"
HOME, AMQP_URL, DOMAINS = VARIABLES = ("ROLLCAST_HOME", "ROLLCAST_AMQP_URL", "ROLLCAST_DOMAINS")
"""What terminals and operators read."""
ALIKE = 0.8
"""From which likeness on an unknown name is one of these, misspelt. Below it are the names of workers' settings."""


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
        home = environment.get(HOME) or Path.home() / ".rollcast"
        return cls(
            home=Path(home),
            amqp_url=environment.get(AMQP_URL),
            domains=words(environment.get(DOMAINS, "")),
        )


def words(text: str) -> tuple[str, ...]:
    """The comma-separated words of a variable."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def misspelt(environment: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """The variables that nobody reads and that are nearly one of a terminal's, which is not set; with that one."""
    environment = os.environ if environment is None else environment
    unset = [name for name in VARIABLES if not environment.get(name)]
    strange = sorted(name for name in environment if name.startswith(PREFIX) and name not in VARIABLES)
    near = {name: nearest(name, unset, ALIKE) for name in strange if environment[name]}
    return {name: meant for name, meant in near.items() if meant}


def nearest(name: str, names: Iterable[str], alike: float) -> list[str]:
    """Those of `names`, two at the most, that are like `name` behind the prefix that all have; the likest one first.

    `alike` is a ratio of `difflib`, from 0 to 1.
    """
    endings = [one.removeprefix(PREFIX) for one in names]
    found = difflib.get_close_matches(name.removeprefix(PREFIX).upper(), endings, 2, alike)
    return [PREFIX + ending for ending in found]
