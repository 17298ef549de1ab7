"""A bucket, and the variables by which a worker finds it."""

from collections.abc import Iterator

import pytest

from dev import s3
from dev.s3 import Bucket


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A server with a bucket."""
    with s3.bucket(tmp_path_factory.mktemp("s3")) as made:
        yield made


@pytest.fixture
def bucket(server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The bucket, with our keys in the environment."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server
