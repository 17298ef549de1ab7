"""The files and the environment that make a RabbitMQ server a private one."""

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dev import ports
from dev.packages import PACKAGES, Bundle, Missing, library_path, unpack

BUNDLE = Bundle(
    package="rabbitmq-server",
    pattern=r"rabbitmq-server|erlang-.+",
    programs=("usr/lib/erlang/erts-*/bin/beam.smp", "usr/lib/erlang/lib/crypto-*/priv/lib/crypto.so"),
)

CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = {prometheus}
default_user = admin
default_pass = {password}
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
vm_memory_high_watermark.absolute = {memory}
disk_free_limit.absolute = 50MB
max_message_size = 16777216
"""

ERL = """\
#!/bin/sh
export ROOTDIR='{root}/usr/lib/erlang' BINDIR='{binaries}' EMU=beam PROGNAME=erl
exec "$BINDIR/erlexec" "$@"
"""


@dataclass(frozen=True)
class Identity:
    """What a node keeps over restarts, even over those of the program that started it."""

    password: str
    amqp: int
    management: int
    prometheus: int
    distribution: int
    epmd: int

    @classmethod
    def kept_in(cls, file: Path) -> "Identity":
        """The one in the file, with other ports if somebody has taken one of them; else a new one."""
        kept = json.loads(file.read_text()) if file.exists() else {"password": secrets.token_urlsafe(16)}
        numbers = [value for value in kept.values() if isinstance(value, int)]
        if numbers and all(map(ports.is_free, numbers)):
            return cls(**kept)
        identity = cls(kept["password"], *ports.free(5))
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(identity)))
        return identity


def configure(folder: Path, identity: Identity, memory: str, more: Mapping[str, str]) -> None:
    """Write the node's configuration; with more than so much `memory` in use it stops all publishers."""
    config = CONFIG.format(**asdict(identity), memory=memory)
    (folder / "rabbitmq.conf").write_text(
        config + "".join(f"{name} = {value}\n" for name, value in more.items())
    )
    (folder / "enabled_plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")


def installation(folder: Path) -> tuple[Path, dict[str, str]]:
    """The server's start script, and the search paths that it needs. Raises Missing."""
    _check_path(folder)
    inherited = os.environ.get("PATH", os.defpath)
    # Not the wrapper in /usr/sbin: that one switches to the package's own user.
    if found := _start_script(Path("/")) or shutil.which("rabbitmq-server"):
        return Path(found), {"PATH": inherited}
    _check_path(PACKAGES)
    try:
        root = unpack(BUNDLE)
    except Missing as missing:
        advice = "install rabbitmq-server, or set ROLLCAST_AMQP_URL"
        raise Missing(f"Rollcast needs RabbitMQ, and {missing}: {advice}.") from missing
    script = _start_script(root)
    assert script is not None
    return script, {"PATH": f"{_erl(folder, root)}:{inherited}", "LD_LIBRARY_PATH": library_path(root)}


def environment(folder: Path, identity: Identity) -> dict[str, str]:
    """The variables that keep the node in its folder, on its ports and on 127.0.0.1."""
    foreign = ("RABBITMQ_", "ERL_", "ROLLCAST_")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return inherited | {
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(identity.epmd),
        "RABBITMQ_NODENAME": "rollcast@localhost",
        "RABBITMQ_DIST_PORT": str(identity.distribution),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        # The script then becomes the Erlang machine instead of watching over it: one process, one id.
        "RABBITMQ_ALLOW_INPUT": "true",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput -kernel inet_dist_use_interface {127,0,0,1}",
    }


def _check_path(folder: Path) -> None:
    if len(str(folder).split()) > 1:
        raise Missing(
            f"RabbitMQ does not take a space in a path, and here it would run in {folder}: "
            "move the checkout, or name another broker by ROLLCAST_AMQP_URL."
        )


def _start_script(root: Path) -> Path | None:
    found = sorted(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"))
    return found[-1] if found else None


def _erl(folder: Path, root: Path) -> str:
    """A search path whose `erl` knows where the unpacked Erlang is; the packaged one believes in /usr/lib."""
    binaries = next(root.glob("usr/lib/erlang/erts-*/bin"))
    erl = folder / "bin" / "erl"
    erl.parent.mkdir(exist_ok=True)
    erl.write_text(ERL.format(root=root, binaries=binaries))
    erl.chmod(0o755)
    return f"{erl.parent}:{binaries}"
