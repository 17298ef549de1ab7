"""Receivers that take their lane and then stand still."""

from contextlib import ExitStack

from rollcast.topology import lane
from tests.contract.raw_client import Terminal
from tests.e2e.raw import line
from tests.e2e.rollcall import answer
from tests.e2e.world import World


class Standing:
    """Says yes, consumes its lane, and neither reads nor acknowledges anything more.

    It wants no heartbeats, so its connection stays open.
    """

    def __init__(self, world: World, connections: ExitStack, address: str) -> None:
        self._address = address
        self._terminal = Terminal(connections.enter_context(line(world, address)))
        registered = self._terminal.ask("register", {"type": "Register/1", "capabilities": {}})
        self._terminal.connection.consume(registered["inbox"], exclusive=True)

    def accept(self) -> None:
        """Accept what is offered."""
        answer(self._terminal, self._terminal.hear("ConsentAsked")["offer"]["transfer_id"], accept=True)

    def take_lane(self) -> str:
        """Consume the lane when it is open; its name."""
        transfer_id = self._terminal.hear("LaneOpened")["offer"]["transfer_id"]
        name = lane(self._address, transfer_id, "").name
        self._terminal.connection.consume(name)
        return name
