"""The manifests for Kubernetes: valid, complete, without secrets, and what overlays make of them."""

import re
import shutil
import stat
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from dev.packages import CHECKOUT
from tests.kubernetes import manifests as k8s
from tests.kubernetes.manifests import KUBERNETES, Manifest, of_kind, worker
from workers.settings import Settings

VERSIONS = ("1.29", kubernetes_validate.latest_version())
CORE_GROUPS = ("v1", "apps/v1", "policy/v1", "networking.k8s.io/v1")


def test_each_file_says_how_it_was_checked() -> None:
    """In its first line, or its second one if that is a script's."""
    files = [path for path in KUBERNETES.rglob("*") if path.suffix in {".yaml", ".sh"}]
    assert len(files) > 20
    for path in files:
        assert any(line.startswith("# Checked: ") for line in path.read_text().splitlines()[:2]), path


def test_each_file_is_part_of_something(copied: Path) -> None:
    """No manifest lies there that no kustomization names."""
    for path in copied.rglob("*.yaml"):
        if path.name != "kustomization.yaml":
            beside = (path.parent / "kustomization.yaml").read_text()
            assert path.name in beside, path


@pytest.mark.parametrize("version", VERSIONS)
def test_core_kinds_are_valid(example: list[Manifest], version: str) -> None:
    """For the oldest Kubernetes that the README names and for the newest that is known; unknown fields count."""
    core = [manifest for manifest in example if manifest["apiVersion"] in CORE_GROUPS]
    assert len(core) > 40
    for manifest in core:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_fault_in_a_core_kind_is_seen(example: list[Manifest]) -> None:
    """What validates the others does not let everything pass."""
    wrong = {**of_kind(example, "Deployment")["rollcast-s200"], "spce": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_the_queues_are_those_of_the_server(copied: Path) -> None:
    """An overlay that names another server need not name its queues again, nor say whose metrics it has."""
    overlay = Path(shutil.copytree(copied / k8s.EXAMPLE, copied / "overlays" / "other"))
    named = overlay / "kustomization.yaml"
    named.write_text(named.read_text().replace("ROLLCAST_SERVER=main", "ROLLCAST_SERVER=emea"))
    rendered = k8s.render(overlay)
    scaled = of_kind(rendered, "ScaledObject")
    names = {found["spec"]["triggers"][0]["metadata"]["queueName"] for found in scaled.values()}
    assert {"rollcast.step2.emea.s200", "rollcast.spool.emea", "rollcast.progress.emea"} <= names
    assert not [name for name in names if "main" in name]
    told = of_kind(rendered, "PodMonitor")["rollcast-workers"]["spec"]["podMetricsEndpoints"][0][
        "relabelings"
    ]
    assert {"targetLabel": "server", "replacement": "emea"} in told


def test_the_image_is_of_this_version() -> None:
    """The tag is the package's version, until an overlay names another."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    base = yaml.safe_load((KUBERNETES / "base" / "kustomization.yaml").read_text())
    assert base["images"] == [{"name": "rollcast-workers", "newTag": project["version"]}]


def test_no_secret_is_kept_here() -> None:
    """Only an overlay makes any, from files that git ignores."""
    texts = {path: path.read_text() for path in KUBERNETES.rglob("*.yaml")}
    assert not [path for path, text in texts.items() if "kind: Secret" in text]
    assert [path.parent.name for path, text in texts.items() if "secretGenerator" in text] == ["example"]
    assert (KUBERNETES / k8s.EXAMPLE / ".gitignore").read_text() == "secrets/*.env\n"


def test_secrets_are_made_once(copied: Path) -> None:
    """For nobody else to read, each with a password of its own, which another run leaves."""
    made = sorted((copied / k8s.EXAMPLE / "secrets").glob("*.env"))
    before = [path.read_text() for path in made]
    k8s.make_secrets(copied)
    assert [path.read_text() for path in made] == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    passwords = [line for text in before for line in text.splitlines() if line.startswith("password=")]
    assert len(set(passwords)) == len(passwords) == 3
    assert not [text for text in before if "GENERATED" in text]


def test_the_spool_can_be_a_volume(copied: Path) -> None:
    """All workers mount it, where they look for it by themselves."""
    overlay = copied / "overlays" / "volume"
    overlay.mkdir()
    named = {"resources": ["../../base"], "components": ["../../components/spool-volume"]}
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(named))
    rendered = k8s.render(overlay)
    (claim,) = of_kind(rendered, "PersistentVolumeClaim")
    spool = Settings.read(
        {"ROLLCAST_DOMAINS": "acme", "ROLLCAST_AMQP_URL": "amqp://server-main:secret@broker/"}
    ).spool_url
    for manifest in rendered:
        kubernetes_validate.validate(manifest, VERSIONS[0], strict=True)
    for deployment in of_kind(rendered, "Deployment").values():
        mounts = {mount["name"]: mount["mountPath"] for mount in worker(deployment)["volumeMounts"]}
        assert f"file://{mounts['spool']}" == spool
        volumes = {volume["name"]: volume for volume in k8s.pod(deployment)["volumes"]}
        assert volumes["spool"]["persistentVolumeClaim"]["claimName"] == claim


def test_the_readme_names_what_is_there() -> None:
    """Folders and files of these manifests and of the tests, and settings that the project's README has."""
    text = (KUBERNETES / "README.md").read_text()
    names = re.findall(r"`((?!deploy/)(?:[a-z_0-9-]+/)+[a-z_0-9.-]*)`", text)
    places = [KUBERNETES / k8s.EXAMPLE, KUBERNETES, CHECKOUT]
    for name in names:
        assert any((place / f"{name}{made}").exists() for place in places for made in ("", ".example")), name
    settings = re.compile(r"\bROLLCAST_[A-Z_]+\b")
    assert set(settings.findall(text)) <= set(settings.findall((CHECKOUT / "README.md").read_text()))
