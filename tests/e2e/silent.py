"""Receivers that take their lane and acknowledge nothing, without a limit to what they are given."""

from contextlib import ExitStack

from pamqp.commands import Basic

from rollcast.topology import lane
from tests.contract.raw_client import Terminal, is_chunk
from tests.e2e.raw import Line, url_of
from tests.e2e.rollcall import answer
from tests.e2e.world import World

PATIENCE_S = 120.0
"""Seconds in which a broker that is full may send nothing."""


class Silent:
    """Says yes, and takes all chunks of its lane."""

    def __init__(self, world: World, connections: ExitStack, address: str) -> None:
        self._address = address
        world.add(address)
        self._line = connections.enter_context(Line(url_of(world, address), PATIENCE_S))
        self._terminal = Terminal(self._line)
        self._line.attempt(Basic.Qos(prefetch_count=0), Basic.QosOk)
        registered = self._terminal.ask("register", {"type": "Register/1", "capabilities": {}})
        self._line.consume(registered["inbox"], exclusive=True)
        self.lane = ""

    def accept(self) -> str:
        """Accept what is offered; the transfer's id."""
        transfer_id = str(self._terminal.hear("ConsentAsked")["offer"]["transfer_id"])
        answer(self._terminal, transfer_id, accept=True)
        return transfer_id

    def take(self, chunks: int) -> None:
        """Take so many chunks, and perhaps more, from the lane when it is open."""
        transfer_id = self._terminal.hear("LaneOpened")["offer"]["transfer_id"]
        self.lane = lane(self._address, transfer_id, "").name
        self._line.consume(self.lane)
        for _ in range(chunks):
            self._line.next(is_chunk)

    def listen(self) -> None:
        """Read on. Raises `Closed` when the broker closes the connection."""
        while True:
            self._line.next(lambda _: True)
