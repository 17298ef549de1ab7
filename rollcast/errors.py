"""What can go wrong, typed by what must be done about it.

RollcastError
├── Transient          the same may succeed later: try again
│   └── BrokerUnavailable
│       └── Gone
└── Permanent          trying again does not help
    ├── InvalidMessage
    ├── IdentityError
    ├── BrokerRefused
    ├── RequestRefused
    │   └── TransferRefusedError
    └── FileUnusable
"""

from rollcast.reasons import Code


class RollcastError(Exception):
    """Any error of Rollcast. `code` is what machines read, `hint` what the reader can do."""

    code = "internal_error"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        if code is not None:
            self.code = code


class Transient(RollcastError):
    """The same may succeed later."""

    code = "try_again"


class BrokerUnavailable(Transient):
    """The broker cannot be reached."""

    code = "broker_unavailable"


class Gone(BrokerUnavailable):
    """The broker is there; what it needs for this, such as an exchange, was deleted. It is declared again soon."""

    code = "gone"


class Permanent(RollcastError):
    """The same will fail again."""


class InvalidMessage(Permanent):
    """A message that cannot be decoded, or that its schema does not allow."""

    code = Code.INVALID_MESSAGE


class IdentityError(Permanent):
    """A message whose verified user may not send it. Nothing is told of it."""

    code = "not_authentic"


class BrokerRefused(Permanent):
    """The broker, or our lack of credentials, does not let us do this."""

    code = "broker_refused"


class RequestRefused(Permanent):
    """The server cannot meet a request."""


class TransferRefusedError(RequestRefused):
    """The server refuses a transfer."""


class FileUnusable(Permanent):
    """A file or folder that cannot be used: not readable, not writable, changed meanwhile, or in use."""

    code = "file_unusable"
