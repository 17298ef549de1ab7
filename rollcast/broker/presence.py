"""Whether the broker is there, as the links of a terminal see it together."""

import logging

logger = logging.getLogger(__name__)


class Presence:
    """Says once that the broker is lost, and once that it is back, for all links that share it.

    It is lost when no link is connected any more: one that is idle connects when it is used next, and may notice
    its loss long after the others are back.
    """

    def __init__(self) -> None:
        self._refusal = ""
        self._connected: set[str] = set()
        self.is_lost = False

    def lose(self, link: str, place: str, why: str) -> None:
        """A link has lost its connection."""
        self._connected.discard(link)
        if not self._connected and not self.is_lost:
            self.is_lost = True
            reason = f" ({why})" if why else ""
            logger.warning("lost the broker at %s%s, trying again", place, reason)

    def refuse(self, refusal: str) -> None:
        """The broker is there, and takes no connection at present."""
        if self.is_lost and refusal != self._refusal:
            self._refusal = refusal
            logger.warning("%s; trying again", refusal)

    def find(self, link: str, place: str) -> None:
        """A link is connected."""
        self._connected.add(link)
        if self.is_lost:
            self.is_lost, self._refusal = False, ""
            # As loud as its loss, or whoever heard of that would wait on.
            logger.warning("the broker at %s is back", place)
