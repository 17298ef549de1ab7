"""Faults of all kinds while files are on their way, as `make chaos` runs it, for two minutes."""

import os
import subprocess
import sys

import pytest

from dev.packages import CHECKOUT

pytestmark = pytest.mark.long

SECONDS = 120
"""Of faults; the ends that must come after them take as long again."""
SEED = "31"
"""The same faults each time; `make chaos` takes others."""
WITHIN_S = 900
"""Of which it needs five minutes, unless the machine is slow."""


@pytest.mark.timeout(WITHIN_S + 30)
def test_every_transfer_ends_well_whatever_fails() -> None:
    """Every transfer is final, who has the file has it once and whole, and nothing is left; the seed is printed."""
    run = subprocess.run(
        [sys.executable, "-m", "dev.chaos"],
        env={**os.environ, "CHAOS_SEED": SEED, "CHAOS_SECONDS": str(SECONDS)},
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert f"seed {SEED}" in run.stdout
