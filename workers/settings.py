"""What the environment tells the workers. Each variable is read here and nowhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from rollcast.addresses import server_user
from rollcast.errors import Permanent
from rollcast.settings import words

GiB = 1024**3


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
        """The settings in `environment`; raises `Permanent` that names what is missing."""
        return cls(
            server=environment.get("ROLLCAST_SERVER", "main"),
            domains=words(_needed(environment, "ROLLCAST_DOMAINS")),
            peers=words(environment.get("ROLLCAST_PEERS", "")),
            amqp_url=_needed(environment, "ROLLCAST_AMQP_URL"),
            management_url=environment.get("ROLLCAST_MANAGEMENT_URL"),
            ledger_url=environment.get("ROLLCAST_LEDGER", "sqlite:///rollcast.db"),
            spool_url=environment.get("ROLLCAST_SPOOL", "file:///var/lib/rollcast/spool"),
            spool_quota=int(environment.get("ROLLCAST_SPOOL_QUOTA", 100 * GiB)),
            retention_days=float(environment.get("ROLLCAST_RETENTION_DAYS", 30)),
            metrics_port=int(environment.get("ROLLCAST_METRICS_PORT", "9464")),
        )

    @property
    def user(self) -> str:
        """The broker user that this server's workers log in as."""
        return server_user(self.server)


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise Permanent(f"{name} is not set", code="no_setting", hint="See the README, 'Deployment'.")
    return value
