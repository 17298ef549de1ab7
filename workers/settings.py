"""What the environment tells the workers. Each variable is read here and nowhere else."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

from rollcast.addresses import server_user
from rollcast.errors import Permanent
from rollcast.messages.values import MAX_DURATION
from rollcast.settings import words

GiB = 1024**3
DAY_MS = 86_400_000
LEAST_RETENTION = math.ceil(MAX_DURATION / DAY_MS)
"""Days. What is known of a closed transfer has to outlive whatever may still be said to it, which its expiry ends."""
LONGEST_RETENTION = 36_500
MAX_QUOTA, MAX_PORT = 2**62, 65_535
BAD_SETTING = "bad_setting"
SEE_README = "See the README, 'Deployment'."


@dataclass(frozen=True)
class Settings:
    """One server: its name, its domains and peers, where its broker, ledger and spool are.

    `spool_quota` bounds the bytes that the spool may hold, files that are still coming included. What happened to
    transfers that ended over `retention_days` ago is forgotten; their reports are not.
    """

    server: str
    domains: tuple[str, ...]
    peers: tuple[str, ...]
    amqp_url: str
    management_url: str | None
    ledger_url: str
    spool_url: str
    spool_quota: int
    retention_days: float
    metrics_port: int

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings in `environment`; raises `Permanent` that names what is missing or unusable."""
        return cls(
            server=environment.get("ROLLCAST_SERVER", "main"),
            domains=words(_needed(environment, "ROLLCAST_DOMAINS")),
            peers=words(environment.get("ROLLCAST_PEERS", "")),
            amqp_url=_needed(environment, "ROLLCAST_AMQP_URL"),
            management_url=environment.get("ROLLCAST_MANAGEMENT_URL"),
            ledger_url=environment.get("ROLLCAST_LEDGER", "sqlite:///rollcast.db"),
            spool_url=environment.get("ROLLCAST_SPOOL", "file:///var/lib/rollcast/spool"),
            spool_quota=_whole(environment, "ROLLCAST_SPOOL_QUOTA", 100 * GiB, MAX_QUOTA),
            retention_days=_retention(environment),
            metrics_port=_whole(environment, "ROLLCAST_METRICS_PORT", 9464, MAX_PORT),
        )

    @property
    def user(self) -> str:
        """The broker user that this server's workers log in as."""
        return server_user(self.server)


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise Permanent(f"{name} is not set", code="no_setting", hint=SEE_README)
    return value


def _whole(environment: Mapping[str, str], name: str, default: int, most: int) -> int:
    given = environment.get(name, str(default))
    if not (given.isascii() and given.isdigit() and int(given) <= most):
        raise Permanent(
            f"{name} is {given!r}, and not a whole number up to {most}", code=BAD_SETTING, hint=SEE_README
        )
    return int(given)


def _retention(environment: Mapping[str, str]) -> float:
    name = "ROLLCAST_RETENTION_DAYS"
    given = environment.get(name, "30")
    try:
        days = float(given)
    except ValueError:
        raise Permanent(f"{name} is {given!r}, and not a number", code=BAD_SETTING, hint=SEE_README) from None
    if not LEAST_RETENTION <= days <= LONGEST_RETENTION:
        raise Permanent(
            f"{name} is {given}, and not between {LEAST_RETENTION} and {LONGEST_RETENTION}",
            code=BAD_SETTING,
            hint=f"A transfer may last nearly {LEAST_RETENTION} days, and its end must not be forgotten before.",
        )
    return days
