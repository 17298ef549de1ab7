"""Debian packages unpacked into the checkout, without root and without installing anything."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
RUN = CHECKOUT / ".run"
PACKAGES = RUN / "packages"


class Missing(Exception):
    """A program is neither installed nor to be had; the message is a sentence that says what to install."""


@dataclass(frozen=True)
class Bundle:
    """A package and which of the packages that it depends on are unpacked with it."""

    package: str
    pattern: str
    programs: tuple[str, ...]
    """Globs of files under the root whose shared libraries must all be there; none for scripts."""


def unpack(bundle: Bundle) -> Path:
    """Return the root of the unpacked bundle; what was downloaded once is not downloaded again.

    Raises Missing where there is no apt, no network or no such package.
    """
    PACKAGES.mkdir(parents=True, exist_ok=True)
    root = PACKAGES / bundle.package
    with (PACKAGES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            print(f"Unpacking {bundle.package} and what it needs into {root}, once.", file=sys.stderr)
            _build_or_say_why(bundle, root)
    return root


def library_path(root: Path) -> str:
    """The value of LD_LIBRARY_PATH for programs under an unpacked root."""
    return ":".join(str(path) for top in ("usr/lib", "lib") for path in sorted(root.glob(f"{top}/*-linux-*")))


def _build_or_say_why(bundle: Bundle, root: Path) -> None:
    try:
        _build(bundle, root)
    except (OSError, subprocess.CalledProcessError) as error:
        root.with_suffix(".log").write_text(getattr(error, "stderr", None) or str(error))
        raise Missing(f"{bundle.package} could not be downloaded ({PACKAGES}/*.log say why)") from error


def _build(bundle: Bundle, root: Path) -> None:
    apt = _Apt(PACKAGES / "apt")
    partial = root.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    closure = apt.closure(bundle.package)
    apt.unpack(filter(re.compile(bundle.pattern).fullmatch, closure), partial)
    if _lost_libraries(bundle, partial):
        libraries = (name for name in closure if re.match(r"lib(?!llvm)", name))
        apt.unpack((name for name in libraries if not _is_installed(name)), partial)
    if lost := _lost_libraries(bundle, partial):
        raise OSError(f"no package has these libraries: {', '.join(sorted(lost))}")
    partial.rename(root)


class _Apt:
    """apt with lists and caches of its own; it reads the machine's sources and writes nothing of the machine's."""

    def __init__(self, folder: Path) -> None:
        (folder / "state/lists/partial").mkdir(parents=True, exist_ok=True)
        (folder / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
        settings = {
            "Dir::State": folder / "state",
            "Dir::Cache": folder / "cache",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::Retries": 3,
        }
        self._options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        # One broken source of the machine must not matter: a missing package tells soon enough.
        with folder.with_suffix(".log").open("w") as log:
            subprocess.run(["apt-get", *self._options, "update"], stdout=log, stderr=log, check=False)

    def closure(self, package: str) -> list[str]:
        """The package and all that it depends on, directly or not."""
        output = _run(["apt-cache", *self._options, "depends", "--recurse", "--important", package])
        return sorted({line for line in output.splitlines() if re.match(r"[a-z0-9]", line)})

    def unpack(self, names: Iterable[str], root: Path) -> None:
        """Fetch packages and unpack them under a root."""
        with tempfile.TemporaryDirectory(dir=PACKAGES) as debs:
            _run(["apt-get", *self._options, "download", *names], cwd=Path(debs))
            for deb in Path(debs).glob("*.deb"):
                _run(["dpkg", "-x", str(deb), str(root)])


def _lost_libraries(bundle: Bundle, root: Path) -> set[str]:
    env = {**os.environ, "LC_ALL": "C", "LD_LIBRARY_PATH": library_path(root)}
    files = [str(path) for glob in bundle.programs for path in root.glob(glob)]
    if not bundle.programs:
        return set()
    return set(re.findall(r"(\S+) => not found", _run(["ldd", *files], env=env)))


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ", package]
    return "installed" in subprocess.run(query, capture_output=True, text=True, check=False).stdout.split()


def _run(args: list[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    return subprocess.run(args, cwd=cwd, env=env, capture_output=True, text=True, check=True).stdout
