"""The dashboards as files."""

import json
from pathlib import Path

from dev.dashboards import deliveries, document, overview, steps

ALL = {"overview": overview.DASHBOARD, "steps": steps.DASHBOARD, "deliveries": deliveries.DASHBOARD}


def generated() -> dict[str, str]:
    """The text of each file, by its name."""
    return {
        f"{name}.json": json.dumps(document.build(dashboard), indent=2) + "\n"
        for name, dashboard in ALL.items()
    }


def differences(folder: Path) -> list[str]:
    """A line for each file that is missing, surplus or different."""
    wanted = generated()
    there = {path.name: path.read_text() for path in folder.glob("*.json")}
    names = sorted(wanted.keys() | there.keys())
    return [f"differs: {name}" for name in names if wanted.get(name) != there.get(name)]
