"""A private S3 server for tests and benchmarks: rclone, which keeps buckets as folders and objects as files."""

import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dev import ports
from dev.packages import Missing
from dev.processes import Program, tied
from workers.identity.mark import NAME as MARK

BUCKET = "spool"
KEY = "rollcast"


class Bucket:
    """A server with one bucket. It can be stopped and started again in place."""

    def __init__(self, folder: Path) -> None:
        (self.port,) = ports.free(1)
        self.folder = folder / "buckets" / BUCKET
        self.folder.mkdir(parents=True, exist_ok=True)
        self._secret = secrets.token_urlsafe(16)
        serve = [_rclone(), "serve", "s3", "--addr", f"127.0.0.1:{self.port}", str(folder / "buckets")]
        env = {
            **os.environ,
            "RCLONE_CONFIG": os.devnull,
            # Not on the command line, which everybody sees. One item of a list that is written as CSV.
            "RCLONE_AUTH_KEY": f'"{KEY},{self._secret}"',
        }
        self.server = Program(tied(serve), env, folder / "s3.log")

    @property
    def url(self) -> str:
        """What a server's spool is called there."""
        return f"s3://{BUCKET}/chunks"

    def environment(self, port: int | None = None) -> Mapping[str, str]:
        """What workers need to reach it, perhaps by another port that leads to it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": self._secret,
        }

    def objects(self) -> set[str]:
        """The names of all objects in the bucket but the marks of spools: `prefix/transfer/index`."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != MARK)
        return {str(path.relative_to(self.folder)) for path in files}

    def start(self) -> None:
        """Start it, or start it again. Returns when it serves."""
        self.server.start()
        self.server.wait_until(lambda: ports.answers(self.port))

    def stop(self) -> None:
        """End it; what it has is kept."""
        self.server.stop()


@contextmanager
def bucket(folder: Path) -> Iterator[Bucket]:
    """A server whose files are in `folder`, stopped at the end. Raises Missing if there is no rclone."""
    made = Bucket(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def _rclone() -> str:
    found = Path(sys.executable).with_name("rclone")
    if not found.exists():
        raise Missing(
            f"The tests need rclone as an S3 server, and {found} is not there: `make test` installs it."
        )
    return str(found)
