"""S210: a request is written down once, and a known one is answered with its present state."""

from typing import Any

import pytest

from rollcast.messages import (
    SenderCheckDue,
    TransferAccepted,
    TransferRefused,
    TransferReported,
    TransferRequested,
)
from rollcast.reasons import REASONS, Code
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, MALLORY, NOBODY
from tests.unit.steps.build import (
    HOUR,
    OTHER_SESSION,
    SECOND,
    SESSION,
    T,
    by,
    file,
    of,
    one,
    request,
    whereto,
)
from tests.unit.steps.world import World
from workers.work import OpenInboxes, ToInboxes


async def refusal(world: World, wanted: TransferRequested, sender: str = ALICE) -> TransferRefused:
    """The refusal of a request; nothing else may follow from it."""
    outcomes = await world.tell(by(sender, wanted))
    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, OpenInboxes)] == [ToInboxes]
    refused = one(outcomes, TransferRefused)
    reason = REASONS[refused.reason]
    assert (refused.step, refused.hint, refused.may_ask_again) == ("s210", reason.hint, reason.may_ask_again)
    return refused


async def test_a_request_is_written_down_and_accepted(world: World) -> None:
    """Its instants are stamped from the ledger's clock."""
    outcomes = await world.tell(by(ALICE, request(consent_timeout=30_000, expires=3_600_000)))
    accepted = one(outcomes, TransferAccepted)
    assert (accepted.state, accepted.recipients, accepted.uploaded) == (Transfer.REQUESTED, 2, False)
    assert accepted.consent_deadline == accepted.created_at + 30 * SECOND
    assert accepted.expires_at == accepted.created_at + HOUR
    assert whereto(outcomes, TransferAccepted) == [(ALICE, SESSION)]
    assert whereto(outcomes, SenderCheckDue) == [ACME]
    assert await world.sent_states() == {BOB: Receiver.INVITED, CAROL: Receiver.INVITED}


async def test_a_repeated_request_is_written_down_once(world: World) -> None:
    """It is answered alike, and prompts the next step again."""
    first = await world.tell(by(ALICE, request()))
    world.pass_time(SECOND)
    again = await world.tell(by(ALICE, request()))
    assert again == [OpenInboxes(ALICE, SESSION), *first]
    assert await world.transfers() == 1
    assert len(await world.sent()) == 2


async def test_the_same_request_twice_in_a_batch(world: World) -> None:
    """A batch is no different from two."""
    outcomes = await world.tell(by(ALICE, request()), by(ALICE, request()))
    first, second = of(outcomes, TransferAccepted)
    assert first == second
    assert await world.transfers() == 1


async def test_a_repeated_request_is_answered_with_the_present_state(world: World) -> None:
    """Who waits prompts; the ledger answers, and does not start anew."""
    await world.casting(request())
    outcomes = await world.tell(by(ALICE, request()))
    assert one(outcomes, TransferAccepted).state == Transfer.CASTING
    assert not of(outcomes, SenderCheckDue)


async def test_a_sender_hears_that_its_upload_is_complete(world: World) -> None:
    """It may have missed the word, and can leave now."""
    await world.casting(request())
    await world.change(uploaded_at=1)
    assert one(await world.tell(by(ALICE, request())), TransferAccepted).uploaded


async def test_a_repeated_request_of_an_ended_transfer_gets_the_report(world: World) -> None:
    """So a sender that waits comes to its report, whatever was lost."""
    await world.asking(request())
    await world.change(state=Transfer.EXPIRED, reason=Code.EXPIRED)
    reported = one(await world.tell(by(ALICE, request())), TransferReported)
    assert reported.transfer.state == Transfer.EXPIRED


async def test_a_restarted_sender_gets_its_answers_in_its_new_session(world: World) -> None:
    """The session is no part of the request's content."""
    await world.tell(by(ALICE, request()))
    outcomes = await world.tell(by(ALICE, request(session=OTHER_SESSION)))
    assert whereto(outcomes, TransferAccepted) == [(ALICE, OTHER_SESSION)]
    assert (await world.transfer()).session == OTHER_SESSION


