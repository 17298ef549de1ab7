"""`python -m bench.nats_client URL BUCKET NAME FILE`: gets an object when a line comes, verified and synced."""

import asyncio
import os
import sys
from pathlib import Path

import nats


async def main(url: str, bucket: str, name: str, target: Path) -> None:
    """Connect, say so, wait for the word, and get the object. Raises if its digest is wrong."""
    connection = await nats.connect(url)
    store = await connection.jetstream().object_store(bucket)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    with target.open("wb") as file:
        await store.get(name, writeinto=file)
        file.flush()
        os.fsync(file.fileno())
    await connection.close()


if __name__ == "__main__":
    where, store, wanted, into = sys.argv[1:]
    asyncio.run(main(where, store, wanted, Path(into)))
