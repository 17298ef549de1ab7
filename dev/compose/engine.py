"""A Docker engine in namespaces of its own: it sees no network, and nothing of it is left when it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from dev.debian import Debian, made
from dev.packages import RUN, Missing
from dev.processes import Failed, Program, tied

FOLDER = RUN / "compose-test"
"""What is kept from one `make compose-test` to the next."""
MACHINE = Debian(
    "engine",
    "trixie",
    ("docker.io", "docker-cli", "docker-compose", "docker-buildx", "iptables", "iproute2", "ca-certificates"),
)
ENTER = Path(__file__).with_name("enter.sh")
CHECKOUT = "/checkout"
"""Where the engine has the checkout that it was given."""
CGROUPS, CGROUP = Path("/sys/fs/cgroup"), "rollcast-compose-test"
NAMESPACES = ("--mount", "--pid", "--net", "--ipc", "--uts")
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "DOCKER_HOST": "unix:///run/docker.sock",
    "COMPOSE_ANSI": "never",
    "BUILDKIT_PROGRESS": "plain",
}


class Engine:
    """A running engine; `checkout` is the folder in which its commands work."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        data = FOLDER / "docker"
        data.mkdir(parents=True, exist_ok=True)
        words = ["unshare", *NAMESPACES, "--fork", "--kill-child", "sh", str(ENTER)]
        given = [str(made(MACHINE, FOLDER)), str(data), str(checkout), CGROUP]
        self._program = Program(tied([*words, *given]), os.environ, FOLDER / "dockerd.log")

    def start(self) -> None:
        """Start it. Returns when it answers; raises Failed, with the end of its log, if it does not come to that."""
        self._program.start()
        self._program.wait_until(self._answers, timeout=120)

    def stop(self) -> None:
        """End it, and whatever still runs in it."""
        if self._program.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._inner(), signal.SIGTERM)
        self._program.stop(timeout=60)
        for folder in (*CGROUPS.glob(CGROUP), *CGROUPS.glob(f"*/{CGROUP}")):
            for inner in sorted(folder.glob("**/"), reverse=True):
                inner.rmdir()

    def run(self, *words: str, timeout: float = 600, stdin: Path | None = None) -> str:
        """What a command prints in the engine's machine. Raises Failed, with all that it said, if it fails."""
        done = self.attempt(*words, timeout=timeout, stdin=stdin)
        if done.returncode:
            said = f"{done.stdout}{done.stderr}"
            raise Failed(f"{' '.join(words)} ended with {done.returncode}:\n{said[-6000:]}")
        return done.stdout

    def attempt(
        self, *words: str, timeout: float = 600, stdin: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The same, whatever its exit status is."""
        with (stdin or Path(os.devnull)).open("rb") as given:
            return subprocess.run(
                self._inside(words), stdin=given, capture_output=True, text=True, check=False, timeout=timeout
            )

    def _inside(self, words: Sequence[str]) -> list[str]:
        values = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        entered = ["nsenter", f"--target={self._inner()}", *NAMESPACES, "--", "env", "-i"]
        return [*entered, f"--chdir={CHECKOUT}", *values, *words]

    def _inner(self) -> int:
        """The id of the process that the namespaces were made for."""
        pid = self._program.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not children:
            raise ProcessLookupError(f"{pid} has no child")
        return int(children[0])

    def _answers(self) -> bool:
        try:
            return self.attempt("docker", "version", timeout=30).returncode == 0
        except (ProcessLookupError, subprocess.TimeoutExpired):
            return False


def check_rights() -> None:
    """Raise Missing if this user may not run an engine."""
    if os.geteuid() != 0:
        raise Missing(
            "`make compose-test` runs a Docker engine of its own, which needs root: run it as root."
        )


@contextmanager
def engine(checkout: Path) -> Iterator[Engine]:
    """An engine, ended at the end. Raises Missing where none can run."""
    running = Engine(checkout)
    try:
        print("Starting the engine.", file=sys.stderr)
        try:
            running.start()
        except Failed as failed:
            raise Missing(
                f"`make compose-test` cannot run a Docker engine on this machine: {failed}"
            ) from failed
        yield running
    finally:
        running.stop()
