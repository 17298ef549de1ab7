"""Every step's runner, with messages of all kinds: it settles each once, loses none, and is never itself at fault."""

import asyncio
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.codec import decode, encode
from rollcast.errors import RollcastError
from rollcast.messages import (
    AccountAnswered,
    AccountRequested,
    Message,
    OverviewAnswered,
    OverviewRequested,
    ParkedAnswered,
    ParkedRequested,
    Query,
    TransferDescribed,
)
from rollcast.messages.values import AccountAction
from rollcast.topology import STEP, STEPS, parked, retry_queue
from tests.fuzz.cases import cases
from tests.fuzz.letters import Letter, Sent
from tests.fuzz.populated import TRANSFERS
from tests.fuzz.server import Server, come_again, serving
from tests.fuzz.sources import fair, foul, newer
from tests.people import ACME, BOB, OPERATOR, SERVER
from tests.unit.steps.build import HOUR, SECOND
from workers.envelope import ORIGIN
from workers.ladder import RUNGS

pytestmark = pytest.mark.long

PARKED = parked(SERVER).name
RUNG_NAMES = {retry_queue(SERVER, rung, wait).name for rung, wait in RUNGS}
AHEAD = st.sampled_from([0, 10 * SECOND, 2 * HOUR, 48 * HOUR])


@pytest.mark.parametrize("step", STEPS)
def test_whatever_comes(step: str, ledger: Path, folder: Path, loop: asyncio.Runner) -> None:
    """It is handled, or kept with its reason; what follows are messages, and the ledger can be read afterwards."""

    async def take(letters: list[Letter], ahead: int, transfer_id: str) -> None:
        async with serving(ledger, folder, ahead) as server:
            await server.handle(step, *letters)
            _assert_settled(server, step, letters)
            await server.tick()
            await _assert_describable(server, transfer_id)
            await _assert_operable(server)
            _assert_messages(server)

    @cases(10)
    @given(st.lists(fair(step) | foul(step), min_size=1, max_size=8), AHEAD, st.sampled_from(TRANSFERS))
    def holds(letters: list[Letter], ahead: int, transfer_id: str) -> None:
        loop.run(take(letters, ahead, transfer_id))

    holds()


@pytest.mark.parametrize("step", STEPS)
def test_whatever_comes_while_the_broker_is_away(
    step: str, ledger: Path, folder: Path, loop: asyncio.Runner
) -> None:
    """It goes back to its queue, unless there was nothing to say."""

    async def take(letter: Letter) -> None:
        async with serving(ledger, folder, 0, away=True) as server:
            await server.handle(step, letter)
            assert letter.settled == ["nack" if server.post.refused else "ack"]

    @cases(3)
    @given(fair(step) | foul(step))
    def holds(letter: Letter) -> None:
        loop.run(take(letter))

    holds()


@pytest.mark.parametrize("step", STEPS)
def test_a_newer_version(step: str, ledger: Path, folder: Path, loop: asyncio.Runner) -> None:
    """It waits on each rung in turn, and is parked when no newer worker has come by then."""

    async def climb(letter: Letter) -> None:
        async with serving(ledger, folder, 0) as server:
            for rung, wait in RUNGS:
                await server.handle(step, letter)
                assert letter.settled == ["ack"]
                (copy,) = server.post.sent
                assert copy.exchange == retry_queue(SERVER, rung, wait).name
                server.post.sent.clear()
                letter = come_again(copy)
            await server.handle(step, letter)
            (kept,) = server.post.sent
            assert (kept.key, kept.headers["rollcast-reason"]) == (PARKED, "newer_version")

    @cases(1)
    @given(newer(step))
    def holds(letter: Letter) -> None:
        loop.run(climb(letter))

    holds()


@pytest.mark.parametrize("action", get_args(AccountAction))
def test_an_operator_changes_an_account(
    action: AccountAction, ledger: Path, folder: Path, loop: asyncio.Runner
) -> None:
    """Whatever comes by chance, each of these is among what is tried."""

    async def change() -> None:
        async with serving(ledger, folder, 0) as server:
            address = f"new@{ACME}" if action == "add" else BOB
            answer = await _asked(server, AccountRequested(action=action, address=address))
            assert isinstance(answer, AccountAnswered)

    loop.run(change())


def _assert_settled(server: Server, step: str, letters: list[Letter]) -> None:
    for _, error in server.ladder.failed:
        if not isinstance(error, RollcastError):
            raise error
    assert [letter.settled for letter in letters] == [["ack"]] * len(letters)
    assert server.handled == len(letters) - len(server.ladder.failed)
    assert server.calls <= len(letters) + 1
    kept = [sent for sent in server.post.sent if _is_kept(sent)]
    assert sorted(sent.body for sent in kept) == sorted(delivery.body for delivery, _ in server.ladder.failed)
    for sent in kept:
        if sent.key == PARKED:
            assert sent.headers["rollcast-step"] == step
            assert sent.headers["rollcast-reason"] not in {"", "internal_error"}


def _is_kept(sent: Sent) -> bool:
    return sent.exchange in RUNG_NAMES or (sent.exchange, sent.key) == ("", PARKED)


def _assert_messages(server: Server) -> None:
    for sent in server.post.sent:
        if not _is_kept(sent) and ORIGIN not in sent.headers:
            decode(sent.body)


async def _assert_describable(server: Server, transfer_id: str) -> None:
    answer = await _asked(server, Query(transfer_id=transfer_id))
    # Those of peers are not this server's to describe.
    assert isinstance(answer, TransferDescribed) or transfer_id in TRANSFERS[-2:]


async def _assert_operable(server: Server) -> None:
    """An operator can look at the server, and at all that was parked."""
    assert isinstance(await _asked(server, OverviewRequested()), OverviewAnswered)
    listed = await _asked(server, ParkedRequested(action="list"))
    assert isinstance(listed, ParkedAnswered)
    if ids := [message.id for message in listed.messages]:
        shown = await _asked(server, ParkedRequested(action="show", ids=ids))
        assert isinstance(shown, ParkedAnswered)
        assert len(shown.messages) == len(set(ids))


async def _asked(server: Server, question: Message) -> Message:
    """What an operator is answered."""
    before = len(server.post.sent)
    await server.handle("operator", Letter(encode(question), OPERATOR, STEP, f"{ACME}.operator"))
    (answer,) = server.post.sent[before:]
    return decode(answer.body)
