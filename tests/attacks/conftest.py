"""The deployments of the end-to-end tests."""

from tests.e2e.conftest import node, world

__all__ = ["node", "world"]
