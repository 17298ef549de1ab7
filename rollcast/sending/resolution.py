"""The new receiver list, put together from its versions and their parts."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from rollcast.events import ListResolved
from rollcast.messages import ReceiverListResolved
from rollcast.messages.values import ReceiverStatus
from rollcast.report import Report
from rollcast.states import UNDECIDED, Receiver

NOT_ON_THE_LIST = UNDECIDED | {Receiver.REJECTED, Receiver.INCAPABLE, Receiver.UNKNOWN}
"""While a transfer goes on: whoever has not accepted."""


class Resolution:
    """Collects the parts of each version of a transfer's receiver list, and adds the versions up in their order."""

    def __init__(self, transfer_id: str) -> None:
        self._transfer_id = transfer_id
        self._version = 0
        self._listed: tuple[ReceiverStatus, ...] = ()
        self._others: tuple[ReceiverStatus, ...] = ()
        self._parts: dict[int, dict[int, ReceiverListResolved]] = defaultdict(dict)

    def know(self, report: Report) -> Sequence[ListResolved]:
        """Begin with the list of a transfer that goes on, as its report tells it."""
        if report.transfer.list_version <= self._version:
            return ()
        self._version = report.transfer.list_version
        self._listed = tuple(one for one in report.receivers if one.state not in NOT_ON_THE_LIST)
        self._others = tuple(one for one in report.receivers if one.state in NOT_ON_THE_LIST)
        return [self._event(self._listed)]

    def add(self, part: ReceiverListResolved) -> Sequence[ListResolved]:
        """Take in a part. Returns an event for each version that is whole now, as are all before it."""
        if part.list_version > self._version:
            self._parts[part.list_version][part.part] = part
        return list(self._whole_versions())

    def _whole_versions(self) -> Iterator[ListResolved]:
        while parts := self._parts.get(self._version + 1):
            if len(parts) < next(iter(parts.values())).parts:
                return
            self._version += 1
            yield self._merge([one for _, part in sorted(parts.items()) for one in part.receivers])
            del self._parts[self._version]

    def _merge(self, receivers: Sequence[ReceiverStatus]) -> ListResolved:
        added = tuple(one for one in receivers if one.state is Receiver.ACCEPTED)
        known = {one.address for one in added}
        others = (*self._others, *(one for one in receivers if one.state is not Receiver.ACCEPTED))
        self._listed += added
        self._others = tuple(one for one in others if one.address not in known)
        return self._event(added)

    def _event(self, added: tuple[ReceiverStatus, ...]) -> ListResolved:
        return ListResolved(
            transfer_id=self._transfer_id,
            list_version=self._version,
            listed=self._listed,
            others=self._others,
            added=added,
        )
