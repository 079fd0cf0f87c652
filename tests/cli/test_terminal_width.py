"""What is told on a terminal is broken between words; what is piped stays one line."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
from asyncio import create_subprocess_exec, to_thread

import pytest

from tests.cli.process import own_environment, run

MISSING = "/a/path/that/leads/nowhere/and-is-longer-than-the-line.jsonl"


@pytest.mark.parametrize("width", [40, 80])
async def test_errors_are_broken_between_words(width: int) -> None:
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    command = [sys.executable, "-m", "aymara_async", "score", "--sandbox", "--prompts", MISSING, "r.jsonl"]
    process = await create_subprocess_exec(*command, stdout=-3, stderr=child, env=own_environment(TERM="xterm"))
    assert await process.wait() == 2
    os.close(child)
    shown = (await to_thread(os.read, parent, 4096)).decode()
    os.close(parent)
    lines = shown.splitlines()
    assert len(lines) > 1
    assert all(len(line) <= width for line in lines if MISSING not in line)
    assert any(f"{MISSING}:" in line for line in lines)
    piped = await run("score", "--sandbox", "--prompts", MISSING, "r.jsonl")
    assert piped.stderr == f"error: {MISSING}: cannot be read: No such file or directory. Nothing was sent.\n"
    assert shown.split() == piped.stderr.split()
