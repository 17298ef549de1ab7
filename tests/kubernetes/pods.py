"""What a kubelet makes of a Deployment: the environment of its worker, and the files that are mounted for it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.kubernetes.manifests import Manifest, pod, secret, settings, worker


def environment(manifests: Sequence[Manifest], deployment: Manifest, files: Path) -> dict[str, str]:
    """The variables of a worker; those that name a mounted file name one below `files` instead."""
    container = worker(deployment)
    env = settings(manifests)
    for source in container["envFrom"]:
        if "secretRef" in source:
            env |= secret(manifests, source["secretRef"]["name"])
    mounted = {mount["mountPath"]: str(files) for mount in container["volumeMounts"] if _is_secret(mount)}
    for variable in container["env"]:
        env[variable["name"]] = _moved(variable["value"], mounted)
    return env


def mount(manifests: Sequence[Manifest], deployment: Manifest, files: Path) -> None:
    """Write the files of the volume with secrets."""
    files.mkdir(parents=True, exist_ok=True)
    (volume,) = [found for found in pod(deployment)["volumes"] if "projected" in found]
    for source in volume["projected"]["sources"]:
        content = secret(manifests, source["secret"]["name"])
        for item in source["secret"]["items"]:
            (files / item["path"]).write_text(content[item["key"]])


def _is_secret(mount: dict[str, Any]) -> bool:
    return bool(mount["name"] == "credentials")


def _moved(value: str, mounted: dict[str, str]) -> str:
    for path, folder in mounted.items():
        value = value.replace(path, folder)
    return value
