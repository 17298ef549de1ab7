"""docker-compose.yml and what it mounts say the same as the code."""

import json
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import yaml

from dev import definitions, installation
from dev.packages import CHECKOUT
from rollcast.topology import POOLS

DEPLOY = CHECKOUT / "deploy"
COMPOSE = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())


def test_the_services_run_each_pool_once() -> None:
    """A server needs all pools, and what is counted by service is counted once."""
    run = [
        service["command"]
        for service in COMPOSE["services"].values()
        if service.get("image") == "rollcast-workers" and "command" in service
    ]
    assert sorted(pool for command in run for pool in command) == sorted(POOLS)


def test_the_brokers_rights_are_those_of_development() -> None:
    """One server and one operator, as on every private node."""
    given = _definitions("20-rights.json")
    wanted = definitions.build(["main"], "4.3.0")
    for kind in ("vhosts", "permissions", "topic_permissions"):
        assert given[kind] == wanted[kind]


def test_the_broker_has_exchanges_before_rights() -> None:
    """A topic permission is refused before its exchange is there; files are read in the order of their names."""
    given, rights = _definitions("15-exchanges.json"), _definitions("20-rights.json")
    assert given["exchanges"] == definitions.build(["main"], "4.3.0")["exchanges"]
    named = {row["exchange"] for row in rights["topic_permissions"]}
    assert named <= {exchange["name"] for exchange in given["exchanges"]}
    mounted = [volume for volume in COMPOSE["services"]["rabbitmq"]["volumes"] if "/definitions/" in volume]
    read = sorted(volume.split(":")[1] for volume in mounted)
    assert [Path(name).name for name in read[:2]] == ["15-exchanges.json", "20-rights.json"]


def test_one_version_of_the_broker_is_deployed() -> None:
    """Compose and Kubernetes have the same, the documents name it, and it is one that `make test BROKER=` can run."""
    image = COMPOSE["services"]["rabbitmq"]["image"]
    cluster = yaml.safe_load((DEPLOY / "kubernetes" / "broker" / "rabbitmq-cluster.yaml").read_text())
    assert cluster["spec"]["image"] == image
    series = image.removeprefix("rabbitmq:").removesuffix("-management")
    assert series in installation.RELEASES
    assert f"RabbitMQ {series}, PostgreSQL" in (DEPLOY / "README.md").read_text()
    assert f"`broker/` asks for RabbitMQ {series}." in (DEPLOY / "kubernetes" / "README.md").read_text()


def _definitions(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DEPLOY / "rabbitmq" / "definitions" / name).read_text())
    return read


def test_the_memory_limits_of_the_broker_fit() -> None:
    """Its alarm comes before the kernel ends it: at 0.4 to 0.6 of the container's limit."""
    configured = re.search(
        r"watermark\.absolute = (\d+)MiB", (DEPLOY / "rabbitmq" / "rabbitmq.conf").read_text()
    )
    assert configured is not None
    assert COMPOSE["services"]["rabbitmq"]["mem_limit"] == "2g"
    assert 0.4 <= int(configured[1]) / 2048 <= 0.6


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """Every file that the stack wants, closed to others; passwords agree, and a second run changes nothing."""
    made = _secrets(tmp_path)
    wanted = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert set(made) == wanted
    assert stat.S_IMODE((tmp_path / "deploy" / "secrets").stat().st_mode) == 0o700
    users = {user["name"]: user["password"] for user in json.loads(made["rabbitmq-users.json"])["users"]}
    assert made["amqp-url"] == f"amqp://server-main:{users['server-main']}@rabbitmq:5672/"
    assert made["management-url"] == f"http://server-main:{users['server-main']}@rabbitmq:15672"
    assert made["operator-url"] == f"amqp://operator:{users['operator']}@rabbitmq:5672/"
    assert made["ledger-url"] == f"postgresql://rollcast:{made['postgres-password']}@postgres:5432/rollcast"
    assert _secrets(tmp_path) == made


def test_passwords_are_new_each_time(tmp_path: Path) -> None:
    """Two machines have no password in common."""
    first, second = _secrets(tmp_path / "one"), _secrets(tmp_path / "two")
    assert not set(first.values()) & set(second.values())


def test_terminals_get_the_name_of_the_settings(tmp_path: Path) -> None:
    """The operator's address of the broker has the name of .env, or of .env.example where that says so."""
    tmp_path.joinpath(".env").write_text("DOMAINS=acme\nBROKER_HOST=broker.example.org\n")
    assert _secrets(tmp_path)["operator-url"].endswith("@broker.example.org:5672/")


def _secrets(folder: Path) -> dict[str, str]:
    script = folder / "deploy" / "secrets.sh"
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(DEPLOY / "secrets.sh", script)
    subprocess.run([script], check=True, capture_output=True, timeout=60)
    return {file.name: file.read_text() for file in (script.parent / "secrets").iterdir()}


def test_the_readme_says_of_all_of_it_whether_it_was_run() -> None:
    """Its table has each file and folder that lies beside it, but what is made there."""
    table = (DEPLOY / "README.md").read_text().split("\n## What was run\n", 1)[1]
    told = set(re.findall(r"`([^`]+)`", "".join(re.findall(r"^\|[^|]+\|", table, re.MULTILINE))))
    there = {f"{path.name}/" if path.is_dir() else path.name for path in DEPLOY.iterdir()}
    assert there - told == {"README.md"} | (there & {"secrets/", "__pycache__/"})
