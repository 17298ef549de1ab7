"""Writes the dashboards, or tells which of them are not as they should be."""

import sys

from dev.dashboards import FOLDER
from dev.dashboards.files import differences, generated


def main(arguments: list[str]) -> int:
    """The exit status: 0 if all is (now) as it should be, 1 if something differs, 2 for wrong usage."""
    if arguments == ["--check"]:
        found = differences(FOLDER)
        print("\n".join(found) or "the dashboards are what the code says")
        return 1 if found else 0
    if arguments:
        print("usage: python -m dev.dashboards [--check]", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in generated().items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
