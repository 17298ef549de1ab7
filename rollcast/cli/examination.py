"""Looks whether all is well: what `rollcast doctor` does."""

import asyncio
from collections.abc import Sequence

from rollcast.cli import access, findings
from rollcast.cli.accounts import limits_text
from rollcast.cli.exits import Exit
from rollcast.cli.findings import Found
from rollcast.cli.own_checks import check_clock, check_files
from rollcast.errors import BrokerRefused, BrokerUnavailable, RequestRefused
from rollcast.findings import fine, wrong
from rollcast.messages import Register, Registered
from rollcast.operator import Operator
from rollcast.session import REGISTER_WITHIN, Session
from rollcast.settings import ClientSettings

REMEDIES = {
    "server_silent": "Start its workers (python -m workers), or operator alone; if they run, see their /readyz.",
    "broker_blocked": "Give the broker more memory or disk: until then nobody can publish. See rabbitmqctl status.",
}
"""What an operator can do where others can but wait, by the code of the error."""


async def examine(address: str | None, *, json: bool) -> int:
    """Print what is found, as the operator or as a terminal. Returns the exit status."""
    settings = ClientSettings.read()
    found = [Found(None, check_files(settings, address))]
    try:
        if address is None:
            found += await _as_operator(settings.domains)
        else:
            found += await _as_terminal(address)
    except (BrokerRefused, BrokerUnavailable) as error:
        if error.code == "no_credentials":
            raise
        findings.tell([*found, Found(None, wrong("broker", str(error), error.hint))], json=json)
        return Exit.NO_BROKER
    return findings.tell(found, json=json)


async def _as_operator(domains: Sequence[str]) -> list[Found]:
    async with access.operator() as operator:
        broker = Found(None, fine("broker", f"it lets {operator.user} in at {operator.place}"))
        answers = await asyncio.gather(*(_of_domain(operator, domain) for domain in domains))
    return [broker, *findings.each_once(answers)]


async def _of_domain(operator: Operator, domain: str) -> list[Found]:
    subject = f"server of {domain}"
    try:
        answer = await operator.diagnosis(domain)
    except (BrokerUnavailable, RequestRefused) as error:
        return [Found(None, wrong(subject, str(error), REMEDIES.get(error.code, error.hint)))]
    except BrokerRefused as error:
        remedy = (
            f"Let it write to rollcast.step under {domain}.operator: see rabbitmqctl set_topic_permissions."
        )
        return [Found(None, wrong(f"rights of {operator.user}", str(error), remedy))]
    return [
        Found(None, fine(subject, f"{answer.server} answers")),
        Found(None, check_clock(answer.at)),
        *(Found(answer.server, finding) for finding in answer.findings),
    ]


async def _as_terminal(address: str) -> list[Found]:
    known = access.credentials(address)
    async with access.patiently(lambda: Session.open(known)) as session:
        broker = Found(None, fine("broker", f"it lets {address} in at {session.place}"))
        try:
            answer = await session.ask(Register(), Registered, REGISTER_WITHIN)
        except (BrokerUnavailable, RequestRefused) as error:
            subject = f"server of {session.domain}"
            return [broker, Found(None, wrong(subject, str(error), error.hint))]
    told = [
        fine(f"server of {session.domain}", f"it answers; the inbox is {answer.inbox}"),
        check_clock(answer.server_time),
        fine("account", limits_text(answer.limits)),
    ]
    return [broker, *(Found(None, finding) for finding in told)]
