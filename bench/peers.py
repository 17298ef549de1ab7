"""What we are measured against: nginx, and as many `curl` as there are receivers."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from urllib.request import urlopen

from dev import ports

CONFIG = """
daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port}; root {root}; }}
client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5; }}
"""
FETCH = 'curl -sf -o "$1" "$2" && openssl dgst -sha256 "$1" >/dev/null && sync "$1"'


class Nginx:
    """A private nginx that serves the folder above its own, if it is installed with its clients."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        self._process: subprocess.Popen[bytes] | None = None
        self.installed = self._program is not None and all(map(shutil.which, ("curl", "openssl")))

    def __enter__(self) -> "Nginx":
        if self._program is not None and self.installed:
            self._folder.mkdir()
            (self._port,) = ports.free(1)
            config = self._folder / "nginx.conf"
            text = CONFIG.format(folder=self._folder, port=self._port, root=self._folder.parent)
            # Its workers would else run as a user who may not read what root has made.
            config.write_text(("user root;" if os.geteuid() == 0 else "") + text)
            self._process = subprocess.Popen([self._program, "-c", str(config)])
            self._wait_until_up(config)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def fetch(self, source: Path, clients: int) -> float:
        """Seconds in which so many clients have the file, hashed and synced."""
        into = self._folder / "fetched"
        into.mkdir()
        url = f"http://127.0.0.1:{self._port}/{source.name}"
        started = time.perf_counter()
        running = [
            subprocess.Popen(["sh", "-c", FETCH, "sh", str(into / str(number)), url])
            for number in range(clients)
        ]
        if any(process.wait() for process in running):
            raise RuntimeError("curl, openssl or sync failed")
        seconds = time.perf_counter() - started
        shutil.rmtree(into)
        return seconds

    def _wait_until_up(self, probe: Path) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                urlopen(f"http://127.0.0.1:{self._port}/nginx/{probe.name}", timeout=5).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise
            else:
                return
