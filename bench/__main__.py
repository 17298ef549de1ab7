"""Run the benchmarks, print a table and write `bench/results.json`."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import fanout, memory, rollcall, slow, small, stuck
from dev.packages import RUN, Missing
from dev.processes import Failed, unwind_when_told_to_end

BENCHES: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "fanout": fanout.run,
    "rollcall": rollcall.run,
    "scale": rollcall.scale,
    "small": small.run,
    "memory": memory.run,
    "slow": slow.run,
    "stuck": stuck.run,
}
RESULTS = Path(__file__).with_name("results.json")


def main(names: Sequence[str]) -> int:
    """Run the named benchmarks, or all. Exit status: 0, or 2 for wrong usage or no broker to be had."""
    unwind_when_told_to_end()
    if unknown := [name for name in names if name not in BENCHES]:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    results: dict[str, Any] = {}
    try:
        for name in names or BENCHES:
            results[name] = _run(name)
            _print(name, results[name])
    except (Missing, Failed) as error:
        print(error, file=sys.stderr)
        return 2
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def _run(name: str) -> dict[str, Any]:
    folder = RUN / "bench" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return BENCHES[name](folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _print(name: str, result: dict[str, Any]) -> None:
    for key, value in result.items():
        print(f"{name:<10} {key:<24} {_plain(value)}", flush=True)


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list):
        return "  ".join(map(_plain, value))
    if isinstance(value, dict):
        return "  ".join(f"{key} {_plain(one)}" for key, one in value.items())
    return str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
