"""Every metric, in one list. No label is a transfer or an address."""

from prometheus_client import Counter, Gauge, Histogram

HANDLED = Counter("rollcast_handled", "Messages handled, by step and outcome.", ["step", "outcome"])
HANDLING = Histogram(
    "rollcast_handling_seconds",
    "Time from taking a batch to its acknowledgement, by step.",
    ["step"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
IN_FLIGHT = Gauge("rollcast_in_flight", "Messages taken and not yet acknowledged, by step.", ["step"])
PARKED = Counter("rollcast_parked", "Messages parked, by step and reason.", ["step", "reason"])
UNPARKED = Counter(
    "rollcast_unparked", "Parked messages that operators replayed or dropped.", ["step", "action"]
)
RETRIED = Counter(
    "rollcast_retried", "Messages sent up the retry ladder, by step and rung.", ["step", "rung"]
)
UNROUTABLE = Counter("rollcast_unroutable", "Messages to a step without a queue, by step.", ["step"])
CONSUMER_STARTS = Counter("rollcast_consumer_starts", "How often consumers started, by pool.", ["pool"])
CHUNKS_IN = Counter("rollcast_chunks_in", "Chunks stored in the spool.")
BYTES_IN = Counter("rollcast_bytes_in", "Bytes stored in the spool.")
CHUNKS_OUT = Counter("rollcast_chunks_out", "Chunks cast or repaired from the spool.")
BYTES_OUT = Counter("rollcast_bytes_out", "Bytes cast or repaired from the spool.")
CHUNKS_REPAIRED = Counter("rollcast_chunks_repaired", "Chunks sent again to one receiver's lane.")
RECASTS = Counter("rollcast_recasts", "Requests for repair that were answered by a cast to all.")
CHUNKS_REFUSED = Counter(
    "rollcast_chunks_refused", "Chunks that the spool did not take, by reason.", ["reason"]
)
TRANSFERS = Gauge("rollcast_transfers", "Transfers in the ledger, by state; set by the clock.", ["state"])
RECEIVERS = Gauge("rollcast_receivers", "Receivers in the ledger, by state; set by the clock.", ["state"])
PROMPTS = Counter("rollcast_prompts", "What the clock found due, by message.", ["message"])
