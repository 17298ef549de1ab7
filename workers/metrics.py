"""Every metric, in one list. No label is a transfer or an address. `docs/metrics.md` is made from it."""

import math
import platform
from importlib.metadata import version

from prometheus_client import Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

from rollcast.topology import MiB

HOUR = 3600

disable_created_metrics()  # type: ignore[no-untyped-call]

HANDLED = Counter(
    "rollcast_handled",
    "Messages handled, by step and outcome. All but those that are done, dropped or turned away come again, or are "
    "parked.",
    ["step", "outcome"],
)
HANDLING = Histogram(
    "rollcast_handling_seconds",
    "Time from taking a batch of messages to its acknowledgement, by step.",
    ["step"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
IN_FLIGHT = Gauge("rollcast_in_flight", "Messages taken and not yet acknowledged, by step.", ["step"])
REDELIVERED = Counter(
    "rollcast_redelivered",
    "Messages that came again, by step: whoever had them before died, lost its connection or gave them back.",
    ["step"],
)
RETRIED = Counter(
    "rollcast_retried", "Messages sent up the retry ladder, by step and rung.", ["step", "rung"]
)
PARKED = Counter(
    "rollcast_parked",
    "Messages that were given up and parked, by step and reason; those of progress are only counted.",
    ["step", "reason"],
)
DISCARDED = Counter(
    "rollcast_discarded",
    "Messages that were given up and not even parked, by step and reason: their sender's share was used up.",
    ["step", "reason"],
)
UNPARKED = Counter(
    "rollcast_unparked", "Parked messages that operators replayed or dropped.", ["step", "action"]
)
UNROUTABLE = Counter(
    "rollcast_unroutable", "Messages to a step that had no queue at that moment, by step.", ["step"]
)
PROMPTS = Counter(
    "rollcast_prompts", "What the clock found due and asked for again, by message.", ["message"]
)

CHUNKS_SPOOLED = Counter("rollcast_chunks_spooled", "Chunks that came up and were stored in the spool.")
BYTES_SPOOLED = Counter("rollcast_spooled_bytes", "Bytes that came up and were stored in the spool.")
CHUNKS_REFUSED = Counter(
    "rollcast_chunks_refused",
    "Chunks that the spool did not take, by reason. What a transfer still needs is asked for again; of "
    "`transfer_ended` there are some whenever a transfer ends before all of its upload has been stored.",
    ["reason"],
)
CHUNKS_CAST = Counter("rollcast_chunks_cast", "Chunks published from the spool, to all lanes or to one.")
BYTES_CAST = Counter("rollcast_cast_bytes", "Bytes published from the spool, to all lanes or to one.")
CHUNKS_REPAIRED = Counter("rollcast_chunks_repaired", "Chunks published again to one receiver's lane.")
RECASTS = Counter("rollcast_recasts", "Requests for repair that were answered by a cast to all lanes.")
BYTES_DELIVERED = Counter(
    "rollcast_delivered_bytes",
    "Bytes of the files for which receipts came, once for each receiver: what the upload has become.",
)
LANE_DEPTH = Histogram(
    "rollcast_lane_depth_bytes",
    "What waits in a lane, of the lanes looked at before the next piece of a file; at 256 MiB the oldest is dropped.",
    buckets=tuple(mebibytes * MiB for mebibytes in (1, 4, 16, 32, 64, 96, 128, 192, 256)),
)
LANES_CUT_OFF = Counter(
    "rollcast_lanes_cut_off", "Lanes deleted since their receivers took chunks and acknowledged none."
)
LANES_MEASURED = Counter(
    "rollcast_lanes_measured",
    "Looks at lanes before the next piece of a file, by what was found: deep ones hold it back.",
    ["found"],
)

TRANSFERS = Gauge("rollcast_transfers", "Transfers that are not closed everywhere, by state.", ["state"])
RECEIVERS = Gauge("rollcast_receivers", "Receivers of the transfers that are open, by state.", ["state"])
RECEIVERS_LATE = Gauge(
    "rollcast_receivers_late",
    "Receivers on the list that do not have the file a minute after the spool had the whole of it.",
)
IDLE = Gauge(
    "rollcast_transfer_idle_seconds",
    "Time since anything has moved in the open transfer that stands still for longest, by state; 0 if there is none.",
    ["state"],
)
STALLED = Gauge(
    "rollcast_transfers_stalled",
    "Transfers that are being cast and in which nothing has moved for half an hour.",
)
UNDONE = Gauge(
    "rollcast_undone_seconds",
    "For how long that has waited which servers have to do without anybody else, by the step that does it.",
    ["step"],
)
TRANSFERS_ENDED = Counter(
    "rollcast_transfers_ended", "Transfers that came to their end, by state.", ["state"]
)
RECEIVERS_ENDED = Counter(
    "rollcast_receivers_ended", "Receivers whose transfer came to its end, by their state then.", ["state"]
)

ROLL_CALL = Histogram(
    "rollcast_roll_call_seconds",
    "Time from writing a transfer down (S210) to the first version of the new receiver list (S270).",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, HOUR, 6 * HOUR, 24 * HOUR),
)
DELIVERY = Histogram(
    "rollcast_delivery_seconds",
    "Time from the new receiver list (S270) to the end of a transfer that was cast, by the state in which it ended.",
    ["state"],
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, HOUR, 6 * HOUR, 24 * HOUR),
)
RECEIPT = Histogram(
    "rollcast_receipt_seconds",
    "Time from when a receiver could have the whole file, being listed and the spool having it, to its receipt.",
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, HOUR, 6 * HOUR, 24 * HOUR),
)

