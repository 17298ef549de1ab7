"""The stack for real: up by two commands, files through it, pools killed and scaled, data kept, nothing left.

The tests share one stack, and the last one takes it down.
"""

import json
from contextlib import suppress

import pytest

from dev.compose import images
from dev.compose.engine import CHECKOUT
from dev.monitoring import queries
from dev.processes import Failed
from rollcast.topology import POOLS as ALL_POOLS
from tests.compose.stack import HERE, POOLS, RUN, Stack

CREDENTIALS = "/home/rollcast/.rollcast/credentials/{}.json"
pytestmark = pytest.mark.timeout(1200)


def test_all_of_it_is_valid(stack: Stack) -> None:
    """Compose takes the file, Grafana and the one-off services included, and with every setting of .env.example."""
    stack.engine.run("deploy/secrets.sh")
    services = stack.compose("--profile=*", "config", "--services").split()
    assert {*POOLS, "rabbitmq", "postgres", "prometheus", "grafana", "rollcast", "try"} == set(services)
    with_settings = ("--env-file=.env.example", "--profile=*", "config", "--format=json")
    assert json.loads(stack.compose(*with_settings)) == json.loads(
        stack.compose("--profile=*", "config", "--format=json")
    )


def test_the_second_command_sends_a_file(up: Stack) -> None:
    """After `up` the command `try` makes accounts, sends a file to two receivers and finds it whole."""
    assert all(up.healthy(service) == 1 for service in ("rabbitmq", "postgres", *POOLS, "prometheus"))
    said = up.try_out()
    assert "bob@acme and carol@globex have the file of alice@acme, byte for byte." in said


def test_prometheus_has_what_dashboards_and_alerts_ask_for(up: Stack) -> None:
    """Of this broker, newer than that of tests/monitoring, and what rules make of it, once a file was sent."""
    exprs = [asked.expr for asked in queries.all_asked()]
    exprs += [rule["expr"] for kind in ("record", "alert") for rule in queries.rules(kind)]
    asked = {name for expr in exprs for name in queries.metrics(expr)}
    wanted = {name for name in asked if name.startswith("rabbitmq_")}
    wanted |= {rule["record"] for rule in queries.rules("record")}
    assert len(wanted) > 30
    with suppress(Failed):
        up.wait(lambda: wanted <= up.series(), "all series")
    assert wanted - up.series() == set()


def test_a_file_of_this_machine_reaches_two_receivers(up: Stack) -> None:
    """What two receivers' containers write is what the sender's container read."""
    shared = up.checkout / "shared-files"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "file").write_bytes(bytes(range(256)) * 40_000)
    for address in ("dave@acme", "erin@globex"):
        up.rollcast("admin", "add", address)
        words = ("receive", "--as", address, "--into", f"/files/{address}", "--accept", "all", "--count", "1")
        up.rollcast(*words, options=("--detach", "--volume", f"{CHECKOUT}/shared-files:/files"))
    up.wait(lambda: "never" not in up.rollcast("admin", "list"), "receivers registered")
    report = up.rollcast(
        *("send", "/files/file", "--as", "alice@acme", "--to", "dave@acme", "--to", "erin@globex", "--json"),
        options=("--volume", f"{CHECKOUT}/shared-files:/files"),
    )
    assert json.loads(report)["state"] == "completed"
    sent = (shared / "file").read_bytes()
    up.wait(lambda: not up.containers("rollcast"), "receivers ended")
    assert (shared / "dave@acme" / "file").read_bytes() == sent
    assert (shared / "erin@globex" / "file").read_bytes() == sent


def test_images_are_of_the_versions_that_their_tags_name(up: Stack) -> None:
    """The stand-ins do not pretend to be newer or older than what is in them."""
    tags = dict(name.split(":") for name in images.named())
    assert up.within("rabbitmq", "rabbitmqctl", "version").startswith(
        tags["rabbitmq"].removesuffix("-management")
    )
    assert f" {tags['postgres']}." in up.within("postgres", "postgres", "--version")
    assert f" {tags['prom/prometheus'].removeprefix('v')}+" in up.within(
        "prometheus", "prometheus", "--version"
    )
    assert f" {tags['python'].removesuffix('-slim-bookworm')}." in up.within("control", "python", "--version")


