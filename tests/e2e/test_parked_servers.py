"""Parked messages of several servers."""

import secrets
from contextlib import ExitStack

import pytest

from dev.broker import Broker
from tests.e2e.parking import listed, parked_about, unanswerable
from tests.e2e.raw import line
from tests.e2e.world import deployed
from tests.people import ACME, ALICE, CAROL, GLOBEX, SERVER_PER_DOMAIN


def test_an_operator_sees_the_messages_of_all_its_servers(
    tmp_path_factory: pytest.TempPathFactory, node: Broker
) -> None:
    """Each once, and can settle those of both at once; without a domain not those of its server."""
    folder = tmp_path_factory.mktemp("two")
    with deployed(folder, node, SERVER_PER_DOMAIN) as two, ExitStack() as stack:
        marks = [secrets.token_hex(16) for _ in range(2)]
        for address, mark in zip((ALICE, CAROL), marks, strict=True):
            key = f"{address.partition('@')[2]}.{address}.answer"
            stack.enter_context(line(two, address)).say("rollcast.up", key, unanswerable(mark), address)
        ids = [
            parked_about(two, mark, domain)["id"] for mark, domain in zip(marks, (ACME, GLOBEX), strict=True)
        ]
        assert {message["id"] for message in listed(two)} == set(ids)
        assert [message["id"] for message in listed(two, ROLLCAST_DOMAINS=GLOBEX)] == ids[1:]
        assert two.run("parked", "drop", *ids).status == 0
        assert listed(two) == []
