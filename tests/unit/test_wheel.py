"""The wheel: what is in it, and that a program that uses it can be checked for types."""

import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout with the build system that is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_sdk_with_its_types_and_nothing_else(wheel: Path) -> None:
    """Without `py.typed` a type checker ignores all types; other packages would overwrite those of other people."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "rollcast/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"rollcast"}
    modules = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "rollcast").rglob("*.py")}
    assert modules == {name for name in names if name.endswith(".py")}


def test_the_example_of_the_readme_has_right_types(wheel: Path, tmp_path: Path) -> None:
    """As `mypy --strict` finds them where the wheel is installed, and no checkout is in sight."""
    python = _installed(wheel, tmp_path / "environment")
    (example,) = re.findall(r"```python\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "example.py").write_text(example)
    # What was found of other packages is kept, as by `make check`: it is most of the work.
    kept = ["--cache-dir", str(CHECKOUT / ".mypy_cache" / "wheel")]
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", *kept, "--python-executable"]
    done = subprocess.run(
        [*command, str(python), "example.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 1 source file\n"), done.stderr


def _installed(wheel: Path, folder: Path) -> Path:
    """An environment with the wheel, and beside it what this one has, apart from this checkout; its interpreter."""
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    zipfile.ZipFile(wheel).extractall(site)
    # A path from a .pth file is searched, but the .pth files in it are not read: that of the checkout is in one.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"
