"""What every file of a watched folder is sent with."""

from collections.abc import Sequence
from dataclasses import dataclass

from rollcast.messages.values import Upload
from rollcast.sending.request import Wish
from rollcast.topology import MiB


@dataclass(frozen=True, kw_only=True)
class Plan:
    """To whom, and how; as in `Sender.send`. Durations in seconds."""

    recipients: Sequence[str]
    list_policy: str = "subset"
    consent_timeout: float = 60.0
    expires: float = 86_400.0
    upload: Upload = "eager"
    sha256: bool = False

    def wish(self, transfer_id: str) -> Wish:
        """The request for one file."""
        return Wish(
            transfer_id=transfer_id,
            recipients=self.recipients,
            list_policy=self.list_policy,
            consent_timeout=self.consent_timeout,
            expires=self.expires,
            upload=self.upload,
            dry_run=False,
            chunk_size=MiB,
        )
