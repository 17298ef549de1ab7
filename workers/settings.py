"""What the workers are told when they start. This is the one list of settings, whatever reads or explains them."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import unquote, urlsplit

from rollcast.addresses import server_user
from rollcast.messages.values import MAX_DURATION
from workers import kinds
from workers.kinds import Kind
from workers.process.logs import LEVELS
from workers.process.sources import Setting, UnusableSetting, sources, value
from workers.process.strays import check_spelling

DAY_MS = 86_400_000
LEAST_RETENTION = math.ceil(MAX_DURATION / DAY_MS)
"""Days. What is known of a closed transfer has to outlive whatever may still be said to it, which its expiry ends."""
LONGEST_RETENTION = 36_500
MAX_QUOTA, MAX_PORT, MAX_RATE = 2**62, 65_535, 1_000_000


def _setting(key: str, kind: Kind, default: str | None, meaning: str, *, secret: bool = False) -> Any:
    return field(repr=not secret, metadata={Setting: Setting(key, kind, default, meaning, secret)})


@dataclass(frozen=True)
class Settings:
    """One server: its name, its domains and peers, where its broker, ledger and spool are."""

    server: str = _setting(
        "server", kinds.NAME, "main", "name of the server; its broker user is `server-` and this name"
    )
    domains: tuple[str, ...] = _setting(
        "domains", kinds.NAMES, None, "domains that it serves, in a variable separated by commas"
    )
    peers: tuple[str, ...] = _setting(
        "peers", kinds.NAMES, "", "domains of other servers on this broker that it may invite"
    )
    amqp_url: str = _setting(
        "amqp_url", kinds.BROKER, None, "the broker, as the server's user; `amqps://` for TLS", secret=True
    )
    management_url: str | None = _setting(
        "management_url",
        kinds.MANAGEMENT,
        "",
        "the broker's management API, `http://user:password@host:15672`; needed by the pool `operator`, which "
        "changes accounts, verifies rights and lets terminals in; the clock asks it whether the broker is full",
        secret=True,
    )
    ledger_url: str = _setting(
        "ledger",
        kinds.LEDGER,
        "sqlite:///rollcast.db",
        "`sqlite:///path` or `postgresql://user:password@host/database`",
        secret=True,
    )
    spool_url: str = _setting(
        "spool",
        kinds.SPOOL,
        "file:///var/lib/rollcast/spool",
        "`file:///folder` or `s3://bucket/prefix`",
    )
    operators: tuple[str, ...] = _setting(
        "operators",
        kinds.OPERATORS,
        "operator",
        "broker users of operators, in a variable separated by commas: a topic permission that one has lost is put "
        "back, so that it may ask the pool `operator` and nobody else",
    )
    account_rate: int = _setting(
        "account_rate",
        kinds.whole(MAX_RATE, least=1),
        "200",
        "how many messages a second an account may send under each verb, to each worker process; what is over it is "
        "dropped, and comes again later",
    )
    account_burst: int = _setting(
        "account_burst",
        kinds.whole(MAX_RATE, least=1),
        "2000",
        "how many messages an account may send at once under each verb, after a pause",
    )
    spool_quota: int = _setting(
        "spool_quota",
        kinds.size(MAX_QUOTA),
        "100GiB",
        "what the spool may hold, files that are still coming included: a size such as `500MB` or `100GiB`, or a "
        "number of bytes",
    )
    retention_days: float = _setting(
        "retention_days",
        kinds.between(LEAST_RETENTION, LONGEST_RETENTION),
        "30",
        "number of days after which the events of ended transfers, and what receivers' servers know of them, are "
        f"forgotten; reports are kept. At least {LEAST_RETENTION}, since a transfer may last nearly as long",
    )
    metrics_port: int = _setting(
        "metrics_port",
        kinds.whole(MAX_PORT),
        "9464",
        "port of `/metrics`, `/livez` and `/readyz`, on all interfaces; 0 for none",
    )
    log_level: str = _setting(
        "log_level",
        kinds.one_of("a level", LEVELS),
        "info",
        "what is logged: `debug`, `info`, `warning` or `error`, and all that is more serious",
    )

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """The settings that `environment`, by default the process's, holds and names.

        Raises `UnusableSetting`, which says what to do.
        """
        environment = os.environ if environment is None else environment
        check_spelling(environment, ALL)
        places = sources(environment, ALL)
        found = cls(*(value(setting, places) for setting in ALL))
        found._check_user()
        return found

    @property
    def user(self) -> str:
        """The broker user that this server's workers log in as."""
        return server_user(self.server)

    def _check_user(self) -> None:
        given = unquote(urlsplit(self.amqp_url).username or "guest")
        if given != self.user:
            raise UnusableSetting(
                f"ROLLCAST_AMQP_URL logs in as {given}, and the server {self.server!r} has to be {self.user}",
                hint="What another user says counts for nothing. Name this one, or set ROLLCAST_SERVER.",
            )


ALL: tuple[Setting, ...] = tuple(one.metadata[Setting] for one in fields(Settings))
"""All settings, in the order of the fields."""
