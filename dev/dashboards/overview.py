"""Is all well? What is under way, what has become of it, how long does it take?"""

from dev.dashboards.panels import SERVER, Dashboard, Panel, Query, Row, quantiles, stat

OPEN = 'state=~"requested|held|asking|casting"'

NOW = Row(
    "Now",
    (
        stat("Workers", "Worker processes that answer.", "short", f"server:up:sum{{{SERVER}}}"),
        Panel(
            "Alerts",
            "Alerts of Rollcast that fire; docs/operations.md has a section for each.",
            "short",
            (Query('count(ALERTS{alertname=~"Rollcast.*", alertstate="firing"}) or vector(0)', "firing"),),
            "stat",
            width=4,
        ),
        stat(
            "Open transfers",
            "Transfers that have not come to an end.",
            "short",
            f"sum by (server) (server_state:rollcast_transfers:max{{{SERVER}, {OPEN}}})",
        ),
        stat(
            "Held transfers",
            "Transfers that wait for room in the spool or on the broker.",
            "short",
            f'server_state:rollcast_transfers:max{{{SERVER}, state="held"}}',
        ),
        stat(
            "Parked messages",
            "Messages that nobody could handle, and that wait for an operator.",
            "short",
            f"server:rabbitmq_parked_messages:max{{{SERVER}}}",
        ),
        stat(
            "Spool reserved",
            "The part of the quota that open transfers take; at 100 % further ones are held.",
            "percentunit",
            f"server:rollcast_spool_reserved:ratio{{{SERVER}}}",
        ),
    ),
)

TRANSFERS = Row(
    "Transfers and receivers",
    (
        Panel(
            "Open transfers by state",
            "What is under way.",
            "short",
            (Query(f"server_state:rollcast_transfers:max{{{SERVER}, {OPEN}}}", "{{server}} {{state}}"),),
            stacked=True,
        ),
        Panel(
            "Transfers ended in five minutes",
            "By the state in which they ended.",
            "short",
            (
                Query(
                    f"sum by (server, state) (increase(rollcast_transfers_ended_total{{{SERVER}}}[5m])) > 0",
                    "{{server}} {{state}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Bytes",
            "What came up into the spool, what was published from it, and the files for which receipts came.",
            "Bps",
            (
                Query(
                    f"sum by (server) (rate(rollcast_spooled_bytes_total{{{SERVER}}}[5m]))",
                    "{{server}} uploaded",
                ),
                Query(
                    f"sum by (server) (rate(rollcast_cast_bytes_total{{{SERVER}}}[5m]))",
                    "{{server}} from the spool",
                ),
                Query(
                    f"sum by (server) (rate(rollcast_delivered_bytes_total{{{SERVER}}}[5m]))",
                    "{{server}} delivered",
                ),
            ),
        ),
        Panel(
            "Receivers of open transfers by state",
            "How far they are.",
            "short",
            (Query(f"server_state:rollcast_receivers:max{{{SERVER}}} > 0", "{{server}} {{state}}"),),
            stacked=True,
        ),
        Panel(
            "Receivers ended in five minutes",
            "By their state when their transfer ended.",
            "short",
            (
                Query(
                    f"sum by (server, state) (increase(rollcast_receivers_ended_total{{{SERVER}}}[5m])) > 0",
                    "{{server}} {{state}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Late receivers",
            "They are on the list and do not have the file a minute after the spool had the whole of it.",
            "short",
            (Query(f"server:rollcast_receivers_late:max{{{SERVER}}}", "{{server}}"),),
        ),
    ),
)

LATENCY = Row(
    "How long it takes",
    (
        Panel(
            "Roll call",
            "From the request to the new receiver list.",
            "s",
            quantiles("rollcast_roll_call_seconds"),
        ),
        Panel(
            "Delivery",
            "From the new receiver list to the end of a transfer, whatever its end.",
            "s",
            quantiles("rollcast_delivery_seconds"),
        ),
        Panel(
            "Receipts",
            "From when a receiver could have the whole file to its receipt.",
            "s",
            quantiles("rollcast_receipt_seconds"),
        ),
        Panel(
            "Standing still",
            "Time since anything has moved in the transfer that stands still for longest.",
            "s",
            (Query(f"server_state:rollcast_transfer_idle_seconds:max{{{SERVER}}}", "{{server}} {{state}}"),),
        ),
        Panel(
            "Transfers that stand still",
            "Those that are being cast and in which nothing has moved for half an hour.",
            "short",
            (Query(f"server:rollcast_transfers_stalled:max{{{SERVER}}}", "{{server}}"),),
        ),
        Panel(
            "Undone",
            "For how long that has waited which servers have to do by themselves, by step. Seconds are normal.",
            "s",
            (Query(f"server_step:rollcast_undone_seconds:max{{{SERVER}}}", "{{server}} {{step}}"),),
        ),
    ),
)

DASHBOARD = Dashboard(
    "rollcast-overview",
    "Rollcast: overview",
    "What is under way, what has become of it, and how long it takes.",
    (NOW, TRANSFERS, LATENCY),
)
