"""What differs between what the broker grants and what it has to grant."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from rollcast.topology import BULK, STEP, UP
from tests.people import ACME, ALICE, BOB, CAROL, GLOBEX, MALLORY, NOBODY, OPERATOR, SERVER_USER
from workers.broker.rights import LIMITS, permissions_of, topics_of
from workers.rights.comparison import compare, unbounded
from workers.rights.granted import Granted, Permission, Topic
from workers.rights.known import Known
from workers.rights.notices import Notices

ALL = Permission(".*", ".*", ".*")
OF_OPERATOR = Permission("^$", r"^rollcast\.step$", "^$")
NO_KEY = Topic("^$", "^$")
OPERATORS_TOPIC = Topic(r"^[a-z0-9-]+\.(operator|s200)$", "^$")
KNOWN = Known(frozenset({ACME}), {ALICE: False, BOB: False, MALLORY: True}, frozenset({OPERATOR}))


def topics(address: str) -> dict[tuple[str, str], Topic]:
    """The topic permissions of a terminal."""
    return {(address, exchange): Topic(write, "^$") for exchange, write in topics_of(address).items()}


def permission(address: str) -> Permission:
    """The permission of a terminal."""
    return Permission(**permissions_of(address))


RIGHT = Granted(
    users=frozenset({ALICE, BOB, MALLORY, CAROL, OPERATOR, SERVER_USER, "admin"}),
    permissions={
        **{address: permission(address) for address in (ALICE, BOB, CAROL)},
        OPERATOR: OF_OPERATOR,
        SERVER_USER: ALL,
        "admin": ALL,
    },
    topics={
        **topics(ALICE),
        **topics(BOB),
        **topics(CAROL),
        (OPERATOR, STEP): OPERATORS_TOPIC,
        (OPERATOR, UP): NO_KEY,
        (OPERATOR, BULK): NO_KEY,
    },
    limits={ALICE: LIMITS, BOB: LIMITS},
)
"""All is as it has to be. Carol's domain is served by another server."""


def without_topics(*gone: str) -> Granted:
    """What is left when exchanges were deleted, and declared again."""
    return replace(RIGHT, topics={key: row for key, row in RIGHT.topics.items() if key[1] not in gone})


def test_nothing_differs() -> None:
    """Servers and administrators need no topic permissions."""
    found = compare(KNOWN, RIGHT)
    assert found.are_none
    assert not found.changed
    assert not found.missing
    assert not found.unknown
    assert not found.strangers
    assert not any(unbounded(RIGHT, entry) for entry in (UP, STEP, BULK))


def test_an_exchange_was_deleted() -> None:
    """Every terminal gets its topic permission back, also another server's: it follows from the name."""
    found = compare(KNOWN, without_topics(UP))
    terminals = {ALICE, BOB, CAROL}
    assert found.topics == {
        **{(address, UP): topics(address)[address, UP] for address in terminals},
        (OPERATOR, UP): NO_KEY,
    }
    assert found.changed == terminals
    assert not found.permissions


def test_the_exchange_of_operators_was_deleted() -> None:
    """Terminals may not publish there at all; their topic permission is put back nevertheless."""
    found = compare(KNOWN, without_topics(STEP))
    assert found.topics == {
        (OPERATOR, STEP): OPERATORS_TOPIC,
        (ALICE, STEP): NO_KEY,
        (BOB, STEP): NO_KEY,
    }
    assert found.changed == {OPERATOR}


def test_an_operators_own_topic_permission_stays() -> None:
    """It may be narrower than ours."""
    narrow = replace(RIGHT, topics={**RIGHT.topics, (OPERATOR, STEP): Topic(rf"^{ACME}\.operator$", "^$")})
    assert compare(KNOWN, narrow).are_none


@pytest.mark.parametrize("domains", ["[a-z0-9-]+", ACME])
def test_an_operators_topic_permission_of_an_earlier_version(domains: str) -> None:
    """It may ask the pool of operators, too, and in no more domains than before."""
    earlier = replace(RIGHT, topics={**RIGHT.topics, (OPERATOR, STEP): Topic(rf"^{domains}\.s200$", "^$")})
    found = compare(KNOWN, earlier)
    assert found.topics == {(OPERATOR, STEP): Topic(rf"^{domains}\.(operator|s200)$", "^$")}
    assert found.changed == {OPERATOR}
    assert compare(KNOWN, replace(earlier, topics={**earlier.topics, **found.topics})).are_none


