"""The program of `docs/producers.md`, made and started as the document says."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dev.packages import CHECKOUT, RUN, Missing
from dev.processes import Program, tied
from tests.e2e.world import World
from tests.waiting import wait_until

DOCUMENT = CHECKOUT / "docs" / "producers.md"
NODE = 20
"""The oldest version of Node.js that the document speaks of."""


def make() -> Path:
    """The program, below a copy of the documents. Raises `Missing` without Node.js, or if npm gets no packages."""
    _check_node()
    copy = RUN / "producers"
    shutil.rmtree(copy, ignore_errors=True)
    folder = copy / "docs" / "producers"
    folder.mkdir(parents=True)
    shutil.copy(DOCUMENT, folder.parent)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(DOCUMENT.with_suffix("") / name, folder)
    making = re.sub(r"^(?:\. |echo |node ).*\n", "", terminals()[-1], flags=re.MULTILINE)
    quiet = {"npm_config_audit": "false", "npm_config_fund": "false", "npm_config_update_notifier": "false"}
    done = subprocess.run(
        ["sh", "-ec", making], cwd=copy, env=os.environ | quiet, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Missing(f"npm could not install what docs/producers needs: {done.stderr[-1000:]}")
    return folder / "producer.mjs"


def terminals() -> list[str]:
    """What the document tells its reader to type, in one terminal after the other."""
    return re.findall(r"^```sh\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)


class Producer:
    """The program as it sends one file."""

    def __init__(
        self, world: World, program: Path, source: Path, sender: str, recipients: Sequence[str]
    ) -> None:
        self.source = source
        world.add(sender)
        credentials = world.running.home / "credentials" / f"{sender}.json"
        log = source.with_name(f"{source.name}.log")
        words = ["node", str(program), str(credentials), str(source), *recipients]
        self.process = Program(tied(words), world.environment, log)

    def start(self) -> None:
        """Start it, or start it again."""
        self.process.start()

    def refuses(self, status: int) -> str:
        """Start it, wait for its end with this status, and return the one line that it says."""
        self.start()
        self._end(status)
        (line,) = self.process.log.read_text().splitlines()
        return line

    def ends(self, status: int) -> dict[str, Any]:
        """Wait for its end with this status, and return the report; nothing is kept of the request."""
        self._end(status)
        assert not list(self.source.parent.glob("*.request*"))
        reports = [json.loads(line) for line in self.process.tail(10_000).splitlines() if line[:1] == "{"]
        return dict(reports[-1]) if reports else {}

    def _end(self, status: int) -> None:
        wait_until(lambda: self.process.returncode is not None, "the producer has ended")
        assert self.process.returncode == status, self.process.tail()


def _check_node() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Missing(
            f"the example in docs/producers.md needs Node.js {NODE} or newer, with npm; install them"
        )
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").partition(".")[0]) < NODE:
        raise Missing(
            f"the example in docs/producers.md needs Node.js {NODE} or newer, and this is {version.strip()}"
        )
