"""Writes `schemas/` from the code, and tells what there differs from it: `python -m dev.schemas [--check]`."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "schemas"
"""Where the contract is."""
