"""Which of the broker's policies applies to a queue."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rollcast.topology import lane

FOR_QUEUES = {"queues", "classic_queues", "all"}
A_LANE = lane("bob@acme", "0" * 32, "").name
"""The name of a lane like any other."""

Policy = Mapping[str, Any]


def is_lazy(queue: str, policies: Iterable[Policy]) -> bool:
    """Whether a policy lets a classic queue page to disk, on a broker before 4.0.

    Of several that fit, the one of the highest priority applies, and no other.
    """
    fitting = [
        policy
        for policy in policies
        if policy["apply-to"] in FOR_QUEUES and re.search(policy["pattern"], queue)
    ]
    best = max(fitting, key=lambda policy: int(policy["priority"]), default=None)
    return best is not None and best["definition"].get("queue-mode") == "lazy"
