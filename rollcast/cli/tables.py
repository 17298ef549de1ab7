"""Tables of text that fit into a terminal."""

from collections.abc import Collection, Mapping, Sequence

from rich.cells import cell_len, set_cell_size

from rollcast.cli.texts import visible

GAP = "  "
NARROWEST = 8
"""Cells that a column keeps, however narrow the terminal is."""
READABLE = 24
"""Cells of the last flexible column for which others are left out."""


def fitted(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    width: int | None,
    flexible: Sequence[int] = (),
    right: Collection[int] = (),
    spare: Sequence[Collection[int]] = (),
) -> list[str]:
    """Lines with their cells one below the other, the first of them `head`.

    In a terminal of so many cells the `flexible` columns are cut, the last of these first. Before that `spare`
    columns are left out, these together first, until the last flexible one can be read. Columns to the `right`
    hold numbers.
    """
    cells = [[visible(cell) for cell in row] for row in (head, *rows)]
    widths = dict(enumerate(max(map(cell_len, column)) for column in zip(*cells, strict=True)))
    if width is not None:
        least = _least(widths, flexible, keep=bool(spare))
        _leave_out(widths, least, spare, width)
        _shrink(widths, least, flexible, width)
    lines = [GAP.join(_cell(row[place], widths[place], place in right) for place in widths) for row in cells]
    return [cut(line.rstrip(), width) for line in lines]


def cut(text: str, width: int | None) -> str:
    """The text in so many cells, with an ellipsis where something is missing."""
    if width is None or cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def bar(part: int, whole: int, width: int) -> str:
    """How much of the whole is there."""
    full = width if not whole else min(width, width * part // whole)
    return "━" * full + "─" * (width - full)


def _cell(text: str, width: int, to_the_right: bool) -> str:
    text = cut(text, width)
    padding = " " * (width - cell_len(text))
    return padding + text if to_the_right else text + padding


def _least(widths: Mapping[int, int], flexible: Sequence[int], *, keep: bool) -> dict[int, int]:
    """How narrow each column may become; with `keep` the last flexible one can still be read."""
    least = {place: min(NARROWEST, width) if place in flexible else width for place, width in widths.items()}
    if keep and flexible:
        least[flexible[-1]] = min(READABLE, widths[flexible[-1]])
    return least


def _leave_out(
    widths: dict[int, int], least: Mapping[int, int], spare: Sequence[Collection[int]], width: int
) -> None:
    for places in spare:
        if _together([least[place] for place in widths]) <= width:
            return
        for place in places:
            del widths[place]


def _shrink(widths: dict[int, int], least: Mapping[int, int], flexible: Sequence[int], width: int) -> None:
    for place in reversed(flexible):
        excess = _together(widths.values()) - width
        if excess > 0 and place in widths:
            widths[place] = max(least[place], widths[place] - excess)


def _together(widths: Collection[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)
