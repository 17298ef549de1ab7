"""Where are the bytes? Upload, fan-out, repairs, lanes, spool and broker."""

from dev.dashboards.panels import RATE, SERVER, Dashboard, Panel, Query, Row, quantiles


def _rate(metric: str, by: str = "server", window: str = RATE) -> str:
    return f"sum by ({by}) (rate({metric}{{{SERVER}}}{window}))"


FAN_OUT = Row(
    "Fan-out",
    (
        Panel(
            "Bytes",
            "What comes up once, what is published from the spool, and the files for which receipts came.",
            "Bps",
            (
                Query(_rate("rollcast_spooled_bytes_total"), "{{server}} uploaded"),
                Query(_rate("rollcast_cast_bytes_total"), "{{server}} from the spool"),
                Query(_rate("rollcast_delivered_bytes_total"), "{{server}} delivered"),
            ),
        ),
        Panel(
            "Fan-out",
            "Bytes delivered for each byte uploaded, over half an hour.",
            "short",
            (
                Query(
                    f"{_rate('rollcast_delivered_bytes_total', window='[30m]')}"
                    f" / {_rate('rollcast_spooled_bytes_total', window='[30m]')}",
                    "{{server}}",
                ),
            ),
        ),
        Panel(
            "Chunks",
            "Per second: stored in the spool, and published from it.",
            "ops",
            (
                Query(_rate("rollcast_chunks_spooled_total"), "{{server}} uploaded"),
                Query(_rate("rollcast_chunks_cast_total"), "{{server}} from the spool"),
            ),
        ),
    ),
)

REPAIRS = Row(
    "Repairs",
    (
        Panel(
            "Chunks repaired",
            "Chunks published again to one receiver, per second.",
            "ops",
            (Query(_rate("rollcast_chunks_repaired_total"), "{{server}}"),),
        ),
        Panel(
            "Casts to all again",
            "In five minutes: many receivers had lost about the same.",
            "short",
            (Query(f"sum by (server) (increase(rollcast_recasts_total{{{SERVER}}}[5m]))", "{{server}}"),),
        ),
        Panel(
            "Chunks refused",
            "Chunks that the spool did not take in five minutes, by reason. Those of transfer_ended came late: "
            "no fault.",
            "short",
            (
                Query(
                    f"sum by (server, reason) (increase(rollcast_chunks_refused_total{{{SERVER}}}[5m]))",
                    "{{server}} {{reason}}",
                ),
            ),
        ),
    ),
)

RECEIVERS = Row(
    "Receivers and lanes",
    (
        Panel(
            "Receiving, and late",
            "Receivers with an open lane; those that do not have the file a minute after the spool had it.",
            "short",
            (
                Query(
                    f'server_state:rollcast_receivers:max{{{SERVER}, state="receiving"}}',
                    "{{server}} receiving",
                ),
                Query(f"server:rollcast_receivers_late:max{{{SERVER}}}", "{{server}} late"),
            ),
        ),
        Panel(
            "Receipts",
            "From when a receiver could have the whole file to its receipt.",
            "s",
            quantiles("rollcast_receipt_seconds"),
        ),
        Panel(
            "Delivery of those that all have got",
            "From the new receiver list to the end.",
            "s",
            quantiles("rollcast_delivery_seconds", 'state="completed"'),
        ),
        Panel(
            "Lanes cut off",
            "Lanes deleted in five minutes since their receivers took chunks and acknowledged none.",
            "short",
            (
                Query(
                    f"sum by (server) (increase(rollcast_lanes_cut_off_total{{{SERVER}}}[5m]))", "{{server}}"
                ),
            ),
        ),
        Panel(
            "Depth of lanes",
            "What waits in the lanes that are looked at before the next piece; 64 MiB is deep, at 256 MiB they drop.",
            "bytes",
            quantiles("rollcast_lane_depth_bytes"),
            width=12,
        ),
        Panel(
            "Lanes found deep",
            "Looks at lanes per second; deep ones hold the next piece back.",
            "ops",
            (Query(_rate("rollcast_lanes_measured_total", "server, found"), "{{server}} {{found}}"),),
            width=12,
        ),
    ),
)

SPOOL = Row(
    "Spool",
    (
        Panel(
            "Spool",
            "The quota, what open transfers have reserved of it, and what has come of that.",
            "bytes",
            (
                Query(f"max by (server) (rollcast_spool_quota_bytes{{{SERVER}}})", "{{server}} quota"),
                Query(f"max by (server) (rollcast_spool_reserved_bytes{{{SERVER}}})", "{{server}} reserved"),
                Query(f"max by (server) (rollcast_spool_stored_bytes{{{SERVER}}})", "{{server}} stored"),
            ),
        ),
        Panel(
            "Free on the spool's disk",
            "Nothing for a bucket. Below 64 MiB nothing new is taken.",
            "bytes",
            (Query(f"server:rollcast_spool_free_bytes:max{{{SERVER}}}", "{{server}}"),),
        ),
        Panel(
            "Chunks on their way into the spool",
            "At most two pieces of 64 MiB of each transfer; more means that the spool pool does not keep up.",
            "short",
            (Query(f'server_step:rabbitmq_queue_messages:max{{{SERVER}, step="spool"}}', "{{server}}"),),
        ),
    ),
)

BROKER = Row(
    "Broker",
    (
        Panel(
            "Connections blocked",
            "Connections of workers from which the broker takes nothing.",
            "short",
            (Query(f"server:rollcast_connection_blocked:sum{{{SERVER}}}", "{{server}}"),),
            width=6,
        ),
        Panel(
            "Alarms",
            "Alarms of memory or disk, during which the broker takes nothing.",
            "short",
            (Query("instance:rabbitmq_alarms:sum", "{{instance}}"),),
            width=6,
        ),
        Panel(
            "Memory",
            "Memory of the broker, as a part of its limit.",
            "percentunit",
            (
                Query(
                    "rabbitmq_process_resident_memory_bytes / rabbitmq_resident_memory_limit_bytes",
                    "{{instance}}",
                ),
            ),
            width=6,
        ),
        Panel(
            "Disk above the limit",
            "What may still be written before the broker takes nothing.",
            "bytes",
            (Query("instance:rabbitmq_disk_headroom_bytes:min", "{{instance}}"),),
            width=6,
        ),
    ),
)

DASHBOARD = Dashboard(
    "rollcast-deliveries",
    "Rollcast: deliveries",
    "Upload, fan-out, repairs, lanes, spool and broker.",
    (FAN_OUT, REPAIRS, RECEIVERS, SPOOL, BROKER),
)
