"""What becomes of a complete file, whatever the server and the broker say."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from rollcast.errors import (
    BrokerUnavailable,
    FileUnusable,
    RequestRefused,
    RollcastError,
    TransferRefusedError,
)
from rollcast.events import Reported, SenderEvent, Uploaded, UploadStarted
from rollcast.hashing import Told
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.sender import Sender
from rollcast.sending.request import Wish
from rollcast.sending.source import Source
from rollcast.states import Transfer
from rollcast.tasks import Stream
from rollcast.watch import Journal, Plan, feed
from rollcast.watch.events import Began, Ended, GivenUp, GoesOn, Happened, Unknown, Waits, WatchEvent
from rollcast.watch.feed import Feed
from rollcast.watch.journal import State
from rollcast.watch.listing import Version, look
from rollcast.watch.obstacles import REST, Obstacles
from tests.people import ALICE, BOB
from tests.unit.cli_samples import transfer

Step = RollcastError | type[SenderEvent] | Callable[[], None] | Awaitable[object]


class FakeSender(Sender):
    """Does with each transfer what the test says, one list of steps for each try."""

    def __init__(self) -> None:
        self.tries: list[list[Step]] = []
        self.reports: list[RollcastError | Report] = []
        self.said: list[str] = []

    async def send_source(
        self, source: Source, wish: Wish, *, type: str | None = None, detach: bool = False
    ) -> AsyncGenerator[SenderEvent, None]:
        """A first try."""
        assert detach
        self.said.append(f"send {source.path.name}")
        async for event in self._play(wish.transfer_id):
            yield event

    async def resume(
        self, transfer_id: str, *, take_back: bool = False, reading: Told | None = None
    ) -> AsyncGenerator[SenderEvent, None]:
        """A further try."""
        assert take_back
        self.said.append("resume")
        async for event in self._play(transfer_id):
            yield event

    async def report(self, transfer_id: str) -> Report:
        """The next of the reports."""
        self.said.append("report")
        if not self.reports:
            await asyncio.Event().wait()
        report = self.reports.pop(0)
        if isinstance(report, RollcastError):
            raise report
        return report

    async def _play(self, transfer_id: str) -> AsyncIterator[SenderEvent]:
        for step in self.tries.pop(0):
            if isinstance(step, RollcastError):
                raise step
            if step is Reported:
                yield Reported(transfer_id=transfer_id, report=report_of(transfer_id))
            elif isinstance(step, type):
                yield step(transfer_id=transfer_id)
            elif isinstance(step, Awaitable):
                await step
            else:
                step()


class Scene:
    """A folder, its feed, and what was told."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder, self.journal = folder, journal
        self.sender, self.now, self.looking = FakeSender(), 0.0, True
        self.told: Stream[WatchEvent] = Stream()
        self.obstacles = Obstacles(self.told, clock=lambda: self.now)
        plan = Plan(recipients=[BOB])
        self.feed = Feed(self.sender, folder, journal, plan, obstacles=self.obstacles, told=self.told)

    def put(self, name: str = "a", content: bytes = b"1") -> Version:
        """A file."""
        (self.folder / name).write_bytes(content)
        return look(self.folder).files[name]

    def offer(self) -> None:
        """Offer what is in the folder and was not sent, as each look into it does."""
        if not self.looking:
            return
        files = look(self.folder).files
        self.feed.miss(files)
        for name, version in self.journal.compare(files).items():
            self.feed.offer(name, version)

    async def hears(self, *kinds: type) -> list[WatchEvent]:
        """What is told next while the folder is looked at again and again; it must be of these kinds."""
        events = []
        for kind in kinds:
            events.append(await self._next())
            assert isinstance(events[-1], kind), events
            if isinstance(events[-1], Ended):
                self.feed.note_end(events[-1])
        return events

    async def until(self, condition: Callable[[], bool]) -> None:
        """Look at the folder until something is so."""
        async with asyncio.timeout(10):
            while not condition():
                self.offer()
                await _tick()

    async def _next(self) -> WatchEvent:
        getting = asyncio.create_task(self.told.get())
        await self.until(getting.done)
        return getting.result()

    @property
    def state(self) -> State | None:
        """How far the file is, by the journal."""
        entry = self.journal.last("a")
        return entry and entry.state


