"""What the benchmark ran on."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from benchmarks.environments import OFFICIAL, OURS, ROOT, TOOLS

SHOWN = (
    "aymara-async",
    "aiohttp",
    "msgspec",
    "cattrs",
    "attrs",
    "orjson",
    "aymara-ai-sdk",
    "httpx",
    "pydantic",
    "uvloop",
)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()


@cache  # from before the results are written, which would make it dirty
def _commit() -> str:
    try:
        command = ["git", "describe", "--always", "--dirty"]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def described(command: str, seconds: float) -> str:
    """Describe machine, versions and command as a list."""
    lines = [
        f"- Command: `{command}`, {seconds / 60:.0f} minutes, on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"- Commit: {_commit()}",
        f"- Machine: {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}; load "
        f"{os.getloadavg()[0]:.1f} at the end",
        f"- Python {platform.python_version()}",
    ]
    for title, environment in (("This SDK and the limit", OURS), ("Official SDK", OFFICIAL), ("Server", TOOLS)):
        versions = environment.versions()
        found = ", ".join(f"{name} {versions[name]}" for name in SHOWN if name in versions)
        lines.append(f"- {title}: {found}")
    return "\n".join(lines)
