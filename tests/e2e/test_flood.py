"""Questions that nobody can answer, by the thousand: a worker's memory does not grow with them."""

import pytest
from pamqp.commands import Basic

from dev.processes import resident
from rollcast.codec import CONTENT_TYPE, encode
from rollcast.messages import Query
from rollcast.topology import REPLY_TO, UP
from tests.e2e.raw import line, sample
from tests.e2e.world import World
from tests.people import ACME, ALICE
from tests.waiting import wait_until

QUESTIONS = 1000
MAY_GROW = 48.0
"""MiB. A reading buffer of 1 MiB kept for each connection that a broker before 4.3 ends over them would be 200."""
NOWHERE = f"{REPLY_TO}.AAAA.x"


@pytest.mark.long
def test_questions_whose_replies_go_nowhere_cost_no_memory(world: World) -> None:
    """All are done with, and whoever asks properly after that is answered."""
    worker = world.running.workers[0]
    body = encode(Query(transfer_id="e" * 32))
    properties = Basic.Properties(content_type=CONTENT_TYPE, user_id=ALICE, reply_to=NOWHERE)
    with line(world, ALICE) as asker:
        before, handled = resident(worker.pid), _handled(world)
        for _ in range(QUESTIONS):
            asker.publish(UP, f"{ACME}.{ALICE}.query", body, properties)
        wait_until(lambda: _handled(world) >= handled + QUESTIONS, "all questions are done with")
        assert resident(worker.pid) < before + MAY_GROW
    assert world.run("list", "--as", ALICE, "--json").status == 0


def _handled(world: World) -> float:
    return sample(world, "rollcast_handled_total", step="s200", outcome="done")
