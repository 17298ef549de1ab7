"""Variables that look like settings and are none. A misspelt one would leave its setting as it is, without a word."""

import re
from collections.abc import Mapping, Sequence

from rollcast import settings as terminals
from workers.process.sources import CONFIG, HINT, Setting, UnusableSetting

OF_OTHERS = frozenset({*terminals.VARIABLES, f"{terminals.PREFIX}MANAGEMENT_PORT"})
"""What terminals read, and what `make up` writes into `.run/env` beside it: one environment may serve all of them."""
ALIKE = 0.7
"""From which likeness on an unknown name is that of a setting, misspelt."""

# Kubernetes gives each container these for each service, here for those called `rollcast` or `rollcast-…`.
_SERVICE = re.compile(
    r"ROLLCAST_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_PLACE = re.compile(r"(tcp|udp|sctp)://\S+")


def unknown(environment: Mapping[str, str], settings: Sequence[Setting]) -> list[str]:
    """The variables that are set, begin like settings, and are nobody's. An empty variable counts as not set."""
    known = {CONFIG, *OF_OTHERS, *_variables(settings)}
    return sorted(
        name
        for name, text in environment.items()
        if name.startswith(terminals.PREFIX)
        and text
        and name not in known
        and not _is_of_a_service(name, text)
    )


def check_spelling(environment: Mapping[str, str], settings: Sequence[Setting]) -> None:
    """Raise `UnusableSetting` if an unknown variable is nearly that of a setting."""
    ours = (CONFIG, *_variables(settings))
    for name in unknown(environment, settings):
        if near := terminals.nearest(name, ours, ALIKE):
            raise UnusableSetting(f"{name} is no setting", hint=f"Is {' or '.join(near)} meant? {HINT}")


def _variables(settings: Sequence[Setting]) -> list[str]:
    return [variable for setting in settings for variable in setting.variables]


def _is_of_a_service(name: str, text: str) -> bool:
    # `…_PORT` alone could be a setting, misspelt.
    is_place = name.endswith("_PORT") and _PLACE.fullmatch(text)
    return bool(is_place or _SERVICE.fullmatch(name))
