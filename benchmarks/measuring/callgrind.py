"""Machine instructions by valgrind's callgrind: a number that noise does not move, for one call or one decoding.

What starting costs cancels out between two runs of different length.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")


def can_count() -> bool:
    """Tell whether valgrind is installed."""
    return shutil.which("valgrind") is not None


def instructions(
    python: str | Path, contestant: str, url: str, work: str, *, fewer: int, more: int, environment: Mapping[str, str]
) -> float:
    """Count the instructions of doing the work once."""
    counts = [_count(python, [contestant, url, work, str(number)], environment) for number in (fewer, more)]
    return (counts[1] - counts[0]) / (more - fewer)


def _count(python: str | Path, arguments: list[str], environment: Mapping[str, str]) -> int:
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command = [*valgrind, str(python), "-P", "-m", "benchmarks.measuring.counted", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(environment))
    found = _COLLECTED.search(ended.stderr)
    if ended.returncode or found is None:
        raise RuntimeError(f"callgrind failed: {ended.stderr[-2000:]}")
    return int(found[1])
