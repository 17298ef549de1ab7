"""Lists that fit into messages."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import Any

from sqlalchemy import Row

from rollcast.messages.values import MAX_RECEIVERS


def by_domain(rows: Iterable[Row[Any]]) -> list[tuple[str, list[str]]]:
    """The addresses of each domain, at most as many together as a message may name."""
    grouped: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        grouped[row.domain].append(row.address)
    return [(domain, part) for domain, addresses in grouped.items() for part in batches(addresses)]


def batches(items: Iterable[Any], size: int = MAX_RECEIVERS) -> Iterable[list[Any]]:
    """The items in lists of at most `size`; no list if there are none."""
    source = iter(items)
    while part := list(islice(source, size)):
        yield part
