"""The new receiver list, put together from its parts."""

from collections.abc import Sequence

from rollcast.events import ListResolved
from rollcast.messages import ReceiverListResolved
from rollcast.states import Receiver


class Resolution:
    """Collects the parts of each version of a transfer's receiver list."""

    def __init__(self, transfer_id: str) -> None:
        self._transfer_id = transfer_id
        self._version = -1
        self._parts: dict[int, ReceiverListResolved] = {}
        self._announced = -1

    def add(self, part: ReceiverListResolved) -> Sequence[ListResolved]:
        """Take in a part. Returns the event once all parts of the newest version are there."""
        if part.list_version > self._version:
            self._version = part.list_version
            self._parts.clear()
        if part.list_version != self._version or self._version == self._announced:
            return ()
        self._parts[part.part] = part
        if len(self._parts) < part.parts:
            return ()
        self._announced = self._version
        return [self._event()]

    def _event(self) -> ListResolved:
        receivers = [status for _, part in sorted(self._parts.items()) for status in part.receivers]
        return ListResolved(
            transfer_id=self._transfer_id,
            list_version=self._version,
            listed=tuple(status for status in receivers if status.state is Receiver.ACCEPTED),
            others=tuple(status for status in receivers if status.state is not Receiver.ACCEPTED),
        )
