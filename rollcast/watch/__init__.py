"""A folder whose files are sent as they appear, each once; `rollcast watch` is this."""

from rollcast.watch.journal import Journal
from rollcast.watch.plan import Plan
from rollcast.watch.watch import Watch

__all__ = ["Journal", "Plan", "Watch"]
