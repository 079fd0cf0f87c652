"""The wheel holds the package, its types and its licence, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"aymara_async"}
    assert "aymara_async/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if "/tests/" in name or Path(name).name.startswith(("test_", "conftest"))]


def test_wheel_holds_every_module(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "aymara_async").rglob("*.py")}
    assert modules
    assert modules <= names


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_installing_brings_little_and_works(wheel: Path, tmp_path: Path) -> None:
    """At most 20 packages and 30 MB come along, and with them alone a call to the sandbox succeeds."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    python = tmp_path / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", wheel]
    subprocess.run(pip, check=True)
    libraries = next((tmp_path / "lib").glob("python*/site-packages"))
    assert len(list(libraries.glob("*.dist-info"))) - 1 <= 20
    assert sum(path.stat().st_size for path in libraries.rglob("*") if path.is_file()) <= 30_000_000
    subprocess.run([python, "-W", "error", "-c", FIRST_CALL], check=True, cwd=tmp_path)


FIRST_CALL = """
from aymara_async import AymaraAI
from aymara_async.sandbox import Sandbox

with Sandbox() as sandbox, AymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
    assert client.eval_types.list(limit=1).items
"""
