"""Who has to have rights at the broker: what ledger and settings say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rollcast.addresses import domain_of, is_address
from workers.ledger import Database, accounts


@dataclass(frozen=True)
class Known:
    """The accounts of the domains that are served (address: whether it is suspended), and who is an operator."""

    domains: frozenset[str]
    accounts: Mapping[str, bool]
    operators: frozenset[str]

    @property
    def active(self) -> set[str]:
        """The accounts that are not suspended."""
        return {address for address, suspended in self.accounts.items() if not suspended}

    def serves(self, user: str) -> bool:
        """Whether a user is a terminal of one of the domains."""
        return is_address(user) and domain_of(user) in self.domains


async def read(database: Database, domains: Iterable[str], operators: Iterable[str]) -> Known:
    """Ask the ledger. Raises `Transient`."""
    served = frozenset(domains)
    async with database.begin() as ledger:
        return Known(served, await accounts.suspensions(ledger, served), frozenset(operators))
