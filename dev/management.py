"""RabbitMQ's management API, by the standard library alone."""

import base64
import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit


def call(management_url: str, method: str, path: str, body: object = None) -> Any:
    """Call `path` (for example `/api/overview`) and return the decoded answer, None if it is empty.

    `management_url` is `http://user:password@host:port`. Raises `urllib.error.URLError`.
    """
    request = urllib.request.Request(_without_user(management_url).rstrip("/") + path, method=method)
    request.add_header("Authorization", _basic(management_url))
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def delete(management_url: str, path: str) -> None:
    """Delete what `path` names; what is gone already (a queue that expired meanwhile) is as good."""
    try:
        call(management_url, "DELETE", path)
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise


def as_user(management_url: str, user: str, password: str) -> str:
    """The same address with other credentials; good for any URL."""
    parts = urlsplit(_without_user(management_url))
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _basic(url: str) -> str:
    parts = urlsplit(url)
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
