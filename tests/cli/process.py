"""The command line in a real process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from tests.cli.forked import CAN_FORK, ForkedProcess, fork

ROOT = Path(__file__).parents[2]
PROMPTS = ROOT / "examples" / "refusals" / "prompts.jsonl"
RESPONSES = ROOT / "examples" / "refusals" / "responses.jsonl"


@attrs.frozen
class Ended:
    """What a process wrote, and how it ended."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        return json.loads(self.stdout)


def own_environment(**more: str) -> dict[str, str]:
    """Give a process the environment, without the settings of whoever runs the tests."""
    foreign = ("AYMARA_AI_", "COLUMNS", "PYTHON", "NO_COLOR", "FORCE_COLOR")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | more


async def start(*arguments: object, env: Mapping[str, str] | None = None) -> Process | ForkedProcess:
    """Start the command line."""
    environment = own_environment(**(env or {}))
    # What the interpreter itself looks at when it starts is for one that does start.
    if CAN_FORK and not any(name.startswith(("PYTHON", "LC_")) for name in env or ()):
        return await fork([*map(str, arguments)], environment)
    command = [sys.executable, "-W", "error", "-m", "aymara_async", *map(str, arguments)]
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment)


async def finish(process: Process | ForkedProcess) -> Ended:
    stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, stdout.decode(), stderr.decode())


async def run(*arguments: object, env: Mapping[str, str] | None = None) -> Ended:
    """Run the command line to its end."""
    return await finish(await start(*arguments, env=env))


async def line_with(process: Process | ForkedProcess, text: str) -> str:
    """Read stderr until a line with the text comes."""
    assert process.stderr is not None
    while line := (await process.stderr.readline()).decode():
        if text in line:
            return line
    raise AssertionError(f"the process ended without telling {text!r}")


def jsonl(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """Write a JSON Lines file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(path: Path) -> list[Any]:
    """Read a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
