"""The stack of docker-compose.yml, brought up as an operator would, in an engine of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.alone import alone
from dev.compose import images
from dev.compose.engine import FOLDER, check_rights, engine
from dev.packages import CHECKOUT, Missing
from tests.compose.stack import HERE, Stack

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".run", ".env", ".*_cache", ".hypothesis", "__pycache__")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A clean copy of the checkout, with the images that it names, before the first command."""
    try:
        check_rights()
        with alone("compose-test"), engine(_copy()) as running:
            images.build(running)
            fresh = Stack(running)
            fresh.down()
            # Or the first command would take the image of an earlier run, and of other code.
            running.attempt("docker", "image", "rm", "rollcast-workers")
            yield fresh
            fresh.down()
    except Missing as missing:
        pytest.exit(str(missing), returncode=2)


@pytest.fixture(scope="session")
def up(stack: Stack) -> Stack:
    """The stack after the first of the two commands, without Grafana."""
    stack.engine.run("deploy/secrets.sh")
    stack.compose("up", "--detach", "--wait", *HERE, timeout=900)
    return stack


def _copy() -> Path:
    copy = FOLDER / "checkout"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(CHECKOUT, copy, ignore=LEFT_OUT)
    shutil.rmtree(copy / "deploy" / "secrets", ignore_errors=True)
    return copy
