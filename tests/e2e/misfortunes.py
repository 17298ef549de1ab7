"""Plays: transfers of one kind, side by side, with what a step needs to have something to do."""

import asyncio
from contextlib import ExitStack

from rollcast import Sender, topology
from rollcast.states import Receiver
from rollcast.topology import MiB
from tests.contract.raw_client import Fields
from tests.e2e import damage, rollcall
from tests.e2e.raw import line, registered
from tests.e2e.stage import Outcome, Stage, until, until_state
from tests.people import ALICE, BOB, DAVE, ERIN, FRANK

CONSENT_S = 3.0
IN_LANE = rollcall.CHUNKS + 1
"""Messages in a lane that nobody has read: the chunks and the end of the cast."""
BEYOND_GRANTED = 129 * MiB
BIG_ONES = 2
"""Such files at a time: as many as there are points at which `LanesMeasured` can be cut off."""


async def live(stage: Stage, count: int) -> list[Outcome]:
    """Uploaded into lanes and spool at once."""
    return await stage.deliver(count)


async def eager(stage: Stage, count: int) -> list[Outcome]:
    """Uploaded beside the roll call."""
    return await stage.deliver(count, upload="eager")


async def silent(stage: Stage, count: int) -> list[Outcome]:
    """One does not answer in time."""
    return await stage.deliver(count, (BOB, ERIN), consent_timeout=CONSENT_S)


async def unmet(stage: Stage, count: int) -> list[Outcome]:
    """One accepts, but the others do not."""
    return await stage.deliver(count, (BOB, DAVE, FRANK), list_policy="all_or_nothing")


async def cancelled(stage: Stage, count: int) -> list[Outcome]:
    """The sender takes them back while a receiver is asked."""

    async def take_back(sender: Sender, transfers: list[str]) -> None:
        for transfer_id in transfers:
            await until_state(sender, transfer_id, Receiver.ASKED)
            await stage.cancel(transfer_id)

    return await stage.deliver(count, (ERIN,), meanwhile=take_back)


async def purged(stage: Stage, count: int) -> list[Outcome]:
    """All that came through the lane is lost."""

    async def lose(sender: Sender, transfers: list[str]) -> None:
        with damage.stopped(await _accepted(stage, sender, transfers)):
            for lane in map(_lane, transfers):
                await _until_deep(stage, lane, IN_LANE)
                await asyncio.to_thread(damage.purge, stage.world.node, lane)

    return await stage.deliver(count, (BOB, ERIN), meanwhile=lose, consent_timeout=CONSENT_S)


async def big(stage: Stage, count: int) -> list[Outcome]:
    """More than is granted at once, so that lanes are measured."""
    return await stage.deliver(min(count, BIG_ONES), (BOB,), size=BEYOND_GRANTED, chunk_size=MiB)


async def changed(stage: Stage, count: int) -> list[Outcome]:
    """A chunk comes twice, and differs; one transfer after the other."""
    return [await asyncio.to_thread(_send_what_changes, stage) for _ in range(count)]


def _send_what_changes(stage: Stage) -> Outcome:
    with ExitStack() as connections:
        alice, session = registered(connections.enter_context(line(stage.world, ALICE)))
        request = rollcall.request(session, BOB, DAVE)
        alice.say("request", request)
        alice.hear("UploadInvited")
        for chunk in (bytes(rollcall.CHUNK), rollcall.FILE[: rollcall.CHUNK]):
            alice.upload(request["transfer_id"], 0, chunk)
        return _outcome(alice.hear("TransferReported"))


def _outcome(report: Fields) -> Outcome:
    receivers = {one["address"]: (one["state"], one["reason"]) for one in report["receivers"]}
    return Outcome(report["transfer"]["state"], report["transfer"]["reason"], receivers)


async def _accepted(stage: Stage, sender: Sender, transfers: list[str]) -> int:
    """The process of Bob, when he has accepted all; the others are still being waited for."""
    for transfer_id in transfers:
        await until_state(sender, transfer_id, Receiver.ACCEPTED)
    return stage.world.receiver(BOB).pid


async def _until_deep(stage: Stage, lane: str, messages: int) -> None:
    await until(lambda: stage.depth(lane) >= messages, f"{messages} messages are in {lane}")


def _lane(transfer_id: str) -> str:
    return topology.lane(BOB, transfer_id, "").name
