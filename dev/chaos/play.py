"""The faults and the transfers of a run, up to the end of the last fault."""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from dev.broker import Node
from dev.chaos.agenda import Agenda
from dev.chaos.damage import Damage, Impossible
from dev.chaos.faults import KINDS
from dev.chaos.record import Record
from dev.chaos.scene import Scene
from dev.chaos.schedule import Planned
from dev.chaos.sending import Sending
from dev.chaos.wishes import Wish

TRIES = 4
AGAIN_S = 4.0
"""Seconds until a fault that is not possible, since the broker is away or blocks, is tried again."""
MOST_AT_ONCE = 8
"""Transfers on their way, above which no other begins: a slow machine has fewer of them, and no pile of them."""


class Play:
    """One run of faults and transfers on a scene."""

    def __init__(self, scene: Scene, record: Record) -> None:
        self._scene = scene
        self._record = record
        self._agenda = Agenda()

    def run(self, planned: Sequence[Planned], wishes: Sequence[Wish], seconds: float) -> None:
        """Return when the time is over and every fault is undone."""
        for fault in planned:
            self._agenda.add(fault.at, partial(self._fault, fault, TRIES))
        waiting = deque(wishes)
        self._agenda.run_until(seconds, lambda: self._look(waiting))
        self._agenda.do_all()
        if isinstance(self._scene.broker, Node):
            self._scene.broker.wait_until_ready()
        self._record.note(self._agenda.now, "no more faults")

    def _look(self, waiting: deque[Wish]) -> None:
        self._scene.look()
        while waiting and waiting[0].at <= self._agenda.now and self._scene.on_their_way < MOST_AT_ONCE:
            self._send(waiting.popleft())

    def _send(self, wish: Wish) -> None:
        self._record.note(self._agenda.now, f"{wish.sender} sends {wish.name}, {wish.size} bytes")
        sending = self._scene.send(wish)
        if wish.cancel_after is not None:
            self._agenda.add(self._agenda.now + wish.cancel_after, partial(self._cancel, sending))

    def _cancel(self, sending: Sending) -> None:
        if self._scene.cancel(sending):
            self._record.note(self._agenda.now, f"{sending.wish.sender} cancels {sending.name}")

    def _fault(self, planned: Planned, tries: int) -> None:
        at, kind = self._agenda.now, KINDS[planned.kind]
        try:
            damage = kind.fault(self._scene, Random(planned.seed))
        except Impossible as error:
            self._again(partial(self._fault, planned), tries, planned.kind, error)
            return
        self._record.did(at, planned.kind, damage.victim)
        if damage.undo is not None:
            undo = partial(self._undo, planned.kind, damage, TRIES)
            self._agenda.add(self._agenda.now + planned.lasts * kind.stretch, undo)

    def _undo(self, kind: str, damage: Damage, tries: int) -> None:
        assert damage.undo is not None
        at = self._agenda.now
        try:
            damage.undo()
        except Impossible as error:
            self._again(partial(self._undo, kind, damage), tries, f"the end of {kind}", error)
        else:
            self._record.note(at, f"the end of {kind} {damage.victim}")

    def _again(self, action: Callable[[int], None], tries: int, what: str, error: Impossible) -> None:
        if tries > 1:
            self._agenda.add(self._agenda.now + AGAIN_S, partial(action, tries - 1))
        else:
            self._record.missed_one(self._agenda.now, what, str(error))
