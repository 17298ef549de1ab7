"""The tables that documents must hold, made from the code."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import metadata
from pathlib import Path

from rollcast import messages as m
from rollcast import topology
from rollcast.reasons import REASONS
from rollcast.settings import ClientSettings
from workers.broker.outbox import PACE, PACE_MS
from workers.ladder import RUNGS
from workers.process.sources import CONFIG, Setting
from workers.process.usage import STATUSES
from workers.settings import ALL
from workers.steps import STEPS

MODULES = ("registration", "roll_call", "delivery", "ending")
"""The modules of messages in the order of the protocol."""


class Asked(dict[str, str]):
    """An environment that remembers which variables were read, and with which default."""

    def __init__(self) -> None:
        super().__init__()
        self.defaults: dict[str, object] = {}

    def get(self, key: str, default: object = None) -> object:  # type: ignore[override]
        """Remember, and answer."""
        self.defaults[key] = default
        return super().get(key, default)


def workers_settings() -> str:
    """The settings of the workers."""
    head = ("variable of the workers", "in TOML", "default", "meaning")
    return table(head, (_setting(one) for one in ALL))


def workers_statuses() -> str:
    """The exit statuses of the workers."""
    rows = ([str(status), meaning] for status, meaning in STATUSES.items())
    return table(("exit status of the workers", "meaning"), rows)


def workers_variables() -> set[str]:
    """The variables that workers read."""
    return {CONFIG, *(variable for setting in ALL for variable in setting.variables)}


def client_settings() -> Mapping[str, object]:
    """The variables that terminals and operators read, with their defaults."""
    environment = Asked()
    ClientSettings.read(environment)
    return environment.defaults


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def steps() -> str:
    """The steps, their functions, and what each of them hears."""
    rows = (
        [step.upper(), f"`{function.__name__}`", _names(topology.accepts(step))]
        for step, function in STEPS.items()
    )
    return table(("step", "function", "hears"), rows)


def messages() -> str:
    """All messages, the ways that each takes, and its meaning."""
    kinds = sorted(m.MESSAGES.values(), key=lambda kind: MODULES.index(kind.__module__.rpartition(".")[2]))
    rows = ([f"`{kind.__name__}`", ", ".join(_ways(kind)), _meaning(kind)] for kind in kinds)
    return table(("message", "goes to", "meaning"), rows)


def reasons() -> str:
    """The closed list of reasons."""
    rows = (
        [
            f"`{code}`",
            reason.step.upper(),
            "yes" if reason.may_ask_again else "no",
            reason.sentence,
            reason.hint,
        ]
        for code, reason in REASONS.items()
    )
    return table(("code", "found at", "may be asked again", "sentence", "hint"), rows)


def rungs() -> str:
    """The retry ladder."""
    waits = ((name, f"{milliseconds / 1000:g} s") for name, milliseconds in (*RUNGS, (PACE, PACE_MS)))
    return table(("rung", "waits"), ([f"`{name}`", wait] for name, wait in waits))


def dependencies() -> list[str]:
    """The beginning of a row for each package that is needed to run: name, locked version, licence."""
    project = tomllib.loads(Path("pyproject.toml").read_text())
    needed = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["cli"],
        *project["dependency-groups"]["workers"],
    ]
    names = sorted({re.split(r"[>=\[]", line)[0] for line in needed})
    return [f"| {name} | {_locked(name)} | {_licence(name)} |" for name in names]


def _setting(setting: Setting) -> list[str]:
    default = "needed" if setting.default is None else f"`{setting.default}`" if setting.default else "none"
    names = ", ".join(f"`{name}`" for name in setting.variables)
    return [names, f"`{setting.key}`, {setting.kind.toml}", default, setting.meaning]


def _meaning(kind: type[m.Message]) -> str:
    words = " ".join((kind.__doc__ or "").split())
    return re.sub(r"^S[0-9]{3}\. ", "", words)


def _ways(kind: type[m.Message]) -> Iterator[str]:
    for verb in topology.VERBS:
        if verb.message is kind:
            yield f"{_place(verb.pool)}, verb `{verb.word}`"
    if kind in topology.STEP_OF:
        who = " (operators)" if kind in topology.OPERATORS_MAY_SAY else ""
        yield _place(topology.STEP_OF[kind]) + who
    for kinds, way in (
        (topology.REPLIES, "reply"),
        (topology.TO_SENDER, "sender's inbox"),
        (topology.TO_RECEIVER, "receiver's inbox"),
        (topology.INTO_LANE, "lanes"),
    ):
        if kind in kinds:
            yield way


def _locked(package: str) -> str:
    lock = Path("requirements/runtime.txt").read_text()
    found = re.search(rf"^{re.escape(package)}==(\S+)", lock, re.MULTILINE)
    assert found, package
    return found[1]


def _licence(package: str) -> str:
    about = metadata(package)
    classifiers = [
        line.rpartition(" :: ")[2] for line in about.get_all("Classifier", []) if "License ::" in line
    ]
    fields = about.json
    return str(fields.get("license_expression") or fields.get("license") or ", ".join(classifiers))


def _place(pool: str) -> str:
    return pool.upper() if pool in topology.STEPS else f"`{pool}`"


def _names(kinds: Iterable[type[m.Message]]) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(kind.__name__ for kind in kinds))
