"""What a sender keeps of its transfers, and what it makes of that later."""

import json
import os
import stat
from pathlib import Path

import msgspec
import pytest

from rollcast.chunks import Layout
from rollcast.errors import FileUnusable, RequestRefused
from rollcast.messages import TransferDescribed, TransferRequested
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.sender import Sender
from rollcast.sending import again
from rollcast.sending.request import Wish, parts, selector
from rollcast.sending.source import Source
from rollcast.sending.transfers import KEPT_FOR, NO_RECORD, Record, Transfers
from rollcast.states import CONSENT, Receiver, Transfer
from tests.people import ACME, ALICE, BOB, EVE
from tests.unit.cli_samples import receiver, transfer
from tests.unit.fakes import FakeSession
from tests.unit.offers import TRANSFER

SESSIONS = "5" * 32, "6" * 32
RETRY = "e" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file."""
    (tmp_path / "plan.pdf").write_bytes(b"x" * 70_000)
    return tmp_path / "plan.pdf"


@pytest.fixture
def transfers(tmp_path: Path) -> Transfers:
    """An empty home's."""
    return Transfers(tmp_path / "home" / "transfers")


async def requested(file: Path, *, recipients: int = 1, sha256: bool = False) -> Record:
    """What is kept of a request."""
    wish = Wish(
        transfer_id=TRANSFER,
        recipients=tuple(f"r{number}@{ACME}" for number in range(recipients)),
        list_policy="at_least:1",
        consent_timeout=7.5,
        expires=3600,
        upload="eager",
        dry_run=False,
        chunk_size=65_536,
    )
    source = await Source.open(file, sha256=sha256)
    source.close()
    return Record.of(ALICE, source, parts(wish, SESSIONS[0], selector(source, "text/x")), detach=True)


def change(file: Path, content: bytes | None) -> None:
    """Give a file other content, or none at all."""
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)


async def test_a_record_is_the_very_request(transfers: Transfers, file: Path) -> None:
    """A server compares each field; only the session may be another one."""
    record = await requested(file, recipients=1001, sha256=True)
    transfers.keep(record)
    kept = transfers.get(TRANSFER, ALICE)
    assert kept == record
    assert (kept.transfer_id, kept.file.type, kept.detach, len(kept.request)) == (TRANSFER, "text/x", True, 3)
    assert Path(kept.path) == file
    assert kept.mtime_ns == os.stat(file).st_mtime_ns


async def test_a_record_is_for_its_owner_only(transfers: Transfers, file: Path, tmp_path: Path) -> None:
    """A readable document, and no draft of it left."""
    transfers.keep(await requested(file))
    folder = tmp_path / "home" / "transfers"
    (kept,) = folder.iterdir()
    assert (kept.name, stat.S_IMODE(kept.stat().st_mode)) == (f"{TRANSFER}.json", 0o600)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert json.loads(kept.read_text())["sender"] == ALICE


async def test_the_first_record_of_a_transfer_stands(transfers: Transfers, file: Path) -> None:
    """As does the first request at the server."""
    record = await requested(file)
    transfers.keep(record)
    transfers.keep(msgspec.structs.replace(record, path="/elsewhere"))
    assert transfers.get(TRANSFER) == record


async def test_old_records_go_when_a_new_one_comes(transfers: Transfers, file: Path, tmp_path: Path) -> None:
    """Those of transfers that have ended long ago, whatever they were."""
    record = await requested(file)
    other = msgspec.structs.replace(
        record, request=[msgspec.structs.replace(record.request[0], transfer_id="a" * 32)]
    )
    transfers.keep(record)
    kept = tmp_path / "home" / "transfers" / f"{TRANSFER}.json"
    for age, there in [(KEPT_FOR - 60, True), (KEPT_FOR + 60, False)]:
        changed = kept.stat().st_ctime - age
        os.utime(kept, (changed, changed))
        transfers.keep(other)
        assert kept.exists() is there
    assert transfers.get("a" * 32) == other