def test_an_operator_that_no_setting_names() -> None:
    """It is bounded to nothing rather than unbounded, and is reported."""
    found = compare(replace(KNOWN, operators=frozenset()), without_topics(STEP))
    assert found.topics[OPERATOR, STEP] == NO_KEY
    assert found.strangers == {OPERATOR}


def test_an_operator_that_there_is_not() -> None:
    """The setting has a default, and nobody makes users of it."""
    assert compare(replace(KNOWN, operators=frozenset({OPERATOR, "another"})), RIGHT).are_none


@pytest.mark.parametrize("widened", [Permission("^$", ".*", ".*"), ALL])
def test_a_terminals_permission_was_changed(widened: Permission) -> None:
    """It is written again, and its connections are closed."""
    found = compare(KNOWN, replace(RIGHT, permissions={**RIGHT.permissions, BOB: widened}))
    assert found.permissions == {BOB: permission(BOB)}
    assert found.changed == {BOB}


def test_a_terminals_topic_permission_was_changed() -> None:
    """It is written again; so are limits."""
    wide = replace(RIGHT, topics={**RIGHT.topics, (BOB, UP): Topic(".*", "^$")}, limits={ALICE: LIMITS})
    found = compare(KNOWN, wide)
    assert found.topics == {(BOB, UP): topics(BOB)[BOB, UP]}
    assert found.changed == {BOB}
    assert found.limits == {BOB}


def test_what_another_server_has_otherwise_stays() -> None:
    """It may be newer. Only what is missing is put back for it."""
    other = {**RIGHT.topics, (CAROL, UP): Topic("^something-newer$", "^$")}
    assert compare(KNOWN, replace(RIGHT, topics=other)).are_none


def test_who_is_suspended_has_no_rights() -> None:
    """Whatever gave them back."""
    granted = replace(RIGHT, permissions={**RIGHT.permissions, MALLORY: permission(MALLORY)})
    found = compare(KNOWN, granted)
    assert found.surplus == {MALLORY}
    assert not found.permissions
    assert set(found.topics) == {(MALLORY, UP), (MALLORY, BULK)}


def test_who_is_not_there_is_missing() -> None:
    """Nobody can give it rights: its password is lost."""
    found = compare(KNOWN, replace(RIGHT, users=RIGHT.users - {ALICE}, permissions={}, topics={}))
    assert found.missing == {ALICE}
    assert ALICE not in found.permissions
    assert found.permissions == {BOB: permission(BOB)}


def test_who_has_no_account_is_reported_and_bounded() -> None:
    """It keeps what it has: the ledger may have been restored."""
    granted = replace(RIGHT, permissions={**RIGHT.permissions, NOBODY: permission(NOBODY)})
    found = compare(KNOWN, granted)
    assert found.unknown == {NOBODY}
    assert not found.surplus
    assert not found.permissions
    assert set(found.topics) == {(NOBODY, UP), (NOBODY, BULK)}


def test_patterns_that_only_the_broker_knows_count_as_a_right() -> None:
    """Python's regular expressions are not Erlang's."""
    odd = replace(
        RIGHT, permissions={**RIGHT.permissions, "odd": Permission("^$", r"\Qrollcast.up\E(?R)", "^$")}
    )
    assert unbounded(odd, UP) == {"odd"}


def test_notices_come_once() -> None:
    """And not for an account that is being added or removed, which differs for a moment."""
    notices = Notices()
    lacking = compare(KNOWN, replace(RIGHT, users=RIGHT.users - {ALICE}))
    for expected in ([], [ALICE], []):
        with capture_logs() as said:
            notices.tell(lacking)
        assert [line["users"] for line in said if "users" in line] == expected
    with capture_logs() as said:
        notices.tell(compare(KNOWN, RIGHT))
        notices.tell(compare(KNOWN, RIGHT))
    assert said == []


def test_what_was_mended_is_said() -> None:
    """In numbers, however many they are."""
    with capture_logs() as said:
        Notices().tell(compare(KNOWN, without_topics(UP, BULK)))
    (line,) = said
    assert (line["topic_permissions"], line["permissions"]) == (8, 0)


def test_domains_of_others_are_not_ours() -> None:
    """Neither unknown nor missing."""
    found = compare(replace(KNOWN, domains=frozenset({GLOBEX}), accounts={CAROL: False}), RIGHT)
    assert not found.unknown
    assert not found.missing
