"""`python -m dev.demo [FILE]`: the whole set-up in a new folder below `.run`, the play, the check."""

import asyncio
import secrets
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dev.alone import alone
from dev.broker import node
from dev.demo import telling
from dev.demo.play import Refused, conclude, play
from dev.deployment import SERVER_PER_DOMAIN, deployment
from dev.packages import RUN, Missing
from dev.processes import Failed, unwind_when_told_to_end
from rollcast.cli import output
from rollcast.errors import FileUnusable
from rollcast.sending.source import Source

FOLDER = RUN / "demo"
SIZE = 32 * 1024 * 1024
"""Bytes of the file that is sent if none is named."""


def main(arguments: Sequence[str]) -> int:
    """Run the demo. Exit status: 0 if all came out as it must, 1 if not, 2 for wrong usage or no broker to be
    had; that of `rollcast send` if this file cannot be sent."""
    unwind_when_told_to_end()
    output.prepare()
    if len(arguments) > 1:
        output.say("usage: python -m dev.demo [FILE]")
        return 2
    try:
        named = _usable(Path(arguments[0]).absolute()) if arguments else None
        with _new_folder() as folder:
            return _demo(named or _made_up(folder), folder)
    except Refused as refused:
        telling.say(telling.error_lines(refused.error))
        return refused.status
    except FileUnusable as error:
        output.say(str(error), *filter(None, [error.hint]))
        return 2
    except (Missing, Failed) as error:
        output.say(*str(error).splitlines())
        return 2 if isinstance(error, Missing) else 1
    except KeyboardInterrupt:
        return 130


def _demo(file: Path, folder: Path) -> int:
    telling.title("Set-up: a broker, and a server with all its workers for each of two domains")
    with node(folder / "broker") as broker, deployment(folder, broker, SERVER_PER_DOMAIN) as running:
        return conclude(play(running, file, folder))


def _usable(file: Path) -> Path:
    """The file, once it is sure that it can be sent. Raises FileUnusable."""
    asyncio.run(Source.open(file, sha256=False)).close()
    return file


@contextmanager
def _new_folder() -> Iterator[Path]:
    with alone("demo"):
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        yield FOLDER


def _made_up(folder: Path) -> Path:
    file = folder / "roll-call.bin"
    file.write_bytes(secrets.token_bytes(SIZE))
    return file


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
