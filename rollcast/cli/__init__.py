"""The `rollcast` command. Needs the extra `cli`."""

import signal
import sys
import warnings

_EXTRA = frozenset({"cyclopts", "rich"})
_INTERRUPTED = 130


def main() -> None:
    """Run the command line that the process was started with, and exit with its status."""
    if not sys.warnoptions:
        # Libraries' warnings are for whoever develops; -W and PYTHONWARNINGS bring them back.
        warnings.simplefilter("ignore")
    try:
        status = _run()
    except KeyboardInterrupt:
        # While no command runs yet, or none any more.
        status = _INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)


def _run() -> int:
    try:
        from rollcast.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        print(f"rollcast: {error.name} is not installed; install rollcast[cli]", file=sys.stderr)
        return 2
    return run(sys.argv[1:])
