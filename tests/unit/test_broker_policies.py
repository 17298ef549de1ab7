"""Which policy applies to a queue, as the broker would decide."""

from collections.abc import Mapping

import pytest

from workers.broker.policies import A_LANE, Policy, is_lazy

LAZY = {"queue-mode": "lazy"}


def policy(pattern: str, definition: Mapping[str, object], priority: int = 0, to: str = "queues") -> Policy:
    """As the management API tells it."""
    return {"pattern": pattern, "definition": definition, "priority": priority, "apply-to": to}


@pytest.mark.parametrize(
    ("policies", "lazy"),
    [
        ([], False),
        ([policy(r"^rollcast\.(lane|spool)\.", LAZY)], True),
        ([policy("lane", LAZY, to="all")], True),
        ([policy("lane", LAZY, to="classic_queues")], True),
        ([policy(".*", LAZY, to="exchanges")], False),
        ([policy(".*", LAZY, to="quorum_queues")], False),
        ([policy(r"^rollcast\.spool\.", LAZY)], False),
        ([policy("lane", LAZY), policy(".*", {"max-length": 5}, 1)], False),
        ([policy("lane", LAZY, 2), policy(".*", {"max-length": 5}, 1)], True),
    ],
)
def test_the_policy_of_the_highest_priority_applies(policies: list[Policy], lazy: bool) -> None:
    """And no other, though it says nothing of the mode."""
    assert is_lazy(A_LANE, policies) is lazy
