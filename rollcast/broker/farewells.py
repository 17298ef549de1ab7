"""Why the broker closes a connection. `aiormq` does not pass that on while a connection is being opened."""

from pamqp import commands

_CLOSE = commands.Connection.Close.index.to_bytes(4, "big")


def reason(frame: bytes) -> str:
    """What a method frame says if it closes the connection; nothing if it is another one."""
    if not frame.startswith(_CLOSE):
        return ""
    close = commands.Connection.Close()
    close.unmarshal(frame[len(_CLOSE) :])
    return str(close.reply_text)
