"""The manifests for Kubernetes, rendered once for all tests."""

import functools
import os
from pathlib import Path

import pytest
from kubernetes_validate import utils

from dev.packages import Missing
from tests.kubernetes import manifests as k8s
from tests.kubernetes.manifests import Manifest, of_kind

# Else it reads the definitions of all kinds again for each manifest.
utils.schema_contents = functools.cache(utils.schema_contents)


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all manifests, with secrets."""
    return k8s.copy(tmp_path_factory.mktemp("manifests"))


@pytest.fixture(scope="session")
def example(copied: Path) -> list[Manifest]:
    """The whole example deployment."""
    try:
        return k8s.render(copied / k8s.EXAMPLE)
    except Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def deployments(example: list[Manifest]) -> dict[str, Manifest]:
    """The Deployments of the example, by pool."""
    return {name.removeprefix("rollcast-"): found for name, found in of_kind(example, "Deployment").items()}