def test_every_pool_runs_once(up: Stack) -> None:
    """The services together run all pools of a server, each in one of them."""
    commands = [up.inspect(up.containers(service)[0])["Config"]["Cmd"] for service in POOLS]
    assert sorted(pool for command in commands for pool in command) == sorted(ALL_POOLS)


def test_workers_have_no_power(up: Stack) -> None:
    """A worker is not root, cannot write into its image, and has limited memory."""
    for service in POOLS:
        assert up.within(service, "id", "--user").strip() == "10001"
        made = up.engine.attempt("docker", "compose", "exec", "--no-TTY", service, "touch", "/app/workers/x")
        assert "Read-only file system" in made.stderr
        host = up.inspect(up.containers(service)[0])["HostConfig"]
        assert (host["Memory"], host["CapDrop"], host["Privileged"]) == (512 * 1024**2, ["ALL"], False)


def test_the_image_builds_nothing(up: Stack) -> None:
    """What the image was built with is not in it; what it runs is as locked."""
    found = up.within(
        "control",
        "python",
        "-c",
        "import importlib.metadata as m; print(*(d.name for d in m.distributions()))",
    )
    installed = {name.lower() for name in found.split()}
    assert {"rollcast", "aio-pika", "sqlalchemy"} <= installed
    assert not {"hatchling", "pip", "setuptools", "wheel"} & installed
    assert up.engine.attempt(
        "docker", "compose", "exec", "control", "sh", "-c", "command -v cc gcc make"
    ).returncode


def test_the_broker_is_as_configured(up: Stack) -> None:
    """Nobody but the server, the operator and accounts may log in, by password only; messages are limited."""
    control = ("gosu", "rabbitmq", "rabbitmqctl", "--quiet")
    users = json.loads(up.within("rabbitmq", *control, "list_users", "--formatter=json"))
    names = {user["user"]: user["tags"] for user in users}
    assert (names.pop("server-main"), names.pop("operator")) == (["administrator"], [])
    assert all("@" in name for name in names)
    asked = "[application:get_env(rabbit, K) || K <- [auth_mechanisms, max_message_size]]."
    assert up.within("rabbitmq", *control, "eval", asked).strip() == "[{ok,['PLAIN']},{ok,5242880}]"
    policies = json.loads(up.within("rabbitmq", *control, "list_policies", "--formatter=json"))
    assert [policy["name"] for policy in policies] == ["rollcast-lanes"]
    limit = up.within("rabbitmq", *control, "eval", "vm_memory_monitor:get_memory_limit().")
    assert int(limit) == 1200 * 1024**2


def test_no_password_is_baked_in(up: Stack) -> None:
    """Passwords are in the files of deploy/secrets and nowhere in the containers' or images' settings."""
    secrets = {file.read_text() for file in (up.checkout / "deploy" / "secrets").iterdir()}
    passwords = {
        word
        for text in secrets
        for word in text.replace("@", ":").replace('"', ":").split(":")
        if len(word) == 48
    }
    assert len(passwords) == 4
    ids = [*up.engine.run("docker", "ps", "--all", "--quiet").split(), "rollcast-workers"]
    known = up.engine.run("docker", "inspect", *ids) + up.engine.run(
        "docker", "history", "--no-trunc", "rollcast-workers"
    )
    assert not [password for password in passwords if password in known]


def test_a_killed_pool_comes_back(up: Stack) -> None:
    """A worker that is killed is started again by its policy, and files go through as before."""
    (container,) = up.containers("control")
    before = up.inspect(container)
    up.engine.run("sh", "-c", f"kill -KILL {before['State']['Pid']}")
    up.wait(lambda: up.inspect(container)["RestartCount"] > before["RestartCount"], "started again")
    up.wait(lambda: up.healthy("control") == 1, "healthy again")
    assert "byte for byte" in up.try_out()


