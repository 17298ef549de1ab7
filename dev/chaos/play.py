"""The faults and the transfers of a run, up to the end of the last fault."""

from collections.abc import Sequence
from functools import partial
from random import Random

from dev.broker import Node
from dev.chaos.agenda import Agenda
from dev.chaos.damage import Damage, Impossible
from dev.chaos.faults import KINDS
from dev.chaos.record import Record
from dev.chaos.scene import Scene
from dev.chaos.schedule import Planned
from dev.chaos.wishes import Wish


class Play:
    """One run of faults and transfers on a scene."""

    def __init__(self, scene: Scene, record: Record) -> None:
        self._scene = scene
        self._record = record
        self._agenda = Agenda()

    def run(self, planned: Sequence[Planned], wishes: Sequence[Wish], seconds: float) -> None:
        """Return when the time is over and every fault is undone."""
        for wish in wishes:
            self._agenda.add(wish.at, partial(self._send, wish))
        for fault in planned:
            self._agenda.add(fault.at, partial(self._fault, fault))
        self._agenda.run_until(seconds, self._scene.look)
        self._agenda.do_all()
        if isinstance(self._scene.broker, Node):
            self._scene.broker.wait_until_ready()
        self._record.note(self._agenda.now, "no more faults")

    def _send(self, wish: Wish) -> None:
        self._record.note(self._agenda.now, f"{wish.sender} sends {wish.name}, {wish.size} bytes")
        self._scene.send(wish)

    def _fault(self, planned: Planned) -> None:
        at = self._agenda.now
        try:
            damage = KINDS[planned.kind].fault(self._scene, Random(planned.seed))
        except Impossible as error:
            self._record.missed_one(at, planned.kind, str(error))
            return
        self._record.did(at, planned.kind, damage.victim)
        if damage.undo is not None:
            undo = partial(self._undo, planned.kind, damage)
            self._agenda.add(self._agenda.now + planned.lasts, undo)

    def _undo(self, kind: str, damage: Damage) -> None:
        assert damage.undo is not None
        at = self._agenda.now
        try:
            damage.undo()
        except Impossible as error:
            self._record.missed_one(at, f"the end of {kind}", str(error))
        else:
            self._record.note(at, f"the end of {kind} {damage.victim}")
