"""Logs of the workers: one JSON object a line, on standard error."""

import logging
import sys

import structlog


def configure_logs() -> None:
    """Structured lines from us; from the libraries only what is worth a warning (DEBUG would format bodies)."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
