"""A private PostgreSQL for tests: the installed programs, or the Debian packages unpacked."""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dev import ports
from dev.packages import Bundle, Missing, library_path, unpack
from dev.processes import Program, tied

BUNDLE = Bundle(
    package="postgresql",
    pattern=r"postgresql-(client-)?\d+",
    programs=("usr/lib/postgresql/*/bin/postgres", "usr/lib/postgresql/*/bin/createdb"),
)

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # A path of a socket may have 107 characters, and tests' folders have long names.
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "max_connections": "200",
}

# PostgreSQL refuses root. Another user that keeps root's way through closed folders can work wherever root
# can; without the secure bit access(2), which initdb asks, would not count that.
OTHER_USER = (
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
    "--securebits=+no_setuid_fixup",
)


@dataclass(frozen=True)
class Cluster:
    """A server that can be started again in place, with a superuser `rollcast` and its database."""

    binaries: Path
    env: dict[str, str]
    port: int
    password: str
    folder: Path

    def start(self) -> None:
        """Start it. Returns when it takes connections."""
        self._server.start()
        self._server.wait_until(lambda: _is_ready(self))

    def stop(self) -> None:
        """End it, and whatever goes on in it."""
        self._server.stop(signal.SIGINT)

    def kill(self) -> None:
        """End it as a crash would; its processes notice at once that their parent is gone."""
        self._server.kill()

    @cached_property
    def _server(self) -> Program:
        settings = [word for pair in SETTINGS.items() for word in ("-c", "=".join(pair))]
        args = [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        command = [*_user(), *tied([*args, *settings], orphaned="QUIT")]
        return Program(command, self.env, self.folder / "postgres.log")

    @property
    def url(self) -> str:
        """The address of the database `rollcast`."""
        return self._url("rollcast")

    def database(self, name: str) -> str:
        """Make another, empty database and return its address."""
        env = self.env | {"PGPASSWORD": self.password}
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "rollcast"]
        subprocess.run([self.binaries / "createdb", *where, name], env=env, check=True)
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql://rollcast:{self.password}@127.0.0.1:{self.port}/{name}"


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A server whose files are in `folder`, stopped at the end. Raises Missing if there is no PostgreSQL."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    binaries, env = _installation()
    (port,) = ports.free(1)
    made = Cluster(binaries, env, port, secrets.token_urlsafe(16), folder)
    _initialise(made)
    try:
        made.start()
        made.database("rollcast")
        yield made
    finally:
        made.stop()


def _initialise(made: Cluster) -> None:
    secret = made.folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(made.password)
    options = [
        "-U",
        "rollcast",
        f"--pwfile={secret}",
        "-A",
        "scram-sha-256",
        "-E",
        "UTF8",
        "--locale=C",
        "-N",
    ]
    initdb = [*_user(), str(made.binaries / "initdb"), "-D", str(made.folder / "data"), *options]
    subprocess.run(initdb, env=made.env, check=True, stdout=subprocess.DEVNULL)


def _is_ready(made: Cluster) -> bool:
    asked = [str(made.binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(made.port)]
    return subprocess.run(asked, env=made.env, check=False).returncode == 0


def _user() -> tuple[str, ...]:
    return OTHER_USER if os.geteuid() == 0 else ()


def _installation() -> tuple[Path, dict[str, str]]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    if found := _binaries(Path("/")):
        return found, inherited
    try:
        root = unpack(BUNDLE)
    except Missing as missing:
        raise Missing(f"The tests need PostgreSQL, and {missing}: install postgresql.") from missing
    unpacked = _binaries(root)
    assert unpacked is not None
    return unpacked, inherited | {"LD_LIBRARY_PATH": library_path(root)}


def _binaries(root: Path) -> Path | None:
    found = sorted(root.glob("usr/lib/postgresql/*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    return found[-1].parent if found else None
