"""A peer: nginx, and as many `curl` as there are receivers. The file lies with the server already."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from dev import ports
from dev.packages import Missing
from dev.processes import Program, tied

CONFIG = """
daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port}; root {root}; }}
client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5; }}
"""
FETCH = 'curl -sf -o "$1" "$2" && openssl dgst -sha256 "$1" >/dev/null && sync "$1"'


class Nginx:
    """A private nginx that serves the folder above its own. Raises Missing if it, or a client, is not installed."""

    name = "nginx"

    def __init__(self, folder: Path) -> None:
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if program is None or not all(map(shutil.which, ("curl", "openssl"))):
            raise Missing("nginx, curl or openssl is not installed")
        self._folder = folder
        folder.mkdir()
        (self._port,) = ports.free(1)
        config = folder / "nginx.conf"
        text = CONFIG.format(folder=folder, port=self._port, root=folder.parent)
        # Its workers would else run as a user who may not read what root has made.
        config.write_text(("user root;" if os.geteuid() == 0 else "") + text)
        self._server = Program(tied([program, "-c", str(config)]), os.environ, folder / "nginx.log")
        self._server.start()
        self._server.wait_until(lambda: ports.answers(self._port))

    def close(self) -> None:
        """Stop it."""
        self._server.stop()

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
