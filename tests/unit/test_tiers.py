"""Documents say of each test in which tier it runs, as its marker does."""

import ast
import re
from pathlib import Path

import pytest

from dev.packages import CHECKOUT

TESTS = CHECKOUT / "tests"
TESTING, GUARANTEES = CHECKOUT / "docs" / "testing.md", CHECKOUT / "docs" / "guarantees.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)`(?: \((long|partly long)\))?")


def _is_long(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "long" and ast.unparse(node) == "pytest.mark.long"


def _tier(file: Path) -> str:
    """The note behind the name of a file: `long`, `partly long`, or none."""
    tree = ast.parse(file.read_text())
    whole = [
        found.value for found in tree.body if isinstance(found, ast.Assign) and _names(found) == "pytestmark"
    ]
    if any(_is_long(part) for mark in whole for part in ast.walk(mark)):
        return "long"
    return "partly long" if any(map(_is_long, ast.walk(tree))) else ""


def _names(assignment: ast.Assign) -> str:
    return ast.unparse(assignment.targets[0])


TIERS = {str(file.relative_to(CHECKOUT)): _tier(file) for file in sorted(TESTS.rglob("test_*.py"))}


def test_all_that_is_long_is_explained() -> None:
    """And nothing else is."""
    explained = {name for name, _ in NAMED.findall(TESTING.read_text().partition("## What is long")[2])}
    assert explained == {name for name, tier in TIERS.items() if tier}


@pytest.mark.parametrize(("name", "noted"), sorted(set(NAMED.findall(GUARANTEES.read_text()))))
def test_guarantees_say_in_which_tier_their_tests_are(name: str, noted: str) -> None:
    """Each time that they name one."""
    assert noted == TIERS[name]
