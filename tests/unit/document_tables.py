"""The tables that documents must hold, made from the code."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import metadata
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from rollcast import messages as m
from rollcast import topology
from rollcast.reasons import REASONS
from rollcast.settings import ClientSettings
from workers import metrics
from workers.ladder import RUNGS
from workers.outbox import PACE, PACE_MS
from workers.settings import Settings
from workers.steps import STEPS

MODULES = ("registration", "roll_call", "delivery", "ending")
"""The modules of messages in the order of the protocol."""
NEEDED = {"ROLLCAST_DOMAINS": "acme", "ROLLCAST_AMQP_URL": "amqp://server-main@broker"}


class Asked(dict[str, str]):
    """An environment that remembers which variables were read, and with which default."""

    def __init__(self) -> None:
        super().__init__(NEEDED)
        self.defaults: dict[str, object] = {}

    def get(self, key: str, default: object = None) -> object:  # type: ignore[override]
        """Remember, and answer."""
        self.defaults[key] = default
        return super().get(key, default)


def workers_settings() -> Mapping[str, object]:
    """The variables that workers read, with their defaults."""
    environment = Asked()
    Settings.read(environment)
    return environment.defaults


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


def all_metrics() -> str:
    """All metrics as Prometheus sees them."""
    rows = []
    for metric in sorted(_metrics(), key=exported_name):
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        rows.append([f"`{exported_name(metric)}`", str(metric._type), labels, metric._documentation])
    return table(("metric", "type", "labels", "what it counts"), rows)


def metric_names() -> set[str]:
    """The names of all metrics as Prometheus sees them."""
    return {exported_name(metric) for metric in _metrics()}


def exported_name(metric: MetricWrapperBase) -> str:
    """Counters get a suffix."""
    return str(metric._name) + ("_total" if metric._type == "counter" else "")


def _metrics() -> list[MetricWrapperBase]:
    return [metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]


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
