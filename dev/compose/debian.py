"""Folders that hold a small Debian of their own, each made once by debootstrap."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.packages import RUN, Bundle, Missing, unpack

FOLDER = RUN / "compose-test"
DEBOOTSTRAP = Bundle("debootstrap", "debootstrap", programs=())
KEYRING = Bundle("debian-archive-keyring", "debian-archive-keyring", programs=())
# Documents and translations, and what apt has downloaded.
LUGGAGE = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists")


@dataclass(frozen=True)
class Debian:
    """A release and the packages that are in it beside the least that it needs."""

    name: str
    release: str
    packages: tuple[str, ...]


def made(debian: Debian) -> Path:
    """The folder of that Debian. Raises Missing where it cannot be made."""
    folder = FOLDER / debian.name
    if folder.exists():
        return folder
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(f"Making a Debian {debian.release} in {folder}, once.", file=sys.stderr)
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    _debootstrap(debian, partial)
    for name in LUGGAGE:
        shutil.rmtree(partial / name, ignore_errors=True)
    partial.rename(folder)
    return folder


def _debootstrap(debian: Debian, folder: Path) -> None:
    program, env, options = _program()
    words = [*options, "--variant=minbase", f"--include={','.join(debian.packages)}", debian.release]
    log = folder.with_suffix(".log")
    with log.open("w") as output:
        done = subprocess.run([program, *words, folder], env=env, stdout=output, stderr=output, check=False)
    if done.returncode:
        raise Missing(f"Debian {debian.release} could not be downloaded ({log} says why).")


def _program() -> tuple[str, dict[str, str], Sequence[str]]:
    if found := shutil.which("debootstrap"):
        return found, dict(os.environ), ()
    try:
        root, keys = unpack(DEBOOTSTRAP), unpack(KEYRING)
    except Missing as missing:
        raise Missing(f"`make compose-test` needs it, and {missing}: install debootstrap.") from missing
    env = os.environ | {"DEBOOTSTRAP_DIR": str(root / "usr/share/debootstrap")}
    keyring = keys / "usr/share/keyrings/debian-archive-keyring.gpg"
    return str(root / "usr/sbin/debootstrap"), env, [f"--keyring={keyring}"]
