"""Type checkers see in users' code what is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

USER_CODE = Path(__file__).with_name("user_code.py")


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["mypy", "--strict", "--config-file="], id="mypy", marks=pytest.mark.slow),
        pytest.param(["pyright", "--pythonpath", sys.executable], id="pyright"),
    ],
)
def test_user_code_is_clean(command: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", *command, str(USER_CODE)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
