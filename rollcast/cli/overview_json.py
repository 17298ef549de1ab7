"""What servers do at a moment, as the document of `top --json`."""

from typing import Any

import msgspec

from rollcast.cli.queue_names import by_pool
from rollcast.messages import OverviewAnswered
from rollcast.messages.figures import BrokerFigures, QueueFigures, Straggler
from rollcast.overview import Overview, is_measured
from rollcast.report import instant, listing_json, receiver_json


def overview_json(overview: Overview) -> dict[str, Any]:
    """Servers with their queues, transfers by state and the newest open ones, stragglers; instants in UTC."""
    return {
        "at": instant(overview.at),
        "servers": [_server(server) for server in overview.servers],
        "counts": {str(state): number for state, number in overview.counts.items()},
        "open": overview.open,
        "transfers": [listing_json(transfer) for transfer in overview.transfers],
        "stragglers": [_straggler(straggler) for straggler in overview.stragglers],
    }


def _server(server: OverviewAnswered) -> dict[str, Any]:
    return {
        "server": server.server,
        "broker": _broker(server.broker),
        "trouble": server.trouble,
        "spool": msgspec.to_builtins(server.spool),
        "queues": {
            purpose: _queue(queue, measured=is_measured(server)) for purpose, queue in by_pool(server).items()
        },
    }


def _broker(broker: BrokerFigures | None) -> dict[str, Any] | None:
    if broker is None:
        return None
    unknown = {} if broker.measured else dict.fromkeys(("memory", "memory_limit", "disk_free"))
    return {**msgspec.structs.asdict(broker), **unknown}


def _queue(queue: QueueFigures, *, measured: bool) -> dict[str, Any]:
    return {**msgspec.structs.asdict(queue), **({} if measured else {"unacknowledged": None})}


def _straggler(straggler: Straggler) -> dict[str, Any]:
    told = receiver_json(straggler.receiver, straggler.size, str(straggler.receiver.state))
    return {"transfer_id": straggler.transfer_id, "size": straggler.size, **told}
