"""What the broker's management API tells of its memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from dev import management, ports
from dev.broker import MEMORY, Broker, Node, private_node
from rollcast.errors import Permanent, Transient
from tests.waiting import until_async
from workers.broker.management import Management

pytestmark = pytest.mark.long

FULL = "the broker's memory is full"
LEVEL = 0.95
"""The part of its limit that a node uses which is nearly full, and not yet so full that it raises the alarm."""
SEEN_AFTER_S = 12.0
"""What a node uses and may use is measured every 5 s, and told 5 s later at the latest."""


@pytest.fixture
async def api(own_node: Node) -> AsyncIterator[Management]:
    """The management API as an administrator sees it."""
    async with Management(own_node.management_url, own_node.vhost) as made:
        yield made


@pytest.fixture(scope="module")
def own_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node of this module."""
    with private_node(tmp_path_factory.mktemp("own") / "broker") as made:
        yield made


@pytest.fixture
def own(own_node: Node) -> Iterator[Node]:
    """A node whose limit may be changed, with its usual one at the end."""
    yield own_node
    own_node.allow_memory(MEMORY)


async def _is(api: Management, wanted: str | None) -> None:
    """Wait until the API says so: it looks at the node every few seconds."""

    async def told() -> bool:
        return await api.fullness() == wanted

    await until_async(told, f"fullness is {wanted}")


async def _alarm(api: Management) -> bool:
    [node] = await api.call("GET", "nodes")
    return bool(node.get("mem_alarm"))


async def _used(api: Management) -> int:
    """The bytes that the node uses; of one that has just started that is not known at once."""

    async def measured() -> bool:
        return "mem_used" in (await api.call("GET", "nodes"))[0]

    await until_async(measured, "the node's memory is measured")
    return int((await api.call("GET", "nodes"))[0]["mem_used"])


async def _is_nearly_full(api: Management) -> bool:
    """Whether it is said to be full at last, without an alarm before and after."""
    deadline = time.monotonic() + SEEN_AFTER_S
    while time.monotonic() < deadline:
        before, said, after = await _alarm(api), await api.fullness(), await _alarm(api)
        if said == FULL and not before and not after:
            return True
        await asyncio.sleep(0.2)
    return False


async def test_with_the_alarm_and_without(api: Management, own: Node) -> None:
    """It is full while it is short of memory, and not any more when it may use more."""
    await _is(api, None)
    own.allow_memory("1MB")
    await _is(api, FULL)
    # It is full before there is an alarm: by what it uses, once that is measured.
    await until_async(lambda: _alarm(api), "the alarm")
    own.allow_memory(MEMORY)
    await _is(api, None)


async def test_before_the_alarm(api: Management, own: Node) -> None:
    """It takes nothing new before it has to stop all that is under way."""
    await _is(api, None)
    for _ in range(4):  # What a node uses goes up and down by some parts in a hundred.
        own.allow_memory(str(round(await _used(api) / LEVEL)))
        if await _is_nearly_full(api):
            break
    else:
        pytest.fail("it was never nearly full")


async def test_without_an_api() -> None:
    """Nothing is known, so nothing speaks against more."""
    async with Management(None, "/") as api:
        assert await api.fullness() is None
        with pytest.raises(Permanent, match="ROLLCAST_MANAGEMENT_URL"):
            await api.call("GET", "nodes")


async def test_an_api_that_cannot_be_reached() -> None:
    """It may be there again later."""
    (port,) = ports.free(1)
    async with Management(f"http://nobody:x@127.0.0.1:{port}", "/") as api:
        with pytest.raises(Transient, match="cannot be reached"):
            await api.fullness()


async def test_an_api_that_does_not_let_us_in(node: Broker) -> None:
    """What it answers is told."""
    async with Management(management.as_user(node.management_url, "nobody", "x"), node.vhost) as api:
        with pytest.raises(Transient, match="401"):
            await api.fullness()