@pytest.mark.parametrize(
    "changed",
    [
        {"file": file(name="other.pdf")},
        {"file": file(size=1)},
        {"list_policy": "all_or_nothing"},
        {"consent_timeout": 1},
        {"recipients": [BOB]},
        {"recipients": [CAROL, BOB]},
        {"dry_run": True},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_the_same_id_with_other_content_is_refused(world: World, changed: dict[str, Any]) -> None:
    """And the first transfer goes on."""
    await world.tell(by(ALICE, request()))
    refused = await refusal(world, TransferRequested(**{**_fields(request()), **changed}))
    assert refused.reason == Code.DUPLICATE_TRANSFER
    assert await world.state() == Transfer.REQUESTED


def _fields(wanted: TransferRequested) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in wanted.__struct_fields__}


async def test_the_id_of_another_sender_is_refused_and_reveals_nothing(world: World) -> None:
    """Neither the sender nor the state of the other transfer is told."""
    await world.casting(request())
    refused = await refusal(world, request(session=OTHER_SESSION), sender=MALLORY)
    assert refused.reason == Code.DUPLICATE_TRANSFER
    assert ALICE not in refused.detail
    assert (await world.transfer()).session == SESSION


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "../a", "a\\b", "a\nb", "a\x00b", "\x7f", "\x85", "ä" * 128, "x" * 256],
    ids=ascii,
)
async def test_a_bad_file_name_is_refused(world: World, name: str) -> None:
    """A name is never a path, holds no control character, and has 1 to 255 bytes."""
    refused = await refusal(world, request(file=file(name=name)))
    assert refused.reason == Code.INVALID_FILE_NAME
    assert await world.transfers() == 0


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "x" * 255,
        'it\'s "quoted" & `$HOME`.txt',
        " leading and trailing ",
        "..hidden",
        "قرارداد.pdf",
        "חוזה.pdf",
        "🎉🏳️‍🌈.png",
        "-rf",
        "e\u0301.txt",
    ],
    ids=ascii,
)
async def test_a_fine_file_name_is_accepted(world: World, name: str) -> None:
    """What people call their files goes through as it is."""
    await world.tell(by(ALICE, request(file=file(name=name))))
    assert (await world.offer()).file.name == name


async def test_a_list_without_recipients_is_refused(world: World) -> None:
    """There must be somebody to send to."""
    assert (await refusal(world, request([]))).reason == Code.NO_RECIPIENTS


@pytest.mark.parametrize(
    "recipient",
    ["bob", f"Bob@{ACME}", "bob@", f"@{ACME}", "bob@a.b", f"{BOB}\n", "a@b@c", "", f"b\x00b@{ACME}"],
)
async def test_a_malformed_recipient_is_refused(world: World, recipient: str) -> None:
    """The refusal names it."""
    refused = await refusal(world, request([BOB, recipient]))
    assert refused.reason == Code.INVALID_RECIPIENT
    assert repr(recipient) in refused.detail


async def test_a_refusal_names_a_few_of_many_malformed_recipients(world: World) -> None:
    """However long they are, the message can be decoded and the ledger's detail be told."""
    refused = await refusal(world, request(["\U000e0001" * 1000] * 500))
    assert len(refused.detail) <= 1024


async def test_a_recipient_named_twice_is_asked_once(world: World) -> None:
    """Duplicates are dropped, the first place counts."""
    outcomes = await world.tell(by(ALICE, request([CAROL, BOB, CAROL])))
    assert one(outcomes, TransferAccepted).recipients == 2
    assert list(await world.sent()) == [CAROL, BOB]