async def test_a_home_that_cannot_be_written_to(
    file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The file is sent anyway; that it could not be resumed is said."""
    (tmp_path / "home").touch()
    Transfers(tmp_path / "home" / "transfers").keep(await requested(file))
    assert "could not be resumed" in caplog.text


@pytest.mark.parametrize(("sender", "text"), [(ALICE, "nothing is kept"), (EVE, f"sent by {ALICE}")])
async def test_what_is_not_there_is_said(transfers: Transfers, file: Path, sender: str, text: str) -> None:
    """No record, one of another sender, one that is damaged, and what is no id at all."""
    if sender != ALICE:
        transfers.keep(await requested(file))
    for wrong, words in [(TRANSFER, text), (f"../../credentials/{EVE}", "not a transfer id")]:
        with pytest.raises(FileUnusable, match=words) as caught:
            transfers.get(wrong, sender)
        assert caught.value.code == NO_RECORD
        assert caught.value.hint


async def test_who_finds_no_record_is_told_to_look_first(transfers: Transfers) -> None:
    """The transfer may have been completed, and sending it again would send it twice."""
    with pytest.raises(FileUnusable) as caught:
        transfers.get(TRANSFER)
    assert caught.value.hint.startswith(f"Look with `rollcast status {TRANSFER}")


async def test_a_damaged_record_is_said(transfers: Transfers, file: Path, tmp_path: Path) -> None:
    """With its place."""
    transfers.keep(await requested(file))
    (tmp_path / "home" / "transfers" / f"{TRANSFER}.json").write_text(f'{{"sender": "{ALICE}"}}')
    with pytest.raises(FileUnusable, match=f"{TRANSFER}.json cannot be read"):
        transfers.get(TRANSFER)


async def test_a_dropped_record_is_gone(transfers: Transfers, file: Path) -> None:
    """Also if it was gone before."""
    transfers.keep(await requested(file))
    for _ in range(2):
        transfers.drop(TRANSFER)
        with pytest.raises(FileUnusable):
            transfers.get(TRANSFER)


@pytest.mark.parametrize(
    ("end", "kept"),
    [
        (Receiver.DELIVERED, set()),
        (Receiver.FAILED, {TRANSFER, RETRY}),
        (Receiver.INCAPABLE, {TRANSFER}),
        (Receiver.NO_ANSWER, {TRANSFER}),
    ],
)
async def test_what_may_still_be_retried_is_kept(
    transfers: Transfers, file: Path, end: Receiver, kept: set[str]
) -> None:
    """Who was not there, or not able, when it was tried again may be the next time."""
    record = await requested(file)
    again = [msgspec.structs.replace(part, transfer_id=RETRY) for part in record.request]
    for one in (record, msgspec.structs.replace(record, request=again)):
        transfers.keep(one)
    status = msgspec.structs.replace(transfer(Transfer.PARTIAL), transfer_id=RETRY, retry_of=TRANSFER)
    transfers.drop_needless(Report(status, [receiver(BOB, end)]))
    assert {one for one in (TRANSFER, RETRY) if has_record(transfers, one)} == kept


@pytest.mark.parametrize(
    ("state", "end", "kept"),
    [
        (Transfer.CASTING, Receiver.DELIVERED, True),
        (Transfer.COMPLETED, Receiver.DELIVERED, False),
        (Transfer.PARTIAL, Receiver.FAILED, True),
    ],
)
async def test_who_asks_how_it_stands_learns_what_is_over(
    transfers: Transfers, file: Path, state: Transfer, end: Receiver, *, kept: bool
) -> None:
    """Nobody else would, after a transfer that was left to the server."""
    transfers.keep(await requested(file))
    session = FakeSession()
    session.answers = [TransferDescribed(transfer=transfer(state), receivers=[receiver(BOB, end)])]
    await Sender(session, transfers).status(TRANSFER)
    assert has_record(transfers, TRANSFER) is kept


def has_record(transfers: Transfers, transfer_id: str) -> bool:
    """Whether there is something to go on with."""
    try:
        return bool(transfers.get(transfer_id))
    except FileUnusable:
        return False


def test_only_who_was_on_the_list_was_cut_off() -> None:
    """Not who had put the decision off, and nobody before there was a list."""
    ends = [receiver("a@x", Receiver.CANCELLED), receiver("b@x", Receiver.EXPIRED)]
    undecided = [msgspec.structs.replace(end, step=CONSENT) for end in ends]
    listed = Report(transfer(Transfer.CANCELLED), [*ends, receiver("c@x", Receiver.REJECTED)])
    assert listed.cut_off == ("a@x", "b@x")
    assert Report(listed.transfer, undecided).cut_off == ()
    assert Report(msgspec.structs.replace(listed.transfer, list_version=0), ends).cut_off == ()


@pytest.mark.parametrize("sha256", [False, True])
async def test_an_unchanged_file_is_opened_again(file: Path, *, sha256: bool) -> None:
    """Its content counts, and not that somebody has touched it."""
    record = await requested(file, sha256=sha256)
    os.utime(file)
    source = await again.reopen(record, take_back=False)
    assert isinstance(source, Source)
    assert source.hash == record.file.hash
    source.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        (b"x" * 70_001, "70001 bytes now, and had 70000"),
        (b"y" + b"x" * 69_999, r"last changed at .* UTC, and when it was sent, that had been at .* UTC"),
    ],
)
async def test_a_file_that_is_not_what_it_was(file: Path, content: bytes | None, said: str) -> None:
    """What has changed, and what can be done."""
    record = await requested(file)
    change(file, content)
    with pytest.raises(FileUnusable, match=said) as caught:
        await again.reopen(record, take_back=False)
    assert f"rollcast cancel {TRANSFER}" in caught.value.hint
    earlier = Report(msgspec.structs.replace(transfer(Transfer.FAILED), file=record.file), [])
    with pytest.raises(FileUnusable, match=said.split(", and")[0]) as caught:
        await again.open_for_retry(file, earlier)
    assert "as a new transfer" in caught.value.hint


async def test_a_lost_file_may_be_left_to_whoever_needs_it(file: Path) -> None:
    """The server may have the whole of it; if not, what has become of the file is said then."""
    record = await requested(file)
    change(file, None)
    lost = await again.reopen(record, take_back=True)
    assert lost.size == 70_000
    with pytest.raises(FileUnusable, match="does not exist"):
        lost.chunk(0, Layout(lost.size, 65_536))
    lost.close()


def test_a_retry_goes_to_those_who_were_cut_off() -> None:
    """Whether they were on the list the server knows."""
    earlier = Report(transfer(Transfer.PARTIAL), [receiver(f"{state}@x", state) for state in Receiver])
    wish = again.retry(earlier, "e" * 32, expires=30.0, upload="live")
    assert wish.recipients == ("failed@x", "cancelled@x", "expired@x")
    assert (wish.transfer_id, wish.retry_of, wish.expires) == ("e" * 32, TRANSFER, 30.0)
    (request,) = parts(wish, SESSIONS[1], earlier.transfer.file)
    assert isinstance(request, TransferRequested)
    assert 0 < request.consent_timeout <= request.expires


@pytest.mark.parametrize(
    ("state", "ended", "said"),
    [
        (Transfer.CASTING, Receiver.FAILED, "still goes on"),
        (Transfer.COMPLETED, Receiver.DELIVERED, "everybody has the file"),
        (Transfer.DECLINED, Receiver.REJECTED, "nobody"),
    ],
)
def test_nobody_to_retry(state: Transfer, ended: Receiver, said: str) -> None:
    """A transfer that goes on, one that everybody has, and one whose receivers never accepted."""
    with pytest.raises(RequestRefused, match=said) as caught:
        again.retry(Report(transfer(state), [receiver("a@x", ended)]), "e" * 32, expires=30.0, upload="live")
    assert caught.value.code == Code.NOT_RETRYABLE
