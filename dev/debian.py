"""Folders that hold a small Debian of their own, each made once by debootstrap, and programs that run in them.

Nothing is mounted outside of namespaces that end with the program, so a folder can be removed at any time.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from dev.packages import Bundle, Missing, unpack

DEBOOTSTRAP = Bundle("debootstrap", "debootstrap", programs=())
KEYRING = Bundle("debian-archive-keyring", "debian-archive-keyring", programs=())
KEYS = Path("usr/share/keyrings/debian-archive-keyring.gpg")
# Documents and translations, and what apt has downloaded.
LUGGAGE = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists")

ENTER = Path(__file__).with_name("enter.sh")
WORK = Path("/work")
"""Where a program in such a Debian has the one folder of the machine that it is given."""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
"""What a program in such a Debian needs: nothing of the machine's holds there."""


@dataclass(frozen=True)
class Debian:
    """A release and the packages that are in it beside the least that it needs."""

    name: str
    release: str
    packages: tuple[str, ...]


def made(debian: Debian, parent: Path) -> Path:
    """The folder of that Debian, in `parent`. Raises Missing where it cannot be made."""
    folder = parent / debian.name
    parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _make(debian, folder)
    return folder


def entrance(root: Path, folder: Path) -> list[str]:
    """What stands before a command line to run it in the Debian of `root`, where `folder` is WORK. Needs root."""
    return ["unshare", "--mount", "sh", str(ENTER), str(root), str(folder)]


def _make(debian: Debian, folder: Path) -> None:
    print(f"Making a Debian {debian.release} in {folder}, once.", file=sys.stderr)
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    _debootstrap(debian, partial, folder.with_suffix(".log"))
    for name in LUGGAGE:
        shutil.rmtree(partial / name, ignore_errors=True)
    (partial / WORK.relative_to("/")).mkdir()
    (partial / "etc/hosts").write_text("127.0.0.1 localhost\n")
    partial.rename(folder)


def _debootstrap(debian: Debian, folder: Path, log: Path) -> None:
    program, env = _program()
    options = [f"--keyring={_keyring()}", "--variant=minbase", f"--include={','.join(debian.packages)}"]
    # The empty word stands for its usual mirror; `sid` is its one script for all releases, later ones included.
    words = [*options, debian.release, str(folder), "", "sid"]
    # In namespaces: what it mounts and what it starts goes with it.
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with log.open("w") as output:
        done = subprocess.run([*apart, program, *words], env=env, stdout=output, stderr=output, check=False)
    if done.returncode:
        raise Missing(f"Debian {debian.release} could not be made ({log} says why).")


def _program() -> tuple[str, dict[str, str]]:
    """debootstrap, and its environment. Raises Missing."""
    if found := shutil.which("debootstrap"):
        return found, dict(os.environ)
    try:
        root = unpack(DEBOOTSTRAP)
    except Missing as missing:
        raise Missing(f"A Debian is made by debootstrap, and {missing}: install debootstrap.") from missing
    return str(root / "usr/sbin/debootstrap"), os.environ | {
        "DEBOOTSTRAP_DIR": str(root / "usr/share/debootstrap")
    }


def _keyring() -> Path:
    """The keys of Debian's archive: a Debian has them, others may not. Raises Missing."""
    installed = "/" / KEYS
    if installed.exists():
        return installed
    try:
        return unpack(KEYRING) / KEYS
    except Missing as missing:
        raise Missing(f"Debian's packages cannot be verified, and {missing}: install it.") from missing
