"""Asked once, answered as often as need be."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from rollcast.events import Answered, Asked, ReceiverEvent
from rollcast.messages import ConsentAnswered, Register
from rollcast.messages.values import Offer
from rollcast.receiving.consent import Consent, Decide, Decision
from rollcast.receiving.fetch import Surroundings
from rollcast.receiving.journal import Line
from rollcast.receiving.journals import Journals
from rollcast.registration import Registration
from rollcast.tasks import Stream, Tasks
from tests.people import ALICE, BOB
from tests.unit.fakes import FakeSession
from tests.unit.offers import TRANSFER, offer


class Asking:
    """A receiver's consent, with all that it needs."""

    def __init__(self, journals: Journals) -> None:
        self.session = FakeSession(BOB)
        self.events: Stream[ReceiverEvent] = Stream()
        self.tasks = Tasks(self.events)
        registration = Registration(self.session, Register, lambda _: None)
        self.around = Surroundings(
            session=self.session, registration=registration, journals=journals, events=self.events
        )

    def by(self, decide: Decide) -> Consent:
        """Consent that `decide` gives."""
        return Consent(self.around, decide, self.tasks)

    async def told(self) -> ConsentAnswered:
        """What the server is told next."""
        async with asyncio.timeout(5):
            message = await self.session.told.get()
        assert isinstance(message, ConsentAnswered)
        return message


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    """An empty folder."""
    with Journals(tmp_path, BOB) as journals:
        yield Asking(journals)


async def later(what: Offer) -> Decision:
    """An answer that takes its time."""
    await asyncio.sleep(0)
    return Decision(False, f"no {what.file.name} today")


@pytest.mark.parametrize(
    ("decide", "accept", "detail"),
    [(lambda _: True, True, None), (lambda _: False, False, None), (later, False, "no a.bin today")],
)
async def test_each_kind_of_decision_is_told(
    asking: Asking, decide: Decide, accept: bool, detail: str | None
) -> None:
    """At once or later, with a reason or without."""
    await asking.by(decide).on_asked(offer())
    assert await asking.told() == ConsentAnswered(transfer_id=TRANSFER, accept=accept, detail=detail)
    assert isinstance(await asking.events.get(), Asked)
    assert isinstance(await asking.events.get(), Answered)


async def test_an_answer_is_repeated_and_not_asked_for_again(asking: Asking) -> None:
    """Not even by the next process."""
    await asking.by(lambda _: True).on_asked(offer())
    first = await asking.told()
    await asking.by(lambda _: False).on_asked(offer())
    assert await asking.told() == first


async def test_a_question_is_asked_once_at_a_time(asking: Asking) -> None:
    """While somebody thinks about it the server may repeat it; withdrawn, it is answered no more."""
    asked: list[Offer] = []
    thinking = asyncio.Event()

    async def think(what: Offer) -> bool:
        asked.append(what)
        return await thinking.wait()

    consent = asking.by(think)
    await consent.on_asked(offer())
    await consent.on_asked(offer())
    assert isinstance(await asking.events.get(), Asked)
    await asyncio.sleep(0)
    assert len(asked) == 1
    consent.withdraw(TRANSFER)
    thinking.set()
    await asking.tasks.close()
    assert asking.session.told.empty()


async def test_an_answer_after_the_expiry_is_not_given(asking: Asking) -> None:
    """A late one still counts while the transfer is open; the decision dies with that."""
    ended = asyncio.Event()

    async def think(_: Offer) -> bool:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return True

    now = asking.session.now()
    soon = msgspec.structs.replace(offer(), consent_deadline=now - 1, expires_at=now + 50_000)
    await asking.by(think).on_asked(soon)
    await asyncio.wait_for(ended.wait(), 5)
    await asking.tasks.close()
    assert asking.session.told.empty()


async def test_a_decision_that_fails_is_not_lost(asking: Asking) -> None:
    """A mistake in the host program reaches the host program."""

    def decide(_: Offer) -> bool:
        raise ZeroDivisionError

    await asking.by(decide).on_asked(offer())
    assert isinstance(await asking.events.get(), Asked)
    with pytest.raises(ZeroDivisionError):
        await asking.events.get()


async def test_a_decision_is_put_off_and_made_later(asking: Asking) -> None:
    """Asked again in the same process it says so again; then the decision comes, and stands."""
    consent = asking.by(lambda _: Decision(False, deferred=True))
    await consent.on_asked(offer())
    assert (await asking.told()).deferred
    await consent.on_asked(offer())
    assert (await asking.told()).deferred
    journal = asking.around.journals.get(TRANSFER)
    assert journal is not None
    assert journal.decision is None
    consent.decide(journal, Decision(True, "now"))
    assert await asking.told() == ConsentAnswered(transfer_id=TRANSFER, accept=True, detail="now")
    consent.decide(journal, Decision(False))
    await consent.on_asked(offer())
    assert (await asking.told()).accept


async def test_what_was_put_off_is_asked_again_by_the_next_process(asking: Asking) -> None:
    """Nothing is written down of a decision that was not made."""
    await asking.by(lambda _: Decision(False, deferred=True)).on_asked(offer())
    assert (await asking.told()).deferred
    await asking.by(lambda _: True).on_asked(offer())
    assert (await asking.told()).accept


async def test_after_the_end_nobody_is_asked(asking: Asking) -> None:
    """The question was overtaken by the end of its transfer."""
    asking.around.journals.begin(offer()).note(Line(ended=True))
    asked: list[Offer] = []

    def decide(what: Offer) -> bool:
        asked.append(what)
        return True

    await asking.by(decide).on_asked(offer())
    await asyncio.sleep(0)
    await asking.tasks.close()
    assert asked == []


async def test_who_is_asked_longer_does_not_answer_twice(asking: Asking) -> None:
    """The program has answered before the one that was asked did: the first answer stands."""
    decided: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    consent = asking.by(lambda _: decided)
    await consent.on_asked(offer())
    journal = asking.around.journals.begin(offer())
    consent.decide(journal, Decision(True))
    assert (await asking.told()).accept
    decided.set_result(False)
    await asyncio.sleep(0)
    await asking.tasks.close()
    assert journal.accept is True


@pytest.mark.parametrize("times", [1, 2])
async def test_who_cannot_write_anything_down_declines_and_says_so(
    asking: Asking, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, however often it is asked meanwhile: which file, whose, and what could not be written."""
    folder = asking.around.journals.folder
    shutil.rmtree(folder)
    consent = asking.by(lambda _: True)
    for _ in range(times):
        await consent.on_asked(offer())
    told = await asking.told()
    assert (told.accept, told.detail) == (
        False,
        "the receiver cannot write to its folder: No such file or directory",
    )
    answered = await asking.events.get()
    assert isinstance(answered, Answered)
    assert not answered.accept
    (warning,) = caplog.messages
    assert warning.startswith(f"a.bin of {ALICE} is declined: {folder}/.rollcast/")
    assert warning.endswith("cannot be written: No such file or directory")


async def test_an_acceptance_that_cannot_be_written_down_is_none(
    asking: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever said yes is told."""

    def full(what: Offer) -> bool:
        journal = asking.around.journals.get(what.transfer_id)
        assert journal is not None
        journal.close()
        journal.path.unlink()
        journal.path.symlink_to("/dev/full")
        return True

    await asking.by(full).on_asked(offer())
    assert not (await asking.told()).accept
    assert f"a.bin of {ALICE} is declined" in caplog.text
