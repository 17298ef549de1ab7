"""`python -m dev.schemas` writes the contract; with `--check` it only tells what differs from the code."""

import sys

from dev.schemas import FOLDER, files


def main(arguments: list[str]) -> int:
    """The exit status: 0 if all is (now) as it should be, 1 if something differs, 2 for wrong usage."""
    if arguments == ["--check"]:
        differences = files.differences(FOLDER)
        print("\n".join(differences) or "schemas/ is what the code says")
        return 1 if differences else 0
    if arguments:
        print("usage: python -m dev.schemas [--check]", file=sys.stderr)
        return 2
    files.write(FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
