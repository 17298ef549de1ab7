"""Which step has too much to do, or fails? One line for each step."""

from dev.dashboards.panels import RATE, SERVER, Dashboard, Panel, Query, Row

STEP = "{{server}} {{step}}"


def _by_step(title: str, description: str, unit: str, expr: str) -> Panel:
    return Panel(title, description, unit, (Query(expr, STEP),))


WORK = Row(
    "Work",
    (
        _by_step(
            "Messages handled",
            "Per second, whatever became of them.",
            "ops",
            f"server_step:rollcast_handled:rate5m{{{SERVER}}}",
        ),
        _by_step(
            "Messages not done",
            "Per second: retried, parked, or given back while the broker was away.",
            "ops",
            f"server_step:rollcast_not_done:rate5m{{{SERVER}}}",
        ),
        _by_step(
            "Handling time",
            "95 % of the batches take no longer; those of S290 and S300 move bytes.",
            "s",
            f"server_step:rollcast_handling_seconds:p95_5m{{{SERVER}}}",
        ),
    ),
)

QUEUES = Row(
    "Queues",
    (
        _by_step(
            "Queue depth",
            "Messages in the step's queue, those that a worker has taken included.",
            "short",
            f"server_step:rabbitmq_queue_messages:max{{{SERVER}}}",
        ),
        _by_step(
            "Consumers",
            "Processes that consume the step's queue; none is an alert.",
            "short",
            f"server_step:rabbitmq_queue_consumers:max{{{SERVER}}}",
        ),
        _by_step(
            "In flight",
            "Messages that workers have taken and not yet acknowledged.",
            "short",
            f"sum by (server, step) (rollcast_in_flight{{{SERVER}}})",
        ),
        _by_step(
            "Redelivered",
            "Messages per second that came again: whoever had them died, lost its connection or gave them back.",
            "ops",
            f"server_step:rollcast_redelivered:rate5m{{{SERVER}}}",
        ),
        Panel(
            "Waiting on the ladder",
            "Messages that wait for another attempt, or for the lanes (pace).",
            "short",
            (
                Query(
                    'max by (queue) (rabbitmq_detailed_queue_messages{queue=~"rollcast[.]retry[.].*"})',
                    "{{queue}}",
                ),
            ),
        ),
        Panel(
            "Prompts of the clock",
            "What was due and is asked for again, per second; much of it means lost messages.",
            "ops",
            (
                Query(
                    f"sum by (server, message) (rate(rollcast_prompts_total{{{SERVER}}}{RATE}))",
                    "{{server}} {{message}}",
                ),
            ),
        ),
    ),
)

TROUBLE = Row(
    "Trouble",
    (
        Panel(
            "Retries",
            "Messages that went up the ladder in five minutes, by step and rung.",
            "short",
            (
                Query(
                    f"sum by (server, step, rung) (increase(rollcast_retried_total{{{SERVER}}}[5m])) > 0",
                    "{{server}} {{step}} {{rung}}",
                ),
            ),
        ),
        Panel(
            "Parked messages",
            "What lies in the parked queue now.",
            "short",
            (Query(f"server:rabbitmq_parked_messages:max{{{SERVER}}}", "{{server}}"),),
        ),
        Panel(
            "Parked since the workers started",
            "By step and reason; those of progress are only counted, and so are those beyond their senders' shares.",
            "short",
            (
                Query(
                    f"sum by (server, step, reason) (rollcast_parked_total{{{SERVER}}})",
                    "{{server}} {{step}} {{reason}}",
                ),
                Query(
                    f"sum by (server, step, reason) (rollcast_discarded_total{{{SERVER}}})",
                    "{{server}} {{step}} {{reason}} discarded",
                ),
            ),
        ),
        Panel(
            "Decisions about parked messages",
            "What operators replayed or dropped in five minutes.",
            "short",
            (
                Query(
                    f"sum by (server, action) (increase(rollcast_unparked_total{{{SERVER}}}[5m]))",
                    "{{server}} {{action}}",
                ),
            ),
            width=12,
        ),
        Panel(
            "Messages without a queue",
            "Messages in five minutes to a step whose queue was gone at that moment; the clock asks for them again.",
            "short",
            (
                Query(
                    f"sum by (server, step) (increase(rollcast_unroutable_total{{{SERVER}}}[5m]))",
                    STEP,
                ),
            ),
            width=12,
        ),
    ),
)

PROCESSES = Row(
    "Processes",
    (
        Panel(
            "Workers",
            "Processes that answer, by group.",
            "short",
            (Query(f'sum by (server, group) (up{{job="rollcast", {SERVER}}})', "{{server}} {{group}}"),),
            width=6,
        ),
        Panel(
            "CPU",
            "Cores that each process uses.",
            "short",
            (
                Query(
                    f'rate(process_cpu_seconds_total{{job="rollcast", {SERVER}}}{RATE})',
                    "{{group}} {{instance}}",
                ),
            ),
            width=6,
        ),
        Panel(
            "Memory",
            "Resident memory of each process; it depends neither on files nor on receivers.",
            "bytes",
            (Query(f'process_resident_memory_bytes{{job="rollcast", {SERVER}}}', "{{group}} {{instance}}"),),
            width=6,
        ),
        Panel(
            "Versions",
            "How many processes run which version.",
            "short",
            (
                Query(
                    f"count by (server, version) (rollcast_build_info{{{SERVER}}})", "{{server}} {{version}}"
                ),
            ),
            width=6,
        ),
        Panel(
            "Ledger revision",
            "The last migration; it grows with a new version, and never shrinks.",
            "short",
            (Query(f"server:rollcast_ledger_revision:max{{{SERVER}}}", "{{server}}"),),
            width=12,
        ),
        Panel(
            "Consumers started",
            "In five minutes, by pool; beyond the start each is a lost connection or a deleted queue.",
            "short",
            (
                Query(
                    f"sum by (server, pool) (increase(rollcast_consumer_starts_total{{{SERVER}}}[5m]))",
                    "{{server}} {{pool}}",
                ),
            ),
            width=12,
        ),
    ),
)

DASHBOARD = Dashboard(
    "rollcast-steps",
    "Rollcast: steps",
    "Each step's messages, queue and workers.",
    (WORK, QUEUES, TROUBLE, PROCESSES),
)
