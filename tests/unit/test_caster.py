"""A cast that cannot go on fails as what hinders it, so that the runner knows what to do."""

from pathlib import Path

import pytest

from rollcast.broker import Link, Publisher
from rollcast.errors import BrokerUnavailable, Transient
from tests.people import ALICE, BOB
from tests.unit.steps.build import T
from workers.broker.declarer import Declarer
from workers.spool.caster import Caster
from workers.spool.store import Store
from workers.work import CastChunks

REPAIR = CastChunks(ALICE, T, [(0, 8)], BOB)


def caster(store: Store) -> Caster:
    """One whose broker is away."""
    nowhere = Link("amqp://nobody@127.0.0.1:1", "test")
    return Caster(Publisher(nowhere, patience=0), Declarer(nowhere), store)


async def test_a_broker_that_is_away(tmp_path: Path) -> None:
    """The message goes back into its queue: it is no failure of it."""
    store = Store(f"file://{tmp_path}")
    for index in range(8):
        await store.put(T, index, b"x")
    with pytest.raises(BrokerUnavailable):
        await caster(store).cast(REPAIR)


async def test_a_spool_that_is_away(tmp_path: Path) -> None:
    """The message is tried again later."""
    store = Store(f"file://{tmp_path}")
    (tmp_path / T).write_text("a file where a folder should be")
    with pytest.raises(Transient):
        await caster(store).cast(REPAIR)
