"""The rules by Prometheus' own checker, and their tests."""

import subprocess
from pathlib import Path

from dev.monitoring.scraping import SOURCE

FOLDER = SOURCE.parent
Promtool = tuple[str, dict[str, str]]


def _check(promtool: Promtool, *words: str | Path) -> str:
    command, env = promtool
    done = subprocess.run(
        [command, *map(str, words)], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_valid(promtool: Promtool) -> None:
    """Without a lint of any kind."""
    said = _check(promtool, "check", "rules", *sorted(FOLDER.glob("*.rules.yml")))
    assert said.count("SUCCESS") == 2
    assert "lint" not in said


def test_the_configuration_is_valid(promtool: Promtool) -> None:
    """With the rule files that it names."""
    assert "2 rule files found" in _check(promtool, "check", "config", SOURCE)


def test_the_tests_of_the_rules_pass(promtool: Promtool) -> None:
    """Each alert fires when it should, and not before."""
    assert "SUCCESS" in _check(promtool, "test", "rules", FOLDER / "alerts.test.yml")
