"""Memory: 2 GiB to 2 receivers, each process's peak, against what it needs for 64 MiB."""

import subprocess
import time
from pathlib import Path
from typing import Any

from bench.stage import ROLLCAST, MiB, Stage, random_file, receiving, stage

SMALL, BIG = 64 * MiB, 2048 * MiB
RECEIVERS = ["bob@acme", "carol@globex"]
EVERY_S = 0.02


def run(folder: Path) -> dict[str, Any]:
    """Peaks in MiB by process for both sizes; 150 in all and 30 above the small one are the goals."""
    small, big = _peaks(folder / "small", SMALL), _peaks(folder / "big", BIG)
    ours = [name for name in big if name != "broker"]
    return {
        "small_mib": small,
        "big_mib": big,
        "highest_mib": max(big[name] for name in ours),
        "most_growth_mib": max(big[name] - small[name] for name in ours),
    }


def _peaks(folder: Path, size: int) -> dict[str, float]:
    folder.mkdir()
    with stage(folder, ["alice@acme", *RECEIVERS]) as set_up, receiving(set_up, RECEIVERS) as receivers:
        source = random_file(folder / "source.bin", size)
        sender = _send(set_up, source)
        source.unlink()
        processes = {address: process.pid for address, process in receivers.items()}
        processes |= {f"worker {worker.pid}": worker.pid for worker in set_up.deployment.workers}
        peaks = {_plain(name): _peak(pid) for name, pid in processes.items()}
        return {"sender": sender, **peaks, "broker": _peak(set_up.node.pid)}


def _plain(name: str) -> str:
    return name.partition(" ")[0]


def _send(set_up: Stage, source: Path) -> float:
    to = [word for address in RECEIVERS for word in ("--to", address)]
    command = [*ROLLCAST, "send", str(source), "--as", "alice@acme", *to, "--json"]
    process = subprocess.Popen(command, env=set_up.environment, stdout=subprocess.DEVNULL)
    peak = 0.0
    # The kernel's own figure for a child that has ended counts what it was before its exec: a copy of us.
    while process.poll() is None:
        peak = max(peak, _peak(process.pid))
        time.sleep(EVERY_S)
    if process.returncode:
        raise RuntimeError(f"send ended with {process.returncode}")
    return peak


def _peak(pid: int) -> float:
    """MiB that a process had resident at the most since its exec; 0 for one that has just ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
