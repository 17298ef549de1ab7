"""The recipient list of `rollcast send`."""

import io
from pathlib import Path

import pytest

from rollcast.cli.exits import UsageError
from rollcast.cli.recipients import recipients
from rollcast.errors import FileUnusable


class _Input:
    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_those_of_the_command_line_come_first(tmp_path: Path) -> None:
    """Comments, blank lines and any line ends are fine in a list; duplicates are the server's business."""
    file = tmp_path / "list"
    file.write_bytes(
        b"\xef\xbb\xbf# staff\r\n\r\n  carol@globex  # boss\nbob@acme\n\n#dave@globex\nerin@acme"
    )
    assert recipients(["bob@acme"], str(file)) == ["bob@acme", "carol@globex", "bob@acme", "erin@acme"]


def test_a_list_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` means standard input."""
    monkeypatch.setattr("sys.stdin", _Input(b"bob@acme\n"))
    assert recipients((), "-") == ["bob@acme"]


def test_what_is_no_address_is_named_with_its_line(tmp_path: Path) -> None:
    """So that it can be found in a long list."""
    file = tmp_path / "list"
    file.write_text("bob@acme\n\nBob@acme\n")
    with pytest.raises(UsageError, match=r"list:3: 'Bob@acme' is not an address") as caught:
        recipients((), str(file))
    assert caught.value.code == "invalid_recipient"


@pytest.mark.parametrize("content", ["", "# nobody\n\n"])
def test_nobody(tmp_path: Path, content: str) -> None:
    """A list may well be empty, a transfer not."""
    file = tmp_path / "list"
    file.write_text(content)
    with pytest.raises(UsageError, match="nobody") as caught:
        recipients((), str(file))
    assert caught.value.code == "no_recipients"


def test_an_unusable_list(tmp_path: Path) -> None:
    """One that is missing, a folder, or no text."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("missing", ".", "binary"):
        with pytest.raises(FileUnusable, match="list"):
            recipients((), str(tmp_path / name))
