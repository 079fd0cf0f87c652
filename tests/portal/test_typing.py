"""Type checkers know the arguments and results of twins, and refuse what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TWINS = Path(__file__).with_name("typed_twins.py")


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "command",
    [["mypy", "--strict", "--config-file="], ["pyright", "--pythonpath", sys.executable]],
    ids=["mypy", "pyright"],
)
def test_twins_are_typed(command: list[str], tmp_path: Path) -> None:
    # mypy's comments are not for pyright, which is to complain of its own where nothing is wrong.
    (tmp_path / "pyrightconfig.json").write_text('{"enableTypeIgnoreComments": false}')
    command = [sys.executable, "-m", *command, str(TWINS)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
