"""What a comparison says to those who run the server: in the log once, and in metrics all the time."""

from collections.abc import Set

import structlog

from rollcast.findings import some
from workers import metrics
from workers.rights.comparison import Differences

MISSING = "accounts have no user at the broker: rollcast admin remove each, and add it again"
UNKNOWN = (
    "terminals have rights at the broker and no account: if the ledger was restored, rollcast admin add each again; "
    "to end it, rollcast admin remove it"
)
STRANGERS = (
    "users that are neither terminals nor operators lacked a topic permission, and have one that allows nothing: "
    "name operators in ROLLCAST_OPERATORS, or see rabbitmqctl set_topic_permissions"
)

log = structlog.get_logger()


class Notices:
    """Remembers what was said. An account that is being added or removed is unknown or missing for a moment."""

    def __init__(self) -> None:
        self._last: dict[str, Set[str]] = {}
        self._said: dict[str, Set[str]] = {}

    def tell(self, found: Differences) -> None:
        """Say what was found a second time, and was not said."""
        metrics.RIGHTS_UNKNOWN.set(len(found.unknown))
        metrics.RIGHTS_MISSING.set(len(found.missing))
        self._warn(MISSING, found.missing & self._last.get(MISSING, set()))
        self._warn(UNKNOWN, found.unknown & self._last.get(UNKNOWN, set()))
        self._warn(STRANGERS, found.strangers)
        self._last = {MISSING: found.missing, UNKNOWN: found.unknown}
        changed = len(found.topics) + len(found.permissions) + len(found.limits) + len(found.surplus)
        if changed:
            log.warning(
                "rights at the broker were not those of the ledger, and are now",
                topic_permissions=len(found.topics),
                permissions=len(found.permissions),
                limits=len(found.limits),
                suspended_with_rights=len(found.surplus),
            )

    def _warn(self, text: str, users: Set[str]) -> None:
        if new := users - self._said.get(text, set()):
            log.warning(text, users=some(sorted(new)))
        self._said[text] = users
