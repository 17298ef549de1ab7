"""What was looked at, and whether it is well: lines for people, a document for programs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from rich.cells import cell_len

from rollcast.cli import output
from rollcast.cli.exits import Exit
from rollcast.cli.texts import plural, visible
from rollcast.messages.figures import Finding


@dataclass(frozen=True)
class Found:
    """A finding of a server, or of this machine (None)."""

    server: str | None
    finding: Finding

    @property
    def about(self) -> tuple[str | None, str]:
        """What was looked at, and whose it is."""
        return self.server, self.finding.subject


def tell(found: Sequence[Found], *, json: bool) -> Exit:
    """Print them. Returns the exit status, which tells whether all is well."""
    troubles = sum(not one.finding.ok for one in found)
    if json:
        output.emit_document({"ok": not troubles, "findings": [_document(one) for one in found]})
    else:
        output.emit(*lines(found))
        all_well = f"all is well: {plural(len(found), 'check')}"
        output.say(f"{troubles} of {plural(len(found), 'check')} need you" if troubles else all_well)
    return Exit.INCOMPLETE if troubles else Exit.DONE


def lines(found: Sequence[Found]) -> list[str]:
    """A line each: `ok` or `!!`, what was looked at, what was found, and what to do about it."""
    several = len({one.server for one in found if one.server}) > 1
    subjects = [_subject(one, several=several) for one in found]
    width = max(map(cell_len, subjects), default=0)
    return [
        f"{'ok' if one.finding.ok else '!!'}  {subject}{' ' * (width - cell_len(subject))}  {_told(one.finding)}"
        for one, subject in zip(found, subjects, strict=True)
    ]


def each_once(answers: Iterable[Sequence[Found]]) -> list[Found]:
    """All findings of several answers; the same of the same server once, as it was asked for each of its domains.

    Different workers may have answered: what the first found well and another one does not, is not well.
    """
    found: list[Found] = []
    for answer in answers:
        outdone = _ill(answer) - _ill(found)
        found = [one for one in found if one.about not in outdone]
        known = {one.about for one in found}
        found += [one for one in answer if one.about not in known]
    return found


def _ill(found: Iterable[Found]) -> set[tuple[str | None, str]]:
    return {one.about for one in found if not one.finding.ok}


def _subject(one: Found, *, several: bool) -> str:
    prefix = f"{one.server}: " if several and one.server else ""
    return visible(f"{prefix}{one.finding.subject}")


def _told(finding: Finding) -> str:
    return visible(f"{finding.detail}. {finding.remedy}" if finding.remedy else finding.detail)


def _document(one: Found) -> dict[str, Any]:
    return {"server": one.server, **msgspec.structs.asdict(one.finding)}
