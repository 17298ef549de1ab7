"""Operators are answered while a terminal floods the server: their queue is none that it can fill."""

import asyncio
from collections.abc import Iterator

import pytest

from rollcast.messages.values import Account
from rollcast.operator import Operator
from rollcast.topology import step_queue
from tests.attacks.attacker import FLOODS, Attacker
from tests.contract.raw_amqp import Closed
from tests.e2e import damage
from tests.e2e.raw import url_of
from tests.e2e.world import World
from tests.people import ACME, ALICE, EVE, SERVER
from tests.waiting import wait_until

SHORT, LONG = 2_000, 6_000


@pytest.fixture
def eve(world: World) -> Iterator[str]:
    """The attacker's account, which is not suspended any more afterwards."""
    world.add(EVE)
    yield EVE
    asyncio.run(_of_eve(world, "resume"))


async def _of_eve(world: World, action: str) -> list[Account]:
    async with Operator.connect(world.running.operator_url, [ACME]) as operator:
        await getattr(operator, action)(EVE)
        return [account for account in await operator.accounts() if account.address == EVE]


def _waiting(world: World, step: str) -> int:
    return damage.depth(world.node, step_queue(SERVER, step, ()).name)


@pytest.mark.parametrize(
    ("flood", "number"),
    [("sessions", SHORT), *(pytest.param(flood, LONG, marks=pytest.mark.long) for flood in FLOODS)],
)
def test_an_account_is_suspended_while_it_floods(world: World, eve: str, flood: str, number: int) -> None:
    """Before the flood is over, though it was there first; its connection is closed, and others are served."""
    verb, fields, step = FLOODS[flood]
    with Attacker(url_of(world, eve)) as attacker:
        attacker.pour(verb, fields, number)
        (account,) = asyncio.run(_of_eve(world, "suspend"))
        assert _waiting(world, step) > 0, "the flood is over: it was too small to show anything"
        assert account.suspended
        with pytest.raises((Closed, ConnectionError)):
            attacker.pour(verb, fields, 1)
    wait_until(lambda: _waiting(world, step) == 0, "the flood is over")
    world.add(ALICE)
    assert world.run("list", "--as", ALICE, "--json").status == 0
