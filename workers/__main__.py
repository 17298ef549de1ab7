"""`python -m workers [POOL …]` runs pools, all of them if none is named; `migrate` and `adopt` are done once."""

import asyncio
import os
import sys
from collections.abc import Sequence

import structlog

from rollcast.errors import RollcastError
from rollcast.memory import keep_freed_memory
from rollcast.topology import OPERATOR, POOLS
from workers.process import strays
from workers.process.logs import configure_logs, set_level
from workers.process.sources import UnusableSetting
from workers.process.start import adopt_only, migrate_only, serve
from workers.process.usage import ADOPT, MIGRATE, usage
from workers.settings import ALL, Settings

STOPPED, FAILED, UNUSABLE = 0, 1, 2
COMMANDS = {MIGRATE: migrate_only, ADOPT: adopt_only}

log = structlog.get_logger("workers")


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments name, and return the exit status, as `workers.process.usage` explains it."""
    if {"-h", "--help"} & set(arguments):
        print(usage())
        return STOPPED
    configure_logs()
    keep_freed_memory()
    unknown = [name for name in arguments if name not in POOLS]
    if unknown and not _is_command(arguments):
        commands = " or ".join(COMMANDS)
        log.error(f"no such pool: {', '.join(unknown)}", hint=f"There are {', '.join(POOLS)}; or {commands}.")
        return UNUSABLE
    return _guarded(arguments)


def _is_command(arguments: Sequence[str]) -> bool:
    return len(arguments) == 1 and arguments[0] in COMMANDS


def _guarded(arguments: Sequence[str]) -> int:
    try:
        settings = Settings.read()
        set_level(settings.log_level)
        _tell_of_strays()
        if _is_command(arguments):
            return asyncio.run(COMMANDS[arguments[0]](settings))
        return asyncio.run(serve(settings, _pools(arguments, settings)))
    except RollcastError as error:
        return _failed(error)
    except Exception:
        log.critical("ended by a fault", exc_info=True)
        return FAILED


def _pools(named: Sequence[str], settings: Settings) -> Sequence[str]:
    """Each once; all if none is named."""
    # Deployments of an earlier version name S200 only, which has answered operators.
    with_operators = (OPERATOR,) if "s200" in named and settings.management_url else ()
    return list(dict.fromkeys((*with_operators, *named))) or POOLS


def _tell_of_strays() -> None:
    if names := strays.unknown(os.environ, ALL):
        hint = "Unset them, or give them names that do not begin with ROLLCAST_."
        log.warning(f"no setting of workers: {', '.join(names)}", hint=hint)


def _failed(error: RollcastError) -> int:
    log.error(str(error), code=error.code, hint=error.hint)
    return UNUSABLE if isinstance(error, UnusableSetting) else FAILED


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # The store's threads may still be letting go of a result, and abort if the interpreter ends under them.
    os._exit(status)
