"""What `import rollcast` offers, and what it does not bring along."""

import json
import subprocess
import sys

import rollcast

FOREIGN = {
    "workers",
    "dev",
    "sqlalchemy",
    "aiohttp",
    "obstore",
    "prometheus_client",
    "structlog",
    "rich",
    "cyclopts",
}
"""Packages that are the workers' or the command line's, not the SDK's."""


def test_all_is_sorted_and_there() -> None:
    """Each name once, in order, and importable."""
    assert rollcast.__all__ == sorted(set(rollcast.__all__))
    assert [name for name in rollcast.__all__ if not hasattr(rollcast, name)] == []


def test_nothing_public_is_left_out_of_all() -> None:
    """What the package defines without an underscore, its modules aside, is meant to be used."""
    public = {
        name
        for name, value in vars(rollcast).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("rollcast")
    }
    assert public <= set(rollcast.__all__)


def test_importing_the_sdk_brings_no_workers_and_no_framework() -> None:
    """A host program gets the SDK and its four libraries, in a fresh interpreter."""
    program = "import json, sys, rollcast; print(json.dumps([*sys.modules]))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert FOREIGN & {name.partition(".")[0] for name in json.loads(found.stdout)} == set()
