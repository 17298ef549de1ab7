"""The pools `spool` and `progress`, with chunks and reports that nobody has thought of."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.chunks import Label, digest_of
from rollcast.codec import decode, encode
from rollcast.messages import ChunksSpooled, ProgressReported, ReceiversProgressed, SourceDiffered
from rollcast.topology import accepts
from tests.fuzz.cases import cases
from tests.fuzz.letters import Letter
from tests.fuzz.populated import CHUNK, TRANSFERS
from tests.fuzz.server import WITHIN_S, serving
from tests.fuzz.sources import ADDRESSES, ANYTHING, fair, foul
from tests.people import ALICE, SERVER_USER
from tests.unit.steps.world import SETTINGS
from workers.progress import Progress
from workers.spool.spooler import Spooler
from workers.spool.store import Store

pytestmark = pytest.mark.long

BODIES = st.sampled_from([b"x" * CHUNK, b"y" * CHUNK, b"z" * 10, b""]) | st.binary(max_size=16)
HOSTILE = ("", ".", "..", "../kept", f"./{TRANSFERS[0]}", f"{TRANSFERS[0]}/0", "a\0b", "x" * 300)
"""What a chunk may say of its transfer, and a file system or a database might believe."""
INDEXES = st.integers(-1, 3) | st.integers(-(2**63), 2**63 - 1)


@st.composite
def chunks(draw: st.DrawFn) -> Letter:
    """A chunk, in most cases with something wrong."""
    transfer_id, body = draw(st.sampled_from([*TRANSFERS, "f" * 32, *HOSTILE])), draw(BODIES)
    headers: dict[str, Any] = dict(Label(transfer_id, draw(INDEXES), digest_of(body)).headers())
    changed = st.dictionaries(st.sampled_from([*headers, "unheard-of"]), ANYTHING, max_size=2)
    headers |= draw(changed)
    user = draw(st.sampled_from([ALICE, ALICE, ALICE, SERVER_USER, None, *ADDRESSES]))
    key = draw(st.just(f"{ALICE}.{transfer_id}") | st.text(max_size=40))
    return Letter(body, user, "rollcast.bulk", key, headers, redelivered=draw(st.booleans()))


def test_chunks(ledger: Path, folder: Path, loop: asyncio.Runner) -> None:
    """Each is acknowledged once; what lies beside the spool is left alone."""
    kept = folder / "kept" / "file"
    kept.parent.mkdir()
    kept.write_bytes(b"kept")

    async def take(letters: list[Letter]) -> None:
        async with serving(ledger, folder, 0) as server:
            spooler = Spooler(server.database, Store(f"file://{folder}/spool"), server.outbox)
            for letter in letters:
                await spooler.take(letter.delivery())
            running = asyncio.create_task(spooler.run())
            async with asyncio.timeout(WITHIN_S):
                await asyncio.wait(
                    {running, asyncio.create_task(spooler.drained())}, return_when=asyncio.FIRST_COMPLETED
                )
            assert not running.done(), running.exception()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            assert [letter.settled for letter in letters] == [["ack"]] * len(letters)
            said = [decode(sent.body) for sent in server.post.sent]
            assert all(isinstance(message, ChunksSpooled | SourceDiffered) for message in said)
            assert kept.read_bytes() == b"kept"

    @cases(25)
    @given(st.lists(chunks(), min_size=1, max_size=6))
    def holds(letters: list[Letter]) -> None:
        loop.run(take(letters))

    holds()


def test_progress(ledger: Path, folder: Path, loop: asyncio.Runner) -> None:
    """Each report is acknowledged once; what is passed on are messages."""

    async def take(letters: list[Letter]) -> None:
        async with serving(ledger, folder, 0) as server:
            progress = Progress(SETTINGS, server.database, server.outbox)
            for letter in letters:
                await progress.take(letter.delivery())
            await progress.flush()
            await progress.note()
            await progress.forget()
            assert [letter.settled for letter in letters] == [["ack"]] * len(letters)
            for sent in server.post.sent:
                assert encode(decode(sent.body)) == sent.body

    @cases(25)
    @given(st.lists(fair("progress") | foul("progress"), min_size=1, max_size=6))
    def holds(letters: list[Letter]) -> None:
        loop.run(take(letters))

    holds()
    assert set(accepts("progress")) == {ProgressReported, ReceiversProgressed}
