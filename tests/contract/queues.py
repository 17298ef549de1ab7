"""Every queue that the topology can name, found by its functions: a new one is found without being listed.

Those of an earlier version are left out: nobody declares or addresses them any more.
"""

import inspect
from collections.abc import Callable
from itertools import product

from rollcast import topology
from rollcast.topology import QueueSpec
from tests.people import ACME, BOB

TRANSFER = "0" * 32
NAMES: dict[str, tuple[object, ...]] = {
    "server": ("main",),
    "domains": ((ACME,),),
    "pool": topology.STEPS,
    "rung": ("5s",),
    "milliseconds": (5_000,),
    "address": (BOB,),
    "session": ("1" * 32,),
    "transfer_id": (TRANSFER,),
    "cast_exchange": (topology.cast(ACME, TRANSFER),),
}
PLACEHOLDERS: dict[str, tuple[object, ...]] = {
    "server": ("{server}",),
    "domains": (("{domain}",),),
    "pool": topology.STEPS,
    "rung": ("{rung}",),
    "milliseconds": (5_000,),
    "address": ("{address}",),
    "session": ("{session}",),
    "transfer_id": ("{transfer_id}",),
    "cast_exchange": (topology.cast("{sender_domain}", "{transfer_id}"),),
}


def queues(values: dict[str, tuple[object, ...]] = NAMES) -> list[QueueSpec]:
    """The queues under these names for their parameters."""
    makers = [
        function
        for _, function in inspect.getmembers(topology, inspect.isfunction)
        if function.__annotations__.get("return") is QueueSpec and function is not topology.earlier_step_queue
    ]
    return [spec for maker in makers for spec in _made_by(maker, values)]


def _made_by(maker: Callable[..., QueueSpec], values: dict[str, tuple[object, ...]]) -> list[QueueSpec]:
    choices = [values[name] for name in inspect.signature(maker).parameters]
    return [maker(*chosen) for chosen in product(*choices)]
