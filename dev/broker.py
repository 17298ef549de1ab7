"""A RabbitMQ node for development and tests: the one named by the environment, or a private one."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from dev import definitions, installation, management, ports, rabbitmq
from dev.packages import Missing
from dev.processes import Failed, Program, tied

MEMORY = "1GB"
"""What a node may use before its alarm blocks whoever publishes."""


class Broker:
    """A virtual host of a running node: two addresses, both with an administrator's credentials."""

    def __init__(self, amqp_url: str, management_url: str) -> None:
        self.amqp_url = amqp_url
        self.management_url = management_url

    @property
    def vhost(self) -> str:
        """The virtual host that the AMQP URL names."""
        return unquote(urlsplit(self.amqp_url).path[1:]) or "/"

    def path(self, kind: str, *names: str) -> str:
        """The path of the management API for what is in the virtual host, such as `/api/queues/%2F/NAME`."""
        return "/".join(["/api", kind, *(quote(name, safe="") for name in (self.vhost, *names))])

    @property
    def version(self) -> str:
        """The broker's version, for example `3.10.8`."""
        return str(management.call(self.management_url, "GET", "/api/overview")["rabbitmq_version"])

    def check(self) -> None:
        """Raise Failed if it has ended, as far as that is known: one that was not started here is not watched."""


class Node(Broker):
    """A private node; everything of it is in one folder and on 127.0.0.1.

    With more than so much `memory` in use it raises its alarm, and takes nothing from publishers. `more` are lines of
    its configuration.
    """

    def __init__(self, folder: Path, memory: str = MEMORY, more: Mapping[str, str] | None = None) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._identity = me = rabbitmq.Identity.kept_in(folder / "node.json")
        authority = f"admin:{me.password}@127.0.0.1"
        super().__init__(f"amqp://{authority}:{me.amqp}/", f"http://{authority}:{me.management}")
        rabbitmq.configure(folder, me, memory, more or {})
        made = self._installation = installation.found(folder)
        env = self._environment = {**made.variables, **rabbitmq.environment(made.folder, me)}
        # In the foreground, as a child of ours: left to itself the node starts a daemon that outlives it.
        self._epmd = Program(tied(made.epmd), env, folder / "epmd.log")
        self._server = Program(tied(made.command("rabbitmq-server")), env, folder / "rabbitmq.log")

    @property
    def pid(self) -> int:
        """The process id of the Erlang machine."""
        return self._server.pid

    @property
    def prometheus_port(self) -> int:
        """Where its Prometheus plugin answers on 127.0.0.1."""
        return self._identity.prometheus

    @property
    def serves(self) -> bool:
        """Whether it is up, and answers."""
        return self._server.returncode is None and self._is_ready()

    def check(self) -> None:
        """Raise Failed, with the end of its log, if it has ended."""
        self._server.check()

    def allow_memory(self, amount: str) -> None:
        """Set how much (bytes, or such as 1GB) it may use before an alarm blocks whoever publishes; for this run."""
        words = ("--quiet", "set_vm_memory_high_watermark", "absolute", amount)
        done = subprocess.run(
            self._installation.command("rabbitmqctl", *words),
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise Failed(f"rabbitmqctl {' '.join(words)} ended with {done.returncode}: {done.stderr}")

    def start(self) -> None:
        """Start it, or start it again in place: same data, same ports. Returns when it serves."""
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        """Start it, and do not wait."""
        self._epmd.start()
        self._epmd.wait_until(lambda: ports.answers(self._identity.epmd))
        self._server.start()

    def wait_until_ready(self) -> None:
        """Return when it serves; raise Failed, with the end of its log, if it does not come to that."""
        self._server.wait_until(self._is_ready)

    def has_logged(self, words: str) -> bool:
        """Whether these words stand in its log."""
        return words in self._server.log.read_text(errors="replace")

    def kill(self) -> None:
        """End it as a crash would."""
        self._server.kill()
        self._epmd.kill()

    def stop(self) -> None:
        """End it cleanly; nothing is left running."""
        # All is on disk within milliseconds; then 3.x waits 6 s for itself before it leaves.
        self._server.stop(timeout=3)
        self._epmd.stop()

    def _is_ready(self) -> bool:
        try:
            return ports.answers(self._identity.amqp) and bool(self.version)
        except OSError:
            return False


@contextmanager
def node(folder: Path) -> Iterator[Broker]:
    """The broker of `ROLLCAST_AMQP_URL`, left as it is, else a private node that is stopped at the end.

    What `.run/env` has set counts as not set. Raises Missing if there is none and none can be had, and if the one
    that is named has another version than BROKER asks for.
    """
    if named := _named():
        yield _given(named)
    else:
        with private_node(folder) as private:
            yield private


@contextmanager
def private_node(folder: Path, memory: str = MEMORY, more: Mapping[str, str] | None = None) -> Iterator[Node]:
    """A private node whatever the environment says, for tests that kill, restart or straiten it."""
    private = Node(folder, memory, more)
    try:
        private.start()
        yield private
    finally:
        private.stop()


def prepare() -> None:
    """Download the RabbitMQ that BROKER asks for, unless a broker is named. Raises Missing."""
    if not _named():
        installation.prepare()


def _named() -> str | None:
    amqp_url = os.environ.get("ROLLCAST_AMQP_URL") or None
    return None if amqp_url is None or _from_make_up(amqp_url) else amqp_url


def _from_make_up(amqp_url: str) -> bool:
    return "ROLLCAST_MANAGEMENT_PORT" in os.environ and urlsplit(amqp_url).username == definitions.OPERATOR


def _given(amqp_url: str) -> Broker:
    broker = Broker(amqp_url, os.environ.get("ROLLCAST_MANAGEMENT_URL") or _management_beside(amqp_url))
    try:
        version = broker.version
    except OSError as error:
        raise Missing(
            f"ROLLCAST_AMQP_URL is set, but its user cannot use the broker's management API ({error}): "
            "name an administrator, set ROLLCAST_MANAGEMENT_URL, or unset both for a private node."
        ) from error
    series = installation.wanted()
    if series is not None and installation.series_of(version) != series:
        raise Missing(
            f"BROKER={series} was asked for, and ROLLCAST_AMQP_URL names RabbitMQ {version}: unset one of them."
        )
    return broker


def _management_beside(amqp_url: str) -> str:
    user, at, host = urlsplit(amqp_url).netloc.rpartition("@")
    return f"http://{user}{at}{host.rsplit(':', 1)[0]}:15672"
