"""Logs of the workers: one JSON object a line on standard error, whoever says it."""

import logging
import sys
import time

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from rollcast.redaction import cleaned

OURS = ("workers", "rollcast")
"""Whose lines `ROLLCAST_LOG_LEVEL` is about; of the libraries only warnings are logged, for DEBUG formats bodies."""
LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
"""The values of `ROLLCAST_LOG_LEVEL`."""
FIRST = ("timestamp", "level", "event")
"""What is told first in a line."""


def configure_logs() -> None:
    """From now on every line on standard error is a JSON object, those of libraries and of warnings too.

    Lines are logged from INFO on, until `set_level` says otherwise.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_SHARED],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _clean,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], force=True)
    set_level("info")
    logging.getLogger("aiormq.connection").addFilter(_is_news)
    logging.captureWarnings(True)
    sys.unraisablehook = _unraisable
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def set_level(level: str) -> None:
    """Log from this one of `LEVELS` on; what libraries say, from WARNING on at the lowest."""
    logging.getLogger().setLevel(max(LEVELS[level], logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(LEVELS[level])


class Seldom:
    """Lets a line through once in `every` seconds for each key: what anybody can cause must not fill the log.

    Keys are few: codes of reasons, never what somebody has sent.
    """

    def __init__(self, every: float = 10.0) -> None:
        self._every = every
        self._told: dict[str, float] = {}
        self._kept_back: dict[str, int] = {}

    def due(self, key: str) -> int:
        """For how many lines one has to be logged now; 0 if this one is kept back."""
        now = time.monotonic()
        count = self._kept_back.pop(key, 0) + 1
        if now - self._told.get(key, -self._every) < self._every:
            self._kept_back[key] = count
            return 0
        self._told[key] = now
        return count


def _clean(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    keys = dict.fromkeys((*FIRST, *event))
    return {key: cleaned(event[key]) for key in keys if key in event}


def _is_news(record: logging.LogRecord) -> bool:
    """What whoever wanted the connection says itself, with the place and what to do."""
    return not str(record.msg).startswith("error when creating transport")


def _unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    error = unraisable.exc_value
    logging.getLogger("python").error(
        "%s: %r", unraisable.err_msg or "ignored", unraisable.object, exc_info=error
    )


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
