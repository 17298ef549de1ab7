"""The demo's scenes, in the order of the protocol's steps."""

from pathlib import Path

from dev.demo import telling
from dev.demo.checks import Outcome, faults
from dev.demo.commands import READY_WITHIN, Commands, Document
from dev.demo.roles import RECEIVERS, SENDER, TERMINALS
from dev.deployment import Deployment
from rollcast.cli import output

CONSENT_TIMEOUT = "10s"
"""How long the demo waits for the one that never answers."""


class Refused(Exception):
    """`rollcast send` ended with an error; `status` is its exit status."""

    def __init__(self, error: Document, status: int) -> None:
        super().__init__(error["message"])
        self.error = error
        self.status = status


def play(running: Deployment, file: Path, folder: Path) -> Outcome:
    """Send `file` to all receivers, tell what happens, and return how it ended. Raises Refused, Failed."""
    with Commands(running, folder) as commands:
        telling.title("Accounts: the operator adds them (rollcast admin add)")
        _add_accounts(commands)
        telling.title("S200  Register: receivers say that they are there, and what they can take")
        _register(commands, folder)
        telling.title("S210 to S260  Roll call: who is able, who consents?")
        return _send(commands, file)


def conclude(outcome: Outcome) -> int:
    """Compare what was received with what was sent, and the report with the roles. Returns the exit status."""
    telling.title("Check: the received files on disk, byte for byte, and the report")
    found = faults(outcome)
    for fault in found:
        output.say(f"demo: {fault}")
    if not found:
        telling.say([telling.check_line(outcome.report), "All is as it must be."])
    return 1 if found else 0


def _add_accounts(commands: Commands) -> None:
    addresses = [SENDER, *(role.address for role in TERMINALS)]
    commands.run_all({f"add-{address}": ("admin", "add", address) for address in addresses})


def _register(commands: Commands, folder: Path) -> None:
    for role in TERMINALS:
        into = folder / "received" / role.address
        options = role.receive or ()
        commands.start(role.address, "receive", "--as", role.address, "--into", str(into), *options, "--json")
    for _ in TERMINALS:
        name, event = commands.hear(READY_WITHIN)
        if event is None or "error" in event:
            raise commands.failed(name)
        telling.say([telling.event_line(event["address"], event)])
    for role in TERMINALS:
        if not role.stays:
            commands.stop(role.address)


def _send(commands: Commands, file: Path) -> Outcome:
    to = [word for role in RECEIVERS for word in ("--to", role.address)]
    times = ("--consent-timeout", CONSENT_TIMEOUT, "--expires", "1h")
    commands.start(SENDER, "send", str(file), "--as", SENDER, *to, *times, "--json")
    report, delivered = _follow(commands)
    telling.title("S310  The report (rollcast send --json)")
    telling.say(telling.report_lines(report))
    for role in TERMINALS:
        if role.stays:
            commands.stop(role.address)
    return Outcome(file, commands.status(SENDER), report, delivered)


def _follow(commands: Commands) -> tuple[Document, dict[str, Path]]:
    """Tell what happens until the report is there, and each receiver that it names has told the same."""
    list_told, delivered, report = False, dict[str, Path](), None
    while report is None or not delivered.keys() >= set(telling.holders(report)):
        name, document = commands.hear(None if report is None else READY_WITHIN)
        if document is None:
            _check_end(commands, name)
            continue
        if not list_told and (name == SENDER or document["event"] == "opened"):
            _tell_list(commands, name, document)
            list_told = True
        if name == SENDER:
            report = document
            continue
        telling.say([telling.event_line(name, document)])
        if document["event"] == "delivered":
            delivered[name] = Path(document["path"])
    return report, delivered


def _tell_list(commands: Commands, name: str, document: Document) -> None:
    if name == SENDER and "error" in document:
        raise Refused(document["error"], commands.status(SENDER))
    if name != SENDER:
        document = commands.ask("status", "status", document["transfer_id"], "--as", SENDER, "--json")
    telling.title("S270  The new receiver list (rollcast status --json)")
    telling.say(telling.list_lines(document))
    telling.title(
        "S280 to S300  Lanes are opened, the file is uploaded once and cast, what is missing is repaired"
    )


def _check_end(commands: Commands, name: str) -> None:
    """Only the sender, and the receiver that was stopped, may have ended by now."""
    if name != SENDER and any(role.address == name and role.stays for role in RECEIVERS):
        raise commands.failed(name)
