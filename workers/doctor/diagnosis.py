"""Whether a server has all that it needs, as the pool of operators sees it: what `rollcast doctor` asks for."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from rollcast.errors import Permanent, Transient
from rollcast.findings import wrong
from rollcast.messages import DiagnosisAnswered
from rollcast.messages.figures import Finding
from workers.broker.declarer import Declarer
from workers.broker.management import Management
from workers.doctor import broker_checks, identity_checks, ledger_checks, queue_checks, rights_checks
from workers.identity.guard import Guard
from workers.ledger import Database
from workers.looking.broker_view import BrokerView
from workers.settings import Settings
from workers.spool.store import Store
from workers.work import Received, Reply

WITHIN = 15.0
"""Seconds that a check may take."""

log = structlog.get_logger()
Check = Callable[[], Awaitable[list[Finding]]]


class Diagnosis:
    """Looks at broker, queues, rights, ledger and spool. It changes nothing."""

    def __init__(
        self, settings: Settings, database: Database, store: Store, declarer: Declarer, management: Management
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._management = management
        self._declarer = declarer
        self._guard = Guard(settings, database, store, declarer)
        self._view = BrokerView(settings, declarer, management)

    async def answer(self, asked: Received) -> Reply:
        """All findings, in the order of the checks."""
        checks = self._checks(asked)
        found = await asyncio.gather(*(_looked(subject, check) for subject, check in checks.items()))
        answer = DiagnosisAnswered(
            server=self._settings.server,
            at=time.time_ns() // 1000,
            findings=[finding for findings in found for finding in findings],
        )
        return Reply(asked, answer)

    def _checks(self, asked: Received) -> dict[str, Check]:
        settings, database = self._settings, self._database
        of_broker = self._of_broker(asked) if self._management.configured else {"management": _not_configured}
        return {
            **of_broker,
            "message size": lambda: broker_checks.check_message_size(settings),
            "identity": lambda: identity_checks.check_identity(self._guard),
            "ledger": lambda: ledger_checks.check_ledger(database),
            f"passwords of {asked.domain}": lambda: ledger_checks.check_passwords(asked.domain, database),
            "pool clock": lambda: ledger_checks.check_clock(settings, database),
            "spool": lambda: ledger_checks.check_spool(self._store),
            "room": lambda: ledger_checks.check_room(settings, database),
        }

    def _of_broker(self, asked: Received) -> dict[str, Check]:
        settings, management = self._settings, self._management
        user, domain = asked.origin, asked.domain
        return {
            "version": lambda: broker_checks.check_version(management),
            "alarms": lambda: broker_checks.check_room(management),
            "policies": lambda: broker_checks.check_policies(settings, management),
            "clocks": lambda: broker_checks.check_clocks(self._database, management),
            "rights of the server": lambda: rights_checks.check_server(settings.user, management),
            f"rights of {user}": lambda: rights_checks.check_operator(user, domain, management),
            f"rights of {domain}": lambda: rights_checks.check_terminals(
                domain, settings, self._database, management
            ),
            "entries": lambda: rights_checks.check_entries(management),
            "queues": lambda: queue_checks.check_queues(settings, self._view, self._declarer),
            "bindings": lambda: queue_checks.check_bindings(settings, management),
            "lanes": lambda: queue_checks.check_lanes(management),
            f"inboxes of {domain}": lambda: queue_checks.check_inboxes(domain, management),
        }


async def _not_configured() -> list[Finding]:
    remedy = "Set it for the workers of `operator`: they make accounts by it, and look at the broker."
    return [wrong("management", "ROLLCAST_MANAGEMENT_URL is not set", remedy)]


async def _looked(subject: str, check: Check) -> list[Finding]:
    try:
        async with asyncio.timeout(WITHIN):
            return await check()
    except TimeoutError:
        return [
            wrong(
                subject,
                f"there was no answer within {WITHIN:.0f} s",
                "See the log of the workers of `operator`.",
            )
        ]
    except (Transient, Permanent) as error:
        remedy = error.hint or "See whether what it says is there, and the log of the workers of `operator`."
        return [wrong(subject, str(error), remedy)]
    except Exception as fault:
        log.exception("a check failed by itself", subject=subject)
        return [
            wrong(subject, f"it could not be looked at: {fault!r}", "This is a fault of Rollcast: report it.")
        ]
