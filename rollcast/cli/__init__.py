"""The `rollcast` command. Needs the extra `cli`."""

import sys

_EXTRA = frozenset({"cyclopts", "rich"})


def main() -> None:
    """Run the command line that the process was started with, and exit with its status."""
    try:
        from rollcast.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        print(f"rollcast: {error.name} is not installed; install rollcast[cli]", file=sys.stderr)
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))
