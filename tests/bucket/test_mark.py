"""The mark of a spool in a bucket: one for each prefix, taken for no chunk, and renewed before a rule removes it."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from dev.s3 import Bucket
from rollcast.errors import Permanent, Transient
from workers.identity import mark
from workers.identity.mark import Mark
from workers.spool.store import Store

pytestmark = pytest.mark.long
TRANSFER = "1" * 32


async def test_each_prefix_has_its_own(bucket: Bucket) -> None:
    """Also below another one, and none where nobody has written it."""
    places = [f"{bucket.url}/left", f"{bucket.url}/right", bucket.url]
    marks = {url: Mark.new("main", f"{number}" * 32) for number, url in enumerate(places)}
    for url, written in marks.items():
        assert await mark.read(Store(url)) is None
        await mark.write(Store(url), written)
    for url, written in marks.items():
        assert await mark.read(Store(url)) == written


async def test_it_stays_when_a_transfer_is_deleted(bucket: Bucket) -> None:
    """And is taken for no chunk."""
    store = Store(f"{bucket.url}/kept")
    written = Mark.new("main", "a" * 32)
    await mark.write(store, written)
    await store.put(TRANSFER, 0, b"chunk")
    await store.delete(TRANSFER)
    await store.check()
    assert await mark.read(store) == written
    assert bucket.objects() == set()


async def test_it_is_renewed_when_it_is_a_day_old(bucket: Bucket) -> None:
    """A rule of the bucket removes what is older than two weeks. A younger one is left as it is."""
    store = Store(f"{bucket.url}/renewed")
    written = Mark.new("main", "b" * 32)
    await mark.write(store, written)
    file = bucket.folder / "chunks" / "renewed" / mark.NAME
    old = datetime.now(UTC) - timedelta(hours=25)
    os.utime(file, (old.timestamp(), old.timestamp()))
    assert await mark.renew(store) == written
    renewed = file.stat().st_mtime_ns
    assert renewed > (old.timestamp() + 3600) * 1e9
    assert await mark.renew(store) == written
    assert file.stat().st_mtime_ns == renewed


async def test_what_is_no_mark(bucket: Bucket) -> None:
    """It is told as such, and by its name."""
    store = Store(f"{bucket.url}/damaged")
    await store.write_beside(mark.NAME, b"\xff{")
    with pytest.raises(Permanent, match=f"the mark of the spool, {mark.NAME}, cannot be read") as raised:
        await mark.read(store)
    assert "adopt" in raised.value.hint


async def test_a_bucket_that_is_away(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is no missing mark."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Transient):
        await mark.read(Store(f"{bucket.url}/away"))
