"""`rollcast` as processes of their own; what they print as JSON comes out of one queue."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from dev.deployment import Deployment
from dev.processes import Failed, tied

ROLLCAST = str(Path(sys.executable).with_name("rollcast"))
READY_WITHIN = 60.0
"""Seconds within which a command that needs nobody else must have done its work."""

Document = dict[str, Any]


class Heard(NamedTuple):
    """A document that a command printed; None: the command has ended."""

    name: str
    document: Document | None


class Commands:
    """Runs commands under names. Standard error goes to `folder/NAME.log`; none outlives the block."""

    def __init__(self, running: Deployment, folder: Path) -> None:
        self._folder = folder
        self._environment = _environment(running)
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()

    def __enter__(self) -> "Commands":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def start(self, name: str, *arguments: str) -> None:
        """Start a command that prints JSON documents, one on a line."""
        process = self._spawn(name, arguments)
        threading.Thread(target=self._read, args=(name, process), daemon=True).start()

    def hear(self, timeout: float | None = None) -> Heard:
        """What is printed next. Raises Failed if that takes more than `timeout` seconds."""
        try:
            return self._heard.get(timeout=timeout)
        except queue.Empty:
            raise Failed(f"no command said anything for {timeout:.0f} s; see {self._folder}/*.log") from None

    def ask(self, name: str, *arguments: str) -> Document:
        """Run a command to its end and return its one document."""
        process = self._spawn(name, arguments)
        output, _ = process.communicate(timeout=READY_WITHIN)
        return _document(output)

    def run_all(self, commands: Mapping[str, Iterable[str]]) -> None:
        """Run commands side by side; raise Failed if one of them does not succeed."""
        for name, arguments in commands.items():
            self._spawn(name, arguments)
        for name in commands:
            self._processes[name].communicate(timeout=READY_WITHIN)
            if self._processes[name].returncode:
                raise self.failed(name)

    def status(self, name: str) -> int:
        """The exit status of a command that is about to end."""
        return self._processes[name].wait(READY_WITHIN)

    def stop(self, name: str) -> None:
        """Tell a command to end, and wait until it has."""
        self._processes[name].terminate()
        if self.status(name):
            raise self.failed(name)

    def failed(self, name: str) -> Failed:
        """The error that a command has ended when it should not have, with what it said."""
        return Failed(
            f"{name} ended with {self.status(name)}:\n{self._log(name).read_text(errors='replace')}"
        )

    def _spawn(self, name: str, arguments: Iterable[str]) -> "subprocess.Popen[str]":
        with self._log(name).open("w") as log:
            self._processes[name] = process = subprocess.Popen(
                tied([ROLLCAST, *arguments]),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                text=True,
            )
        return process

    def _read(self, name: str, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._heard.put(Heard(name, _document(line)))
        self._heard.put(Heard(name, None))

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def _document(line: str) -> Document:
    document = json.loads(line)
    assert isinstance(document, dict)
    return document


def _environment(running: Deployment) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ROLLCAST_")}
    return inherited | {
        "ROLLCAST_AMQP_URL": running.operator_url,
        "ROLLCAST_HOME": str(running.home),
        "ROLLCAST_DOMAINS": ",".join(running.domains),
    }
