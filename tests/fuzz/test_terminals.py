"""The terminals' side: no message of a server, or of whoever claims to be one, ends a sender or a receiver."""

import asyncio
import dataclasses
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast import messages as m
from rollcast.broker import Delivery
from rollcast.codec import decode
from rollcast.errors import RollcastError, TransferRefusedError
from rollcast.messages.values import Capabilities
from rollcast.receiver import Receiver
from rollcast.receiving.journals import Journals
from rollcast.sending.mailbox import Mailbox
from rollcast.sending.outgoing import Outgoing
from rollcast.sending.request import parts, selector
from rollcast.sending.source import Source
from rollcast.topology import TO_RECEIVER, TO_SENDER
from tests.fuzz.cases import cases
from tests.fuzz.letters import Letter
from tests.fuzz.populated import CHUNK, TRANSFERS
from tests.fuzz.sources import ADDRESSES, MESSAGE_OF, bodies
from tests.people import BOB, SERVER_USER
from tests.unit.fakes import FakeSession
from tests.unit.test_outgoing import SESSION, STATUS, wish

pytestmark = pytest.mark.long

M = TypeVar("M", bound=m.Message)

USERS = st.sampled_from([SERVER_USER, SERVER_USER, SERVER_USER, None, *ADDRESSES])
MINE = TRANSFERS[0]
WITHIN_S = 20.0


class SilentSession(FakeSession):
    """A session to which no server answers; of a report it has all further pages at once."""

    async def request(self, message: m.Message, expect: type[M], within: float) -> M:
        """Wait for an answer."""
        if issubclass(expect, m.TransferDescribed):
            return expect(transfer=STATUS, receivers=[])
        return await asyncio.Future()


def heard(*kinds: type[m.Message]) -> st.SearchStrategy[Letter]:
    """Deliveries from an inbox: messages of these kinds, mutilated or not, and now and then any others."""
    kind = st.one_of(*[st.sampled_from(kinds)] * 4, st.sampled_from(list(MESSAGE_OF)))
    return st.builds(Letter, kind.flatmap(bodies), USERS)


def test_a_receiver_hears(tmp_path: Path, loop: asyncio.Runner) -> None:
    """Whatever comes into its inbox is acknowledged once, and it goes on."""

    async def hear(letters: list[Letter]) -> None:
        with (
            tempfile.TemporaryDirectory(dir=tmp_path) as folder,
            Journals(Path(folder), BOB) as journals,
        ):
            receiver = Receiver(SilentSession(BOB), journals, lambda _: False, Capabilities())
            receiver._ready.set()
            try:
                await _hear_all(receiver._on_delivery, letters)
                await _nothing_failed(receiver)
            finally:
                await receiver._tasks.close()

    @cases(30)
    @given(st.lists(heard(*TO_RECEIVER).filter(_opens_no_lane), min_size=1, max_size=5))
    def holds(letters: list[Letter]) -> None:
        loop.run(hear(letters))

    holds()


def test_a_sender_hears(tmp_path: Path, loop: asyncio.Runner) -> None:
    """Whatever comes into its inbox is acknowledged once; a refusal or the report ends the transfer, nothing else."""
    file = tmp_path / "file.bin"
    file.write_bytes(bytes(2 * CHUNK + 10))

    async def hear(letters: list[Letter]) -> None:
        session, source = SilentSession(), await Source.open(file, sha256=False)
        mailbox = Mailbox(session)
        request = parts(dataclasses.replace(wish(BOB), transfer_id=MINE), SESSION, selector(source, None))
        outgoing = Outgoing(session, source, request, listen=_listening, detach=False)
        try:
            with mailbox.waiting(outgoing.transfer_id, outgoing):
                await _hear_all(mailbox.take, letters)
            outgoing.fail(EOFError())
            with suppress(EOFError, TransferRefusedError):
                assert [event async for event in outgoing.events()]
        finally:
            source.close()

    @cases(30)
    @given(st.lists(heard(*TO_SENDER), min_size=1, max_size=5))
    def holds(letters: list[Letter]) -> None:
        loop.run(hear(letters))

    holds()


async def _listening() -> None:
    """The inbox is consumed."""


async def _hear_all(hear: Callable[[Delivery], Awaitable[None]], letters: list[Letter]) -> None:
    async with asyncio.timeout(WITHIN_S):
        for letter in letters:
            await hear(letter.delivery())
    assert [letter.settled for letter in letters] == [["ack"]] * len(letters)


async def _nothing_failed(receiver: Receiver) -> None:
    # What it began in the background comes as far as its first wait.
    for _ in range(10):
        await asyncio.sleep(0)
    while not receiver._events._items.empty():
        await receiver._events.get()


def _opens_no_lane(letter: Letter) -> bool:
    """A lane is a connection, and a file of the size that was offered."""
    try:
        return not isinstance(decode(letter.body), m.LaneOpened)
    except RollcastError:
        return True
