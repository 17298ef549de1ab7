"""Questions about transfers, put to a server that answers page by page."""

from typing import TypeVar, cast

import msgspec
import pytest

from rollcast.messages import Message, Query, TransferDescribed, TransfersListed
from rollcast.messages.values import TransferStatus
from rollcast.queries import glance, newest
from rollcast.states import Transfer
from tests.unit.cli_samples import transfer
from tests.unit.offers import TRANSFER

M = TypeVar("M", bound=Message)


class Server:
    """Has so many transfers, and tells at most a hundred at a time."""

    def __init__(self, many: int) -> None:
        status = transfer(Transfer.CASTING)
        self._all = [msgspec.structs.replace(status, transfer_id=f"{n:032x}") for n in range(many)]
        self.asked: list[Query] = []

    async def ask(self, message: Message, expect: type[M], within: float) -> M:
        """Answer."""
        query = cast(Query, message)
        self.asked.append(query)
        if query.transfer_id is not None:
            return cast(M, TransferDescribed(transfer=self._all[0], receivers=[], at=7))
        stop = query.after + min(query.limit or 100, 100)
        more = stop if stop < len(self._all) else None
        return cast(M, TransfersListed(transfers=self._all[query.after : stop], next=more))

    def ids(self, most: int | None) -> list[str]:
        """Those of the newest."""
        return [status.transfer_id for status in self._all[:most]]


def _ids(transfers: list[TransferStatus]) -> list[str]:
    return [status.transfer_id for status in transfers]


@pytest.mark.parametrize("most", [None, 1, 50, 100, 101, 250, 251])
async def test_as_many_as_are_wanted(most: int | None) -> None:
    """Or as there are; no page is asked for that nobody needs."""
    server = Server(250)
    assert _ids(await newest(server.ask, most)) == server.ids(most)
    assert len(server.asked) == -(-min(most or 250, 250) // 100)


@pytest.mark.parametrize(("rows", "limit"), [(0, 1), (40, 40), (9_000, 500)])
async def test_a_glance_asks_for_what_can_be_seen(rows: int, limit: int) -> None:
    """Those that hold it up, within what a message may name."""
    server = Server(1)
    seen = await glance(server.ask, TRANSFER, rows)
    assert (seen.at, seen.transfer.transfer_id) == (7, "0" * 32)
    assert server.asked == [Query(transfer_id=TRANSFER, limit=limit, order="slowest")]
