"""Does what steps ask for at the broker and in the spool, between the commit and the publishing.

Each action can be done twice. A failure is the message's failure: it is handled again.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from rollcast.addresses import domain_of
from rollcast.errors import Permanent, Transient
from rollcast.messages import LanesDue, LanesMeasured, SpoolVerified
from rollcast.topology import BULK, INNER, cast, inbox, lane, session_inbox, spool_queue, transfer_key
from workers import metrics
from workers.broker.declarer import Declarer
from workers.broker.management import Management
from workers.broker.rights import Rights
from workers.doctor.diagnosis import Diagnosis
from workers.ledger import Database, invited, sent
from workers.looking.broker_view import BrokerView
from workers.pace import hold
from workers.parked.parking import Parking
from workers.settings import Settings
from workers.spool.caster import Caster
from workers.spool.store import Store
from workers.upload import PIECE
from workers.work import (
    Action,
    CastChunks,
    CloseConnections,
    Diagnose,
    DropCast,
    DropLanes,
    DropSpool,
    GrantRights,
    MeasureLanes,
    OpenInboxes,
    OpenLanes,
    OpenUpload,
    Publication,
    Reply,
    RevokeRights,
    SeeBroker,
    SeeParked,
    SetPassword,
    ToStep,
    VerifySpool,
)

Follow = list[Publication]

log = structlog.get_logger()


class Actions:
    """Performs actions; what follows from one of them is returned."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        declarer: Declarer,
        store: Store,
        caster: Caster,
        rights: Rights,
        parking: Parking,
        management: Management,
    ) -> None:
        self._settings = settings
        self._database = database
        self._declarer = declarer
        self._store = store
        self._caster = caster
        self._rights = rights
        self._parking = parking
        self._view = BrokerView(settings, declarer, management)
        self._diagnosis = Diagnosis(settings, database, store, declarer, management)
        self._perform: dict[type, Callable[[Any], Awaitable[Follow]]] = {
            OpenInboxes: self._open_inboxes,
            OpenLanes: self._open_lanes,
            DropLanes: self._drop_lanes,
            OpenUpload: self._open_upload,
            DropCast: self._drop_cast,
            DropSpool: self._drop_spool,
            CastChunks: self._cast_chunks,
            VerifySpool: self._verify_spool,
            MeasureLanes: self._measure_lanes,
            GrantRights: self._grant,
            SetPassword: self._set_password,
            RevokeRights: self._revoke,
            CloseConnections: self._close_connections,
            SeeParked: self._see_parked,
            SeeBroker: self._see_broker,
            Diagnose: self._diagnose,
        }

    async def perform(self, action: Action) -> Follow:
        """Do it; `Transient` if broker or spool are not up to it now."""
        return await self._perform[type(action)](action)

    async def _open_inboxes(self, action: OpenInboxes) -> Follow:
        queues = [inbox(action.address)]
        if action.session:
            queues.append(session_inbox(action.address, action.session))
        await self._declarer.queues(queues)
        return []

    async def _open_lanes(self, action: OpenLanes) -> Follow:
        exchange = cast(domain_of(action.sender), action.transfer_id)
        await self._declarer.cast(exchange, None)
        await self._declarer.queues(
            lane(receiver, action.transfer_id, exchange) for receiver in action.receivers
        )
        async with self._database.begin() as ledger:
            closed = await invited.is_closed(ledger, action.transfer_id)
        if closed:
            # It was closed since, and its lanes dropped perhaps before these were there.
            await self._declarer.delete_queues(_lanes(action.transfer_id, action.receivers))
            await self._declarer.delete_exchange(exchange)
        return []

    async def _drop_lanes(self, action: DropLanes) -> Follow:
        await self._declarer.delete_queues(_lanes(action.transfer_id, action.receivers))
        return []

    async def _open_upload(self, action: OpenUpload) -> Follow:
        key = transfer_key(action.sender, action.transfer_id)
        exchange = cast(domain_of(action.sender), action.transfer_id)
        await self._declarer.cast(exchange, key if action.live else None)
        spool = spool_queue(self._settings.server)
        await self._declarer.queues([spool])
        await self._declarer.bind(spool.name, INNER[BULK], key)
        async with self._database.begin() as ledger:
            closed = await sent.is_closed(ledger, action.transfer_id)
        if closed:
            await self._close_upload(action.sender, action.transfer_id)
        return []

    async def _drop_cast(self, action: DropCast) -> Follow:
        try:
            await self._close_upload(action.sender, action.transfer_id)
            await self._store.delete(action.transfer_id)
        except Transient as error:
            _put_off("cleaning up", action.transfer_id, error)
            return []
        async with self._database.begin() as ledger:
            await sent.note_cleaned_up(ledger, action.transfer_id)
        return []

    async def _drop_spool(self, action: DropSpool) -> Follow:
        try:
            await self._store.delete(action.transfer_id)
        except Transient as error:
            _put_off("giving the spool back", action.transfer_id, error)
        return []

    async def _close_upload(self, sender: str, transfer_id: str) -> None:
        key = transfer_key(sender, transfer_id)
        await self._declarer.unbind(spool_queue(self._settings.server).name, INNER[BULK], key)
        await self._declarer.delete_exchange(cast(domain_of(sender), transfer_id))

    async def _cast_chunks(self, action: CastChunks) -> Follow:
        arrived = await self._caster.cast(action)
        if arrived or action.receiver is None:
            return []
        # The lane is gone, or unbound.
        due = LanesDue(transfer_id=action.transfer_id, sender=action.sender, receivers=[action.receiver])
        return [ToStep(domain_of(action.receiver), due)]

    async def _verify_spool(self, action: VerifySpool) -> Follow:
        digests = await self._store.digest(action.transfer_id, action.chunks, action.sha256)
        if digests is None:
            return []
        verified = SpoolVerified(transfer_id=action.transfer_id, hash=digests)
        return [ToStep(domain_of(action.sender), verified)]

    async def _measure_lanes(self, action: MeasureLanes) -> Follow:
        depths = await self._declarer.depths(_lanes(action.transfer_id, action.receivers))
        deep = action.held < hold(depths, action.piece)
        _observe(depths, PIECE // action.piece, deep)
        return [ToStep(domain_of(action.sender), LanesMeasured(transfer_id=action.transfer_id, deep=deep))]

    async def _grant(self, action: GrantRights) -> Follow:
        await self._rights.grant(action.address, action.password_hash)
        return []

    async def _set_password(self, action: SetPassword) -> Follow:
        await self._rights.set_password(action.address, action.password_hash)
        return []

    async def _revoke(self, action: RevokeRights) -> Follow:
        await self._rights.revoke(action.address, remove=action.remove)
        if action.remove:
            await self._declarer.delete_queues([inbox(action.address).name])
        return []

    async def _close_connections(self, action: CloseConnections) -> Follow:
        try:
            await self._rights.disconnect(action.address)
        except (Transient, Permanent) as error:
            log.warning("connections were not closed", user=action.address, error=str(error))
        else:
            log.warning("closed the connections of an account that said far too much", user=action.address)
        return []

    async def _see_parked(self, action: SeeParked) -> Follow:
        return [await self._parking.answer(action.asked, action.request)]

    async def _see_broker(self, action: SeeBroker) -> Follow:
        return [Reply(action.asked, await self._view.complete(action.overview))]

    async def _diagnose(self, action: Diagnose) -> Follow:
        return [await self._diagnosis.answer(action.asked)]


def _put_off(what: str, transfer_id: str, error: Transient) -> None:
    """The clock asks for it until it is done: the message that it follows from need not wait."""
    log.warning(f"{what} was put off", transfer=transfer_id, error=str(error))


def _observe(depths: Sequence[int], chunk_size: int, deep: bool) -> None:
    metrics.LANES_MEASURED.labels(found="deep" if deep else "shallow").inc()
    for depth in depths:
        metrics.LANE_DEPTH.observe(depth * chunk_size)


def _lanes(transfer_id: str, receivers: Sequence[str]) -> list[str]:
    return [lane(receiver, transfer_id, "").name for receiver in receivers]
