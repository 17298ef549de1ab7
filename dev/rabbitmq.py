"""The files and the environment that make a RabbitMQ server a private one."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dev import ports

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
max_message_size = 5242880
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


def environment(folder: Path, identity: Identity) -> dict[str, str]:
    """The variables that keep the node in its folder, as it sees that, on its ports and on 127.0.0.1."""
    return {
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
