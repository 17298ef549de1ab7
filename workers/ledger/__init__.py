"""The ledger: who asked for what, who answered what, who has what. Only workers open it."""

from workers.ledger.database import Database, Ledger

__all__ = ["Database", "Ledger"]
