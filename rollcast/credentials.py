"""What lets a terminal in: one file per address below `$ROLLCAST_HOME/credentials`."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from rollcast import private
from rollcast.addresses import domain_of, is_address
from rollcast.errors import BrokerRefused
from rollcast.settings import ClientSettings


@dataclass(frozen=True)
class Credentials:
    """An address, and the broker's URL with its user and password."""

    address: str
    amqp_url: str = field(repr=False)

    @property
    def domain(self) -> str:
        """The home domain, whose server the terminal talks to."""
        return domain_of(self.address)

    @classmethod
    def load(cls, address: str, settings: ClientSettings) -> "Credentials":
        """The stored credentials of an address. Raises `BrokerRefused` with code `no_credentials`."""
        path = _path(address, settings)
        if not is_address(address):
            raise _missing(f"{address!r} is not an address", "Write it as name@domain, in lower case.")
        try:
            found = msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError as error:
            hint = "Ask the operator for that file, or set ROLLCAST_HOME to the folder that has it."
            raise _missing(f"there are no credentials for {address}: {path} does not exist", hint) from error
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            hint = "It must be readable JSON with `address` and `amqp_url`."
            raise _missing(f"the credentials in {path} cannot be read: {error}", hint) from error
        if found.address != address:
            hint = f"Ask the operator for the file of {address}."
            raise _missing(f"the credentials in {path} are those of {found.address}", hint)
        return found

    def save(self, settings: ClientSettings) -> Path:
        """Store them, readable by their owner only. Returns the file."""
        path = _path(self.address, settings)
        private.write(path, msgspec.json.format(msgspec.json.encode(self)) + b"\n")
        return path


def _path(address: str, settings: ClientSettings) -> Path:
    return settings.home / "credentials" / f"{address}.json"


def _missing(message: str, hint: str) -> BrokerRefused:
    return BrokerRefused(message, hint=hint, code="no_credentials")
