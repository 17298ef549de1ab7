"""What can be looked at without a server: this machine's files, its clock, and the way to the broker."""

import stat
import time
from pathlib import Path

from rollcast.findings import fine, some, wrong
from rollcast.messages.figures import Finding
from rollcast.settings import ClientSettings

SKEW = 3.0
"""Seconds by which this machine's clock may differ from a server's."""
FOR_OTHERS = 0o077


def check_files(settings: ClientSettings, address: str | None = None) -> Finding:
    """Passwords are for their owner only: all that are kept here, or those of one address."""
    folder = settings.home / "credentials"
    kept = sorted(folder.glob("*.json")) if address is None else _there(folder / f"{address}.json")
    if not kept:
        return fine("credentials", f"none are kept in {folder}")
    open_to_others = [str(path) for path in (folder, *kept) if _mode(path) & FOR_OTHERS]
    if open_to_others:
        return wrong("credentials", f"others may read {some(open_to_others)}", f"chmod -R go= {folder}")
    return fine("credentials", f"{len(kept)} in {folder}, for their owner only")


def _there(path: Path) -> list[Path]:
    return [path] if path.exists() else []


def check_clock(server_time: int) -> Finding:
    """How far this machine's clock is from a server's, whose time (µs UTC) has just come."""
    ahead = time.time() - server_time / 1_000_000
    if abs(ahead) > SKEW:
        told = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's"
        return wrong("clock of this machine", told, "Let all machines keep the same time (NTP).")
    return fine("clock of this machine", "it agrees with the server's")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
