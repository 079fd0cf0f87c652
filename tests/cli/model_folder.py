"""The folder that a test of ``aymara-async run`` stands in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli import models


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with the models."""
    shutil.copy(models.__file__, tmp_path / "models.py")
    monkeypatch.chdir(tmp_path)
    return tmp_path
