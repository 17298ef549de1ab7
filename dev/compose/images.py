"""Stand-ins for the images that docker-compose.yml and deploy/Dockerfile name, under these names."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from dev.compose.engine import FOLDER, Engine
from dev.debian import Debian, made
from dev.installation import RELEASES
from dev.packages import CHECKOUT, Missing

BROKER = Debian("broker", RELEASES["4.3"], ("rabbitmq-server", "gosu"))
SERVICES = Debian("services", "trixie", ("postgresql", "prometheus", "gosu"))
PYTHON = Debian("python", "bookworm", ("python3", "python3-venv", "python3-pip"))
STANDINS = Path(__file__).with_name("standins")
TARGETS = {
    "rabbitmq": "rabbitmq",
    "postgres": "postgres",
    "prom/prometheus": "prometheus",
    "python": "python",
}
"""The target in standins/Dockerfile for a public image."""
LOCK = CHECKOUT / "requirements" / "runtime.txt"


def build(engine: Engine) -> None:
    """Make them all, or what has changed of them. Raises Missing for what cannot be downloaded."""
    for debian in (BROKER, SERVICES, PYTHON):
        _import(engine, debian)
    for name in named():
        if (public := name.partition(":")[0]) in TARGETS:
            _build(engine, TARGETS[public], name)


def named() -> list[str]:
    """The public images, each with its tag."""
    compose, dockerfile = CHECKOUT / "docker-compose.yml", CHECKOUT / "deploy" / "Dockerfile"
    found = re.findall(r"^ +image: (\S+:\S+)$", compose.read_text(), re.MULTILINE)
    return [*found, *dict.fromkeys(re.findall(r"^FROM (\S+)", dockerfile.read_text(), re.MULTILINE))]


def _import(engine: Engine, debian: Debian) -> None:
    name = f"rollcast-standin/{debian.name}"
    if engine.attempt("docker", "image", "inspect", name).returncode == 0:
        return
    root = made(debian, FOLDER)
    (root / "var/lib/rabbitmq/.erlang.cookie").unlink(missing_ok=True)
    archive = FOLDER / f"{debian.name}.tar"
    subprocess.run(["tar", "--create", f"--file={archive}", f"--directory={root}", "."], check=True)
    engine.run("docker", "import", "-", name, stdin=archive)
    # The engine has it now.
    archive.unlink()
    shutil.rmtree(root)


def _build(engine: Engine, target: str, name: str) -> None:
    print(f"Making a stand-in for {name}.", file=sys.stderr)
    context = engine.checkout / ".standins"
    shutil.copytree(STANDINS, context, dirs_exist_ok=True)
    if target == "python":
        shutil.copytree(_wheels(), context / "wheels", dirs_exist_ok=True)
    engine.run("docker", "build", f"--target={target}", f"--tag={name}", ".standins")
    shutil.rmtree(context)


def _wheels() -> Path:
    """What the lock names, for the Python of the stand-in."""
    folder = FOLDER / f"wheels-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if folder.exists():
        return folder
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    kind = ["--only-binary=:all:", "--python-version=3.11"]
    words = ["download", "--quiet", "--require-hashes", f"--requirement={LOCK}", f"--dest={partial}", *kind]
    done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"The packages of {LOCK.name} could not be downloaded:\n{done.stderr}")
    partial.rename(folder)
    return folder