def report_of(transfer_id: str, *, reason: Code | None = None) -> Report:
    """A report without receivers."""
    status = transfer(Transfer.FAILED if reason else Transfer.COMPLETED, reason=reason)
    return Report(msgspec.structs.replace(status, transfer_id=transfer_id), [])


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal."""
    (tmp_path / "drop").mkdir()
    with Journal.open(tmp_path, tmp_path / "drop", ALICE) as opened:
        yield opened


@pytest.fixture
async def scene(tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """An empty folder, and no patience."""
    monkeypatch.setattr(feed, "FIRST_WAIT", 0.01)
    made = Scene(tmp_path / "drop", journal)
    yield made
    await made.feed.close()


async def test_a_file_is_written_down_before_it_is_sent(scene: Scene) -> None:
    """And at each step after it."""
    states: list[State | None] = []
    scene.put()
    scene.sender.tries = [[lambda: states.append(scene.state), Uploaded, Reported]]
    await scene.hears(Began, Happened)
    states.append(scene.state)
    await scene.hears(Ended)
    assert [*states, scene.state] == [State.SENDING, State.UPLOADED, State.ENDED]


async def test_the_report_is_waited_for_beside_other_files(scene: Scene) -> None:
    """Any number of them; only some are uploaded at a time."""
    names = [f"{number:02}" for number in range(feed.AT_ONCE + 2)]
    for name in names:
        scene.put(name)
    uploads = asyncio.Event()
    scene.sender.tries = [[uploads.wait(), Uploaded] for _ in names]
    await scene.hears(*[Began] * feed.AT_ONCE)
    await scene.until(lambda: len(scene.sender.tries) == 2)
    uploads.set()
    await scene.until(lambda: scene.sender.said.count("report") == len(names))


async def test_content_that_was_sent_is_not_sent_again(scene: Scene) -> None:
    """A file that was only touched, which is noted."""
    scene.put()
    scene.sender.tries = [[Reported]]
    await scene.hears(Began, Ended)
    os.utime(scene.folder / "a")
    assert scene.journal.compare(look(scene.folder).files)
    await scene.until(lambda: not scene.journal.compare(look(scene.folder).files))
    assert scene.sender.said == ["send a"]


async def test_a_file_that_changes_as_it_is_opened_settles_again(scene: Scene) -> None:
    """It is not sent as what it was not."""
    before = scene.put()
    scene.put(content=b"22")
    scene.feed.offer("a", before)
    scene.sender.tries = [[Reported]]
    (began, _) = await scene.hears(Began, Ended)
    assert isinstance(began, Began)
    assert (began.size, scene.sender.said) == (2, ["send a"])


async def test_a_broker_that_is_away_is_waited_for(scene: Scene) -> None:
    """It is told once that it is, and once that it is back; the transfer is the same."""
    scene.put()
    away = BrokerUnavailable("no broker")
    scene.sender.tries = [[away], [away], [away], [Uploaded]]
    scene.sender.reports = [away, away, report_of("x")]
    await scene.hears(Began, Waits, GoesOn, Happened, Waits, GoesOn)
    assert scene.sender.said == ["send a", *["resume"] * 3, *["report"] * 3]


async def test_a_link_is_not_followed(scene: Scene) -> None:
    """Also if it took the place of a file just now; it may lead to what its maker may not read."""
    settled = scene.put()
    (scene.folder / "a").unlink()
    (scene.folder / "a").symlink_to("/etc/passwd")
    scene.feed.offer("a", settled)
    await scene.hears(GivenUp)
    assert scene.sender.said == []


async def test_a_file_that_is_refused_is_not_tried_again_as_it_is(scene: Scene) -> None:
    """But when it has changed, or has gone and come again."""
    scene.put()
    refused: list[Step] = [TransferRefusedError("too big", code=Code.FILE_TOO_BIG)]
    scene.sender.tries = [refused, [Reported], refused, [Reported]]
    await scene.hears(Began, GivenUp)
    assert scene.state is None
    scene.put("b")
    await scene.hears(Began, Ended)
    scene.put(content=b"2")
    await scene.hears(Began, GivenUp)
    kept = (scene.folder / "a").rename(scene.folder.parent / "a")
    scene.offer()
    kept.rename(scene.folder / "a")
    await scene.hears(Began, Ended)
    assert scene.sender.said == ["send a", "send b", "send a", "send a"]


async def test_a_sender_with_too_many_transfers_waits(scene: Scene) -> None:
    """Then it tries one file; when the server takes that, the others follow."""
    scene.put("a")
    too_many = TransferRefusedError("100 open transfers", code=Code.TOO_MANY_TRANSFERS)
    scene.sender.tries = [[too_many], [too_many], [UploadStarted, Uploaded], [Uploaded], [Uploaded]]
    await scene.hears(Began, Waits)
    for name in ("b", "c"):
        scene.put(name)
    scene.now += REST
    await scene.hears(Began)
    await scene.until(lambda: len(scene.sender.tries) == 3)
    scene.now += REST
    await scene.hears(Began, GoesOn)
    await scene.until(lambda: scene.sender.said.count("report") == 3)
    sent = [said for said in scene.sender.said if said != "report"]
    assert len(sent) == 5
    assert sorted(sent[2:]) == ["send a", "send b", "send c"]


@pytest.mark.parametrize("code", [Code.SENDING_NOT_ALLOWED, Code.INVALID_LIST_POLICY])
async def test_what_every_file_would_meet_ends_the_watch(scene: Scene, code: Code) -> None:
    """And leaves nothing behind, so that the file is sent once that is mended."""
    scene.put()
    scene.sender.tries = [[TransferRefusedError("no", code=code)]]
    scene.offer()
    scene.looking = False
    await scene.hears(Began)
    with pytest.raises(TransferRefusedError):
        await scene.hears(Began)
    assert scene.state is None


async def test_a_changed_source_is_sent_anew(scene: Scene) -> None:
    """Once it has changed: what could not be read may stay so."""
    scene.put()
    scene.sender.tries = [[Uploaded], [Reported], [Reported]]
    (began, _) = await scene.hears(Began, Happened)
    assert isinstance(began, Began)
    ended = Ended(name="a", report=report_of(began.transfer_id, reason=Code.SOURCE_CHANGED))
    scene.feed.note_end(ended)
    assert scene.state is None
    scene.put("b")
    await scene.hears(Began, Ended)
    scene.put(content=b"2")
    await scene.hears(Began, Ended)
    assert [said for said in scene.sender.said if said != "report"] == ["send a", "send b", "send a"]


@pytest.mark.parametrize(
    ("unusable", "known"),
    [(FileUnusable("gone"), True), (FileUnusable("no record", code="no_record"), False)],
)
async def test_what_was_begun_and_cannot_go_on(scene: Scene, unusable: FileUnusable, *, known: bool) -> None:
    """If the server knows the transfer its report is waited for; else the file is sent as if for the first time."""
    entry = scene.journal.begin("e" * 32, "a", scene.put(), "x")
    scene.sender.tries = [[unusable], [Reported]]
    unknown = RequestRefused("unknown", code=Code.NO_SUCH_TRANSFER)
    scene.sender.reports = [report_of(entry.transfer_id) if known else unknown]
    scene.feed.go_on()
    scene.looking = not known
    await scene.hears(Began, *([Ended] if known else [Unknown, Began, Ended]))
    assert scene.state is State.ENDED
    assert scene.sender.said == ["resume", "report", *([] if known else ["send a"])]


async def test_what_the_server_has_is_only_asked_after(scene: Scene) -> None:
    """The file is not needed any more."""
    entry = scene.journal.begin("e" * 32, "a", Version(1, 2, 3), "x")
    scene.journal.uploaded(entry)
    scene.sender.reports = [report_of(entry.transfer_id)]
    scene.feed.go_on()
    (began, _) = await scene.hears(Began, Ended)
    assert isinstance(began, Began)
    assert began.again
    assert scene.sender.said == ["report"]


async def _tick() -> None:
    await asyncio.sleep(0.01)