def test_a_pool_is_scaled(up: Stack) -> None:
    """Another process of a pool joins, and Prometheus finds it by itself."""
    up.wait(lambda: up.answering() == len(POOLS), "Prometheus scrapes the workers")
    up.compose("up", "--detach", "--wait", "--no-recreate", "--scale=bytes=2", "bytes")
    assert up.healthy("bytes") == 2
    up.wait(lambda: up.answering() == len(POOLS) + 1, "Prometheus scrapes the new one, too")
    assert up.asked("min(up)") == 1
    assert "byte for byte" in up.try_out()


def test_what_it_keeps_outlives_its_containers(up: Stack) -> None:
    """Accounts, transfers and series are there after `down` and `up`."""
    before = up.rollcast("list", "--as", "alice@acme", "--json")
    up.compose("down", "--timeout=40")
    up.compose("up", "--detach", "--wait", *HERE, timeout=900)
    assert up.rollcast("list", "--as", "alice@acme", "--json") == before
    assert up.asked("count(count_over_time(up[1h]) > 0)") > len(POOLS) + 1
    assert "byte for byte" in up.try_out()


def test_a_backup_is_restored(up: Stack) -> None:
    """With the commands of deploy/README.md, into empty volumes: what was there is there, credentials included."""
    before = up.rollcast("list", "--as", "alice@acme", "--json")
    up.engine.run("sh", "-ec", up.told("Backup"))
    up.compose("down", "--timeout=40")
    up.engine.run(
        "docker", "volume", "rm", "rollcast_postgres", "rollcast_rabbitmq", "rollcast_spool", "rollcast_home"
    )
    up.compose("up", "--detach", "--wait", *HERE, timeout=900)
    assert "alice@acme" not in up.rollcast("admin", "list")
    up.engine.run("sh", "-ec", up.told("Restore"))
    assert json.loads(up.rollcast("doctor", "--json"))["ok"]
    assert up.rollcast("list", "--as", "alice@acme", "--json") == before
    assert "byte for byte" in up.try_out()


def test_new_passwords_and_other_settings(up: Stack) -> None:
    """With the commands of deploy/README.md, and a broker of another name: accounts' credentials have that name."""
    (up.checkout / ".env").write_text("DOMAINS=initech,hooli\nBROKER_HOST=broker.example.org\n")
    old = (up.checkout / "deploy" / "secrets" / "ledger-url").read_text()
    *told, start = up.told("New passwords").splitlines()
    up.engine.run("sh", "-ec", "\n".join(told))
    up.engine.run("sh", "-ec", f"{start} {' '.join(HERE)}", timeout=900)
    assert (up.checkout / "deploy" / "secrets" / "ledger-url").read_text() != old
    said = up.try_out()
    assert "bob@initech and carol@hooli have the file of alice@initech, byte for byte." in said
    shown = up.compose(*RUN, "--entrypoint=cat", "rollcast", CREDENTIALS.format("carol@hooli"))
    assert "@broker.example.org:5672/" in json.loads(shown)["amqp_url"]


def test_a_backup_of_before_the_new_passwords_is_restored(up: Stack) -> None:
    """Server and operator keep the new ones, which the backup does not know, as it knows no later account."""
    up.engine.run("sh", "-ec", up.told("Restore"))
    assert "no accounts" in up.rollcast("admin", "list")


def test_nothing_is_left(up: Stack) -> None:
    """The last command of deploy/README.md leaves no container, no network, no volume and no password."""
    up.engine.run("sh", "-ec", up.told("Stop, upgrade, remove").splitlines()[-1])
    assert not (up.checkout / "deploy" / "secrets").exists()
    listed = [up.engine.run("docker", *words, "--quiet") for words in (("ps", "--all"), ("volume", "ls"))]
    assert listed == ["", ""]
    assert "rollcast" not in up.engine.run("docker", "network", "ls")
