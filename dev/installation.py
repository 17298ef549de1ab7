"""Where a private node's RabbitMQ comes from: the machine, its packages, or a Debian that has the wanted version."""

import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev import debian
from dev.debian import Debian
from dev.packages import PACKAGES, RUN, Bundle, Missing, library_path, unpack

VARIABLE = "BROKER"
"""Names the wanted series, as in `make test BROKER=4.3`."""
RELEASES = {"3.10": "bookworm", "4.0": "trixie", "4.3": "forky"}
"""The Debian release that has a series of RabbitMQ."""
FOLDER = RUN / "debian"

BUNDLE = Bundle(
    package="rabbitmq-server",
    pattern=r"rabbitmq-server|erlang-.+",
    programs=("usr/lib/erlang/erts-*/bin/beam.smp", "usr/lib/erlang/lib/crypto-*/priv/lib/crypto.so"),
)

ERL = """\
#!/bin/sh
export ROOTDIR='{root}/usr/lib/erlang' BINDIR='{binaries}' EMU=beam PROGNAME=erl
exec "$BINDIR/erlexec" "$@"
"""


@dataclass(frozen=True)
class Installation:
    """A RabbitMQ server's programs, and what they need to run."""

    programs: Path
    """The folder of rabbitmq-server and rabbitmqctl."""
    folder: Path
    """The node's folder, as they see it."""
    variables: Mapping[str, str]
    """Environment beside what makes the node a private one."""
    entrance: tuple[str, ...] = ()
    """What stands before each command line."""

    def command(self, program: str, *words: str) -> list[str]:
        """The command line of rabbitmq-server or rabbitmqctl."""
        return [*self.entrance, str(self.programs / program), *words]

    @property
    def epmd(self) -> list[str]:
        """The command line of Erlang's port mapper, in the foreground."""
        if self.entrance:
            return [*self.entrance, "epmd"]
        return [shutil.which("epmd", path=self.variables["PATH"]) or "epmd"]


def wanted() -> str | None:
    """The series that the environment asks for, such as `4.3`. Raises Missing for one that cannot be had."""
    series = os.environ.get(VARIABLE) or None
    if series is not None and series not in RELEASES:
        raise Missing(f"There is no BROKER={series}: RabbitMQ {', '.join(RELEASES)} can be had.")
    return series


def prepare() -> None:
    """Download what the wanted series needs, if one is wanted that the machine lacks. Raises Missing."""
    series = wanted()
    if series is not None and series != _machines_series():
        _debian(series)


def found(folder: Path) -> Installation:
    """The server for the node in `folder`: of the wanted series, else that of the machine. Raises Missing."""
    series = wanted()
    if series is None or series == _machines_series():
        return _machines(folder)
    root = _debian(series)
    programs = "/" / _programs(root).relative_to(root)
    return Installation(programs, debian.WORK, debian.ENVIRONMENT, tuple(debian.entrance(root, folder)))


def series_of(version: str) -> str:
    """The series of a version: `4.3` for `4.3.6`."""
    return ".".join(version.split(".")[:2])


def _machines_series() -> str | None:
    """The series that is installed, or would be unpacked; None if that is not known."""
    if programs := _folder(Path("/")):
        return series_of(_version(programs))
    try:
        release = platform.freedesktop_os_release().get("VERSION_CODENAME")
    except OSError:
        return None
    return next((series for series, name in RELEASES.items() if name == release), None)


def _machines(folder: Path) -> Installation:
    """What is installed on the machine, else its packages unpacked."""
    _check_path(folder)
    foreign = ("RABBITMQ_", "ERL_", "ROLLCAST_")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    path = inherited.setdefault("PATH", os.defpath)
    # Not the wrapper in /usr/sbin: that one switches to the package's own user.
    if programs := _folder(Path("/")) or _parent(shutil.which("rabbitmq-server")):
        return Installation(programs, folder, inherited)
    _check_path(PACKAGES)
    try:
        root = unpack(BUNDLE)
    except Missing as missing:
        advice = "install rabbitmq-server, or set ROLLCAST_AMQP_URL"
        raise Missing(f"Rollcast needs RabbitMQ, and {missing}: {advice}.") from missing
    unpacked = {"PATH": f"{_erl(folder, root)}:{path}", "LD_LIBRARY_PATH": library_path(root)}
    return Installation(_programs(root), folder, inherited | unpacked)


def _debian(series: str) -> Path:
    """The folder of a Debian with the server of that series. Raises Missing."""
    release = RELEASES[series]
    if os.geteuid() != 0:
        raise Missing(
            f"BROKER={series} runs in a Debian {release} of its own, which needs root: "
            "run it as root, or name a broker of that version by ROLLCAST_AMQP_URL."
        )
    root = debian.made(Debian(release, release, ("rabbitmq-server",)), FOLDER)
    version = _version(_programs(root))
    if series_of(version) != series:
        raise Missing(f"BROKER={series} cannot be had: Debian {release} has RabbitMQ {version} ({root}).")
    return root


def _check_path(folder: Path) -> None:
    if len(str(folder).split()) > 1:
        raise Missing(
            f"RabbitMQ does not take a space in a path, and here it would run in {folder}: "
            "move the checkout, or name another broker by ROLLCAST_AMQP_URL."
        )


def _folder(root: Path) -> Path | None:
    """The folder of a package's programs under a root."""
    scripts = sorted(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"))
    return scripts[-1].parent if scripts else None


def _programs(root: Path) -> Path:
    folder = _folder(root)
    assert folder is not None, f"no rabbitmq-server in {root}"
    return folder


def _parent(program: str | None) -> Path | None:
    return Path(program).parent if program else None


def _version(programs: Path) -> str:
    return programs.parent.name.rpartition("-")[2]


def _erl(folder: Path, root: Path) -> str:
    """A search path whose `erl` knows where the unpacked Erlang is; the packaged one believes in /usr/lib."""
    binaries = next(root.glob("usr/lib/erlang/erts-*/bin"))
    erl = folder / "bin" / "erl"
    erl.parent.mkdir(exist_ok=True)
    erl.write_text(ERL.format(root=root, binaries=binaries))
    erl.chmod(0o755)
    return f"{erl.parent}:{binaries}"