SPOOL_QUOTA = Gauge(
    "rollcast_spool_quota_bytes", "Bytes of files that the spool may hold (ROLLCAST_SPOOL_QUOTA)."
)
SPOOL_RESERVED = Gauge(
    "rollcast_spool_reserved_bytes", "Bytes of the open transfers' files, also those that are still to come."
)
SPOOL_STORED = Gauge("rollcast_spool_stored_bytes", "Bytes of the open transfers' files that the spool has.")
SPOOL_FREE = Gauge(
    "rollcast_spool_free_bytes", "Bytes free on the spool's disk; NaN where that cannot be known."
)
LEDGER_REVISION = Gauge("rollcast_ledger_revision", "Number of the last migration of the ledger.")
CONNECTION_BLOCKED = Gauge(
    "rollcast_connection_blocked",
    "1 while the broker takes nothing on this connection of the process, being short of memory or disk.",
    ["connection"],
)
ENTRY_OPEN = Gauge(
    "rollcast_entry_open",
    "1 if what terminals and operators publish to this exchange is let through, as a worker of `operator` sees it.",
    ["exchange"],
)
RIGHTS_MENDED = Counter(
    "rollcast_rights_mended",
    "What users of the broker had as they should not, and has been set right, by what it was.",
    ["what"],
)
RIGHTS_UNKNOWN = Gauge(
    "rollcast_rights_unknown", "Terminals that have rights at the broker and no account in the ledger."
)
RIGHTS_MISSING = Gauge("rollcast_rights_missing", "Accounts in the ledger that are no users of the broker.")
CONSUMER_STARTS = Counter("rollcast_consumer_starts", "How often consumers started, by pool.", ["pool"])
BUILD = Info("rollcast_build", "1; its labels tell which program this is.")
BUILD.info({"version": version("rollcast"), "python": platform.python_version()})

SECTIONS: dict[str, tuple[MetricWrapperBase, ...]] = {
    "Messages": (
        *(
            HANDLED,
            HANDLING,
            IN_FLIGHT,
            REDELIVERED,
            RETRIED,
            PARKED,
            DISCARDED,
            UNPARKED,
            UNROUTABLE,
            PROMPTS,
        ),
    ),
    "Chunks and bytes": (
        *(CHUNKS_SPOOLED, BYTES_SPOOLED, CHUNKS_REFUSED, CHUNKS_CAST, BYTES_CAST, CHUNKS_REPAIRED, RECASTS),
        *(BYTES_DELIVERED, LANE_DEPTH, LANES_MEASURED, LANES_CUT_OFF),
    ),
    "Ends and latencies": (TRANSFERS_ENDED, RECEIVERS_ENDED, ROLL_CALL, DELIVERY, RECEIPT),
    "The ledger and the spool, as the clock sees them": (
        *(TRANSFERS, RECEIVERS, RECEIVERS_LATE, IDLE, STALLED, UNDONE),
        *(SPOOL_QUOTA, SPOOL_RESERVED, SPOOL_STORED, SPOOL_FREE, LEDGER_REVISION),
    ),
    "Rights at the broker": (ENTRY_OPEN, RIGHTS_MENDED, RIGHTS_UNKNOWN, RIGHTS_MISSING),
    "Processes": (CONNECTION_BLOCKED, CONSUMER_STARTS, BUILD),
}
"""All of them as documents show them."""
SEEN_BY_THE_CLOCK = SECTIONS["The ledger and the spool, as the clock sees them"]
LABELS = {
    "step": "`operator`, `s200` to `s310`, `spool`, `progress`; `unknown` of a parked message that does not say",
    "outcome": "`done`, `retried`, `parked`, `given_back` (the broker was away), "
    "`dropped` (a question that nobody waits for any more), `turned_away` (its account says more than it may), "
    "`discarded` (its account has as many among the parked as it may)",
    "rung": "`5s`, `30s`, `5m`",
    "reason": "a code of [the list of reasons](protocol.md#reasons), or of an error such as `ledger_unavailable`; "
    "or why a chunk is dropped",
    "action": "`replay`, `drop`",
    "message": "the name of a message",
    "found": "`deep`, `shallow`",
    "exchange": "`rollcast.up`, `rollcast.step`, `rollcast.bulk`",
    "what": "`topic permission`, `permission`, `limit`",
    "state": "a state [of a transfer or of a receiver](protocol.md#states)",
    "connection": "`control in`, `control out`, `bulk in`, `bulk out`, `replies`, `declarations`",
    "pool": "the name of a pool",
    "version": "of Rollcast",
    "python": "of Python",
}
"""What the labels stand for."""


def forget() -> None:
    """Tell nothing of ledger and spool: this process does not look at them, or cannot at present."""
    for gauge in SEEN_BY_THE_CLOCK:
        assert isinstance(gauge, Gauge)
        if gauge._labelnames:
            gauge.clear()
        else:
            gauge.set(math.nan)


forget()
