"""A transfer of each kind of end, side by side: from Alice to receivers at her own domain and at another one."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from typing import Any

from rollcast import ClientSettings, Credentials, Decision, Operator, Receiver, Report, Sender, events
from rollcast.messages.values import Limits
from rollcast.states import FINAL_TRANSFER, Transfer
from tests.contract.raw_client import Terminal
from tests.e2e.raw import line, registered
from tests.e2e.rollcall import CHUNK, FILE, request
from tests.e2e.world import DEADLINE_S, World


class Company:
    """Alice; Bob and Carol, who accept; Dave, who declines; Erin, who puts her decision off."""

    def __init__(self, world: World, home: str, other: str) -> None:
        self.alice, self.bob = f"alice@{home}", f"bob@{home}"
        self.carol, self.dave, self.erin = (f"{name}@{other}" for name in ("carol", "dave", "erin"))
        self._world = world
        self._settings = ClientSettings.read(world.environment)
        self._deciding: Receiver
        self._sender: Sender

    async def enrol(self) -> None:
        """Make the accounts."""
        running = self._world.running
        async with Operator.connect(running.operator_url, running.domains) as operator:
            for address in (self.alice, self.bob, self.carol, self.dave, self.erin):
                (await operator.add(address, Limits())).save(self._settings)

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[None]:
        """Everybody is there."""
        async with AsyncExitStack() as stack:
            for address in (self.bob, self.carol):
                await stack.enter_async_context(self._receiver(address, Decision(True)))
            await stack.enter_async_context(self._receiver(self.dave, Decision(False)))
            erin = self._receiver(self.erin, Decision(False, deferred=True))
            self._deciding = await stack.enter_async_context(erin)
            yield

    async def play(self) -> dict[str, Transfer]:
        """How each kind ended."""
        async with Sender.connect(self._credentials(self.alice)) as self._sender:
            kinds: dict[str, Awaitable[Transfer]] = {
                "completed": self._send(self.bob, self.carol),
                "eager": self._send(self.bob, self.carol, upload="eager"),
                "partial": self._send(self.bob, self.dave),
                "declined": self._send(self.dave),
                "dry run": self._send(self.bob, self.carol, dry_run=True),
                "late joiner": self._send_to_erin_too(),
                "cancelled": asyncio.to_thread(self._cancelled),
                "source changed": asyncio.to_thread(self._changed),
                "expired": asyncio.to_thread(self._expired),
                "sender killed": self._killed(),
            }
            return dict(zip(kinds, await asyncio.gather(*kinds.values()), strict=True))

    async def _send(self, *to: str, **options: Any) -> Transfer:
        return (await self._reported(*to, **options)).transfer.state

    async def _send_to_erin_too(self) -> Transfer:
        """She accepts when all others have it."""
        first = await self._reported(self.bob, self.erin)
        assert first.transfer.state is Transfer.CASTING
        self._deciding.answer(first.transfer.transfer_id, True)
        return await self._ended(first.transfer.transfer_id)

    async def _reported(self, *to: str, **options: Any) -> Report:
        source = self._world.folder / "played.bin"
        async with aclosing(self._sender.send(source, to, chunk_size=CHUNK, **options)) as happening:
            async for event in happening:
                if isinstance(event, events.Reported):
                    return event.report
        raise AssertionError("there was no report")

    def _cancelled(self) -> Transfer:
        """In the middle of the cast."""
        with ExitStack() as connections:
            alice, transfer_id = self._begun(connections)
            alice.say("cancel", {"type": "CancelRequested/1", "transfer_id": transfer_id})
            return _end(alice)

    def _changed(self) -> Transfer:
        """A chunk comes again and differs."""
        with ExitStack() as connections:
            alice, transfer_id = self._begun(connections)
            alice.upload(transfer_id, 0, bytes(CHUNK))
            return _end(alice)

    def _expired(self) -> Transfer:
        """The other chunks do not come."""
        with ExitStack() as connections:
            alice, _ = self._begun(connections, consent_timeout=6_000, expires=8_000)
            return _end(alice)

    async def _killed(self) -> Transfer:
        """The sender goes without a word."""
        with ExitStack() as connections:
            _, transfer_id = await asyncio.to_thread(
                self._begun, connections, consent_timeout=6_000, expires=8_000
            )
        return await self._ended(transfer_id)

    def _begun(self, connections: ExitStack, **changed: int) -> tuple[Terminal, str]:
        """A sender that has uploaded the first chunk, and the transfer."""
        alice, session = registered(connections.enter_context(line(self._world, self.alice)))
        asked = request(session, self.bob, self.carol, **changed)
        alice.say("request", asked)
        alice.hear("UploadInvited")
        alice.upload(asked["transfer_id"], 0, FILE[:CHUNK])
        return alice, asked["transfer_id"]

    async def _ended(self, transfer_id: str) -> Transfer:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            state = (await self._sender.status(transfer_id)).transfer.state
            if state in FINAL_TRANSFER:
                return state
            assert time.monotonic() < deadline, f"{transfer_id} is still {state}"
            await asyncio.sleep(0.2)

    @asynccontextmanager
    async def _receiver(self, address: str, decision: Decision) -> AsyncIterator[Receiver]:
        into = self._world.inbox(address)
        into.mkdir(parents=True)
        async with Receiver.connect(
            self._credentials(address), into=into, decide=lambda _: decision
        ) as receiver:
            yield receiver

    def _credentials(self, address: str) -> Credentials:
        return Credentials.load(address, self._settings)


def _end(alice: Terminal) -> Transfer:
    return Transfer(alice.hear("TransferReported")["transfer"]["state"])
