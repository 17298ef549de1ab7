"""A worker whose spool cannot be used says so when it starts, and ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev import s3
from dev.processes import tied
from rollcast.topology import MiB
from tests.e2e.disk import mounted
from tests.people import ACME, SERVER, SERVER_USER

DEADLINE_S = 100


def start(folder: Path, spool: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A worker on a broker that is not there: the spool is looked at before."""
    settings = {
        "ROLLCAST_SERVER": SERVER,
        "ROLLCAST_DOMAINS": ACME,
        "ROLLCAST_AMQP_URL": f"amqp://{SERVER_USER}:x@127.0.0.1:9/",
        "ROLLCAST_LEDGER": f"sqlite:///{folder / 'ledger.db'}",
        "ROLLCAST_METRICS_PORT": "0",
        "ROLLCAST_SPOOL": spool,
    }
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ROLLCAST_")}
    return subprocess.run(
        tied([sys.executable, "-m", "workers", "spool"]),
        env={**inherited, **settings, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )


@pytest.mark.parametrize(
    ("spool", "variables", "said"),
    [
        ("s3://other/chunks", {}, "NoSuchBucket"),
        ("s3://spool/chunks", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
    ],
    ids=["wrong bucket", "wrong key"],
)
def test_a_bucket_that_refuses(tmp_path: Path, spool: str, variables: dict[str, str], said: str) -> None:
    """It says which bucket, why, and where to look."""
    with s3.bucket(tmp_path / "s3") as bucket:
        done = start(tmp_path, spool, **{**bucket.environment(), **variables})
    assert done.returncode == 1, done.stderr
    assert all(words in done.stderr for words in (spool, said, "AWS_ENDPOINT_URL")), done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """It says which folder, and what to do."""
    with mounted(tmp_path / "spool", MiB) as spool:
        subprocess.run(["mount", "-o", "remount,ro", str(spool)], check=True)
        done = start(tmp_path, f"file://{spool}")
    assert done.returncode == 1, done.stderr
    assert all(words in done.stderr for words in (str(spool), "read-only", "ROLLCAST_SPOOL")), done.stderr
    assert "Traceback" not in done.stderr
