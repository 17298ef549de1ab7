"""The spool in a bucket: chunks are stored, read and deleted, and a start tells what is wrong."""

import asyncio
import os

import pytest

from dev.s3 import Bucket
from rollcast.errors import Permanent, Transient
from workers.spool.store import Store

pytestmark = pytest.mark.long

ONE, OTHER = "1" * 32, "2" * 32
MORE_THAN_A_PAGE = 1_100


async def put_all(store: Store, transfer_id: str, chunks: int) -> None:
    """Store so many chunks, some at a time."""
    for start in range(0, chunks, 100):
        stop = min(start + 100, chunks)
        await asyncio.gather(*(store.put(transfer_id, index, b"x") for index in range(start, stop)))


async def test_what_is_stored_is_read_in_order(bucket: Bucket) -> None:
    """And what is not there is None."""
    store = Store(bucket.url)
    chunks = [os.urandom(70_000) for _ in range(9)]
    for index, chunk in enumerate(chunks):
        await store.put(ONE, index, chunk)
    assert [found async for found in store.read(ONE, range(10))] == [*enumerate(chunks), (9, None)]
    assert await store.digest(ONE, 10, sha256=False) is None
    assert await store.free() is None
    await store.delete(ONE)
    assert bucket.objects() == set()


async def test_a_transfer_is_deleted_whole_and_no_other(bucket: Bucket) -> None:
    """More objects than a bucket lists at a time, one that nobody wrote down, and nothing at all."""
    store = Store(bucket.url)
    await put_all(store, ONE, MORE_THAN_A_PAGE)
    await store.put(ONE, 2**40, b"x")
    await store.put(OTHER, 0, b"x")
    await store.delete(ONE)
    assert bucket.objects() == {f"chunks/{OTHER}/0"}
    await asyncio.gather(*(store.delete(OTHER) for _ in range(5)))
    assert bucket.objects() == set()


async def test_servers_share_a_bucket_by_their_prefixes(bucket: Bucket) -> None:
    """Each sees its own."""
    left, right = Store("s3://spool/left"), Store("s3://spool/right")
    await left.put(ONE, 0, b"l")
    await right.put(ONE, 0, b"r")
    await left.delete(ONE)
    assert (await left.get(ONE, 0), await right.get(ONE, 0)) == (None, b"r")
    await right.delete(ONE)


async def test_a_check_leaves_nothing(bucket: Bucket) -> None:
    """However many workers start."""
    await asyncio.gather(*(Store(bucket.url).check() for _ in range(5)))
    await Store("s3://spool").check()
    assert bucket.objects() == set()


@pytest.mark.parametrize(
    ("url", "variables", "said"),
    [
        ("s3://other/chunks", {}, "NoSuchBucket"),
        ("s3://spool/chunks", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ("s3://spool/chunks", {"AWS_ACCESS_KEY_ID": "wrong"}, "InvalidAccessKeyId"),
    ],
)
async def test_a_check_says_who_refuses_and_why(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, url: str, variables: dict[str, str], said: str
) -> None:
    """In one line, with what can be done; waiting does not help."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Permanent) as refused:
        await Store(url).check()
    message = str(refused.value)
    assert url in message
    assert said in message
    assert "\n" not in message
    assert "AWS_ENDPOINT_URL" in refused.value.hint


@pytest.mark.parametrize(
    "variables", [{"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, {"AWS_ALLOW_HTTP": "false"}]
)
async def test_a_check_of_what_is_not_there(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """It may come yet."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Transient) as away:
        await Store(bucket.url).check()
    assert "\n" not in str(away.value)
    assert "AWS_ALLOW_HTTP" in away.value.hint
