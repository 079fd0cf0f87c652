"""Virtual environments of the benchmark's own, so that every contestant is what ``pip install`` brings, and no more."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aymara-async-benchmarks"

_DAY = 24 * 3600
_INSTALLED = """
import importlib.metadata, json
print(json.dumps({one.name: one.version for one in importlib.metadata.distributions()}))
"""


@dataclass(frozen=True)
class Footprint:
    """What an installation brings, the installed package itself included, pip and setuptools not."""

    packages: int
    megabytes: float


@dataclass(frozen=True)
class Environment:
    """A virtual environment; ``additions`` are installed after its footprint was taken."""

    name: str
    requirement: str
    additions: tuple[str, ...] = ()
    is_kept: bool = False
    """Whether one from the last day will do."""

    @property
    def path(self) -> Path:
        return CACHE / f"{self.name}-{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def python(self) -> Path:
        return self.path / ("Scripts" if os.name == "nt" else "bin") / "python"

    @property
    def footprint(self) -> Footprint:
        return Footprint(**json.loads((self.path / "footprint.json").read_text()))

    def make(self) -> None:
        """Make the environment, if there is none that will do."""
        done = self.path / "complete"
        if self.is_kept and done.exists() and time.time() - done.stat().st_mtime < _DAY:
            return
        print(f"installing {self.name} into {self.path}", file=sys.stderr)
        shutil.rmtree(self.path, ignore_errors=True)
        venv.create(self.path, with_pip=True)
        before = self._megabytes()
        self._install(self.requirement)
        footprint = Footprint(packages=len(self.versions()), megabytes=self._megabytes() - before)
        (self.path / "footprint.json").write_text(json.dumps(vars(footprint)))
        if self.additions:
            self._install(*self.additions)
        done.touch()

    def versions(self) -> dict[str, str]:
        """Return the installed packages with their versions."""
        listed = subprocess.run([self.python, "-c", _INSTALLED], check=True, capture_output=True, text=True).stdout
        found: dict[str, str] = json.loads(listed)
        return {name: version for name, version in found.items() if name not in ("pip", "setuptools")}

    def _install(self, *requirements: str) -> None:
        command: list[str | Path] = [
            self.python,
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            *requirements,
        ]
        subprocess.run(command, check=True, cwd=ROOT)

    def _megabytes(self) -> float:
        files = (file for file in self.path.rglob("*") if file.is_file() and not file.is_symlink())
        return sum(file.stat().st_size for file in files) / 1e6


OURS = Environment("ours", ".", ("orjson",))
OFFICIAL = Environment("official", "aymara-ai-sdk", ("aymara-ai-sdk[aiohttp]",), is_kept=True)
TOOLS = Environment("tools", "uvloop", ("matplotlib", "msgspec"), is_kept=True)
