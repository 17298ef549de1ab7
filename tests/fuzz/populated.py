"""A ledger with transfers in every state, so that messages about them find something to do."""

from typing import Any

import msgspec

from rollcast.messages import CancelRequested, SpoolVerified, TransferClosed, TransferRequested
from rollcast.messages.values import Offer
from rollcast.states import Transfer
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, GLOBEX, INITECH, MALLORY
from tests.unit.steps.build import RIGHT, at, by, delivered, file, invitation, reject, request
from tests.unit.steps.world import SETTINGS, World

CHUNK = 65_536
FILE_SIZE = 2 * CHUNK + 10
CHUNKS = 3
TRANSFERS = tuple(f"{number:032x}" for number in range(1, 14))
(
    INCOMPLETE,
    HELD,
    ASKING,
    CASTING,
    SPOOLED,
    EAGER,
    COMPLETED,
    DECLINED,
    CANCELLED,
    REFUSED,
    LISTED,
    PEERS,
    ENDED,
) = TRANSFERS


async def populate(world: World) -> None:
    """Bring each of `TRANSFERS` into the state of its name."""
    await world.account(ALICE, BOB, CAROL, DAVE, MALLORY)
    await world.suspend(MALLORY)
    await _underway(world)
    await _ended(world)
    await _of_peers(world)


async def _underway(world: World) -> None:
    await world.settle(by(ALICE, _request(INCOMPLETE, parts=2)))
    await world.asking(_request(ASKING))
    await world.casting(_request(CASTING))
    await world.spool([0], CASTING)
    await world.casting(_request(SPOOLED))
    await world.spool(range(CHUNKS), SPOOLED)
    await world.settle(at(ACME, SpoolVerified(transfer_id=SPOOLED, hash=RIGHT)))
    await world.casting(_request(EAGER, upload="eager"))
    await world.spool(range(CHUNKS), EAGER)
    await world.settle(by(ALICE, _request(HELD, file=file(size=SETTINGS.spool_quota))))


async def _ended(world: World) -> None:
    await world.casting(_request(COMPLETED))
    await world.settle(*(by(a, delivered(FILE_SIZE, transfer_id=COMPLETED)) for a in (BOB, CAROL)))
    await world.asking(_request(DECLINED))
    await world.settle(by(BOB, reject(DECLINED)), by(CAROL, reject(DECLINED)))
    await world.asking(_request(CANCELLED))
    await world.settle(by(ALICE, CancelRequested(transfer_id=CANCELLED)))
    await world.settle(by(ALICE, _request(REFUSED, list_policy="nonsense")))
    await world.casting(_request(LISTED, dry_run=True))


async def _of_peers(world: World) -> None:
    offer = await world.offer(ASKING)
    for transfer_id in (PEERS, ENDED):
        await world.settle(at(GLOBEX, invitation(_from_peer(offer, transfer_id), CAROL, DAVE)))
    closed = TransferClosed(transfer_id=ENDED, sender_domain=INITECH, state=Transfer.EXPIRED)
    await world.settle(at(GLOBEX, closed))


def _from_peer(offer: Offer, transfer_id: str) -> Offer:
    return msgspec.structs.replace(offer, transfer_id=transfer_id, sender=f"peter@{INITECH}")


def _request(transfer_id: str, **fields: Any) -> TransferRequested:
    usual: dict[str, Any] = {"file": file(size=FILE_SIZE), "chunk_size": CHUNK}
    return request(transfer_id=transfer_id, **usual | fields)