async def test_a_sender_may_send_to_itself(world: World) -> None:
    """An address is an address; its receiving process answers for it."""
    await world.asking(request([ALICE, BOB]))
    assert await world.invited_states() == {ALICE: Receiver.ASKED, BOB: Receiver.ASKED}


@pytest.mark.parametrize(("consent_timeout", "expires"), [(0, 1000), (1001, 1000), (0, 0)])
async def test_durations_must_go_together(world: World, consent_timeout: int, expires: int) -> None:
    """There is time to answer, and no more than there is to deliver."""
    refused = await refusal(world, request(consent_timeout=consent_timeout, expires=expires))
    assert refused.reason == Code.INVALID_DURATION


async def test_the_consent_time_may_be_all_there_is(world: World) -> None:
    """Equal durations are fine."""
    outcomes = await world.tell(by(ALICE, request(consent_timeout=1, expires=1)))
    assert one(outcomes, TransferAccepted).state == Transfer.REQUESTED


@pytest.mark.parametrize("policy", ["subset", "all_or_nothing", "at_least:2", f"mandatory:{BOB},{CAROL}"])
async def test_the_four_list_policies_are_accepted(world: World, policy: str) -> None:
    """Each in its usual form."""
    outcomes = await world.tell(by(ALICE, request(list_policy=policy)))
    assert one(outcomes, TransferAccepted)


@pytest.mark.parametrize(
    "policy",
    ["", "most", "at_least", "at_least:0", "at_least:3", "mandatory:", "mandatory:bob", f"mandatory:{DAVE}"],
)
async def test_an_invalid_list_policy_is_refused(world: World, policy: str) -> None:
    """One that can never be met is invalid too."""
    assert (await refusal(world, request(list_policy=policy))).reason == Code.INVALID_LIST_POLICY


async def test_a_refused_request_stays_refused(world: World) -> None:
    """The repeated request gets the same answer."""
    wanted = request(list_policy="at_least:3")
    assert await refusal(world, wanted) == await refusal(world, wanted)


async def test_one_bad_request_does_not_spoil_its_batch(world: World) -> None:
    """The others in the batch are written down."""
    bad = request(transfer_id="f" * 32, file=file(name="/etc/passwd"))
    outcomes = await world.tell(by(ALICE, bad), by(ALICE, request()))
    assert [answer.transfer_id for answer in of(outcomes, TransferAccepted)] == [T]
    assert one(outcomes, TransferRefused).transfer_id == "f" * 32


@pytest.mark.parametrize(
    ("limits", "code"),
    [({"may_send": False}, Code.SENDING_NOT_ALLOWED), ({"max_transfers": 2}, Code.TOO_MANY_TRANSFERS)],
)
@pytest.mark.parametrize("parts", [1, 2])
async def test_what_an_account_may_not_begin_is_not_written_down(
    bare: World, limits: dict[str, Any], code: Code, parts: int
) -> None:
    """Whole or in parts of which one never comes; what is there already is answered as ever."""
    await bare.account(ALICE, **limits)
    allowed = 2 if limits.get("max_transfers") else 0
    wanted = [request(transfer_id=f"{number:032x}", parts=parts) for number in range(5)]
    outcomes = await bare.tell(*(by(ALICE, one_of_them) for one_of_them in wanted))
    assert [refused.reason for refused in of(outcomes, TransferRefused)] == [code] * (5 - allowed)
    assert await bare.transfers() == allowed == len(of(outcomes, TransferAccepted))
    if allowed:
        assert of(await bare.tell(by(ALICE, wanted[0])), TransferAccepted)


async def test_who_has_no_account_or_is_suspended_begins_nothing(world: World) -> None:
    """Its connections are closed by then, and what it had sent before is still in the queue."""
    await world.suspend(ALICE)
    assert one(await world.tell(by(ALICE, request())), TransferRefused).reason == Code.SUSPENDED
    assert one(await world.tell(by(NOBODY, request())), TransferRefused).reason == Code.NO_SUCH_ACCOUNT
    assert await world.transfers() == 0
