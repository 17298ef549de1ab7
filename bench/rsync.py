"""A peer: an rsync daemon, and as many clients as there are receivers. The file lies with the daemon already.

A client verifies the whole file by the checksum that the daemon sends after it, and syncs it.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from dev import ports
from dev.packages import Bundle, library_path, unpack
from dev.processes import Program, tied

BUNDLE = Bundle(package="rsync", pattern="rsync|libpopt0|libxxhash0", programs=("usr/bin/rsync",))
CONFIG = """\
address = 127.0.0.1
port = {port}
use chroot = no
{user}
[files]
path = {root}
"""


class Rsync:
    """A private daemon that serves the folder above its own. Raises Missing if there is no rsync to be had."""

    name = "rsync"

    def __init__(self, folder: Path) -> None:
        self._command, self._env = _installation()
        self._folder = folder
        folder.mkdir()
        (self._port,) = ports.free(1)
        # Else a daemon that root has started reads as nobody, who may not read what root has made.
        user = "uid = root\ngid = root" if os.geteuid() == 0 else ""
        config = folder / "rsyncd.conf"
        config.write_text(CONFIG.format(port=self._port, user=user, root=folder.parent))
        daemon = [self._command, "--daemon", "--no-detach", f"--config={config}"]
        self._server = Program(tied(daemon), self._env, folder / "rsyncd.log")
        self._server.start()
        self._server.wait_until(lambda: ports.answers(self._port))

    def close(self) -> None:
        """Stop it."""
        self._server.stop()

    def fetch(self, source: Path, clients: int) -> float:
        """Seconds in which so many clients have the file, verified and synced."""
        into = self._folder / "fetched"
        into.mkdir()
        url = f"rsync://127.0.0.1:{self._port}/files/{source.name}"
        started = time.perf_counter()
        running = [
            subprocess.Popen([self._command, "--fsync", url, str(into / str(number))], env=self._env)
            for number in range(clients)
        ]
        if any(process.wait() for process in running):
            raise RuntimeError("rsync failed")
        seconds = time.perf_counter() - started
        shutil.rmtree(into)
        return seconds


def _installation() -> tuple[str, dict[str, str]]:
    if found := shutil.which("rsync"):
        return found, dict(os.environ)
    root = unpack(BUNDLE)
    return str(root / "usr/bin/rsync"), {**os.environ, "LD_LIBRARY_PATH": library_path(root)}
