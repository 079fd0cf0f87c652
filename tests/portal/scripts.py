"""Run a program of its own around a portal, with every warning an error."""

from __future__ import annotations

import subprocess
import sys
import textwrap

PRELUDE = """
import asyncio, atexit, gc, logging, os, random, signal, sys, threading, time
from aymara_async.errors import ClientClosedError
from aymara_async.portal.loop_thread import BlockingCallError
from aymara_async.portal.portal import Portal

# In development mode asyncio reports every step that takes long, as all do on a busy machine.
logging.getLogger("asyncio").addFilter(lambda record: not record.msg.startswith("Executing %s took"))

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

async def on_close():
    await asyncio.sleep(0)
    say("closed")

async def get(value):
    await asyncio.sleep(0)
    return value

async def hang():
    say("started")
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.01)
        say("cleaned up")
"""

# Python warns of any fork while there are threads; these tests fork on purpose.
FORKS = ("-W", "ignore:This process:DeprecationWarning")


def start(script: str, *options: str) -> subprocess.Popen[str]:
    code = PRELUDE + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-X", "dev", *options, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ending(process: subprocess.Popen[str]) -> tuple[list[str], str, int]:
    """Return the lines still to come, what was printed as errors, and the exit code, once lines have been read."""
    assert process.stdout is not None
    assert process.stderr is not None
    # Not communicate(): it passes over what readline() has buffered.
    return process.stdout.read().splitlines(), process.stderr.read(), process.wait()


def run(script: str, *options: str) -> list[str]:
    """Return the lines that the script says; it must succeed and print nothing else."""
    process = start(script, *options)
    try:
        out, err = process.communicate(timeout=50)
    finally:
        process.kill()
    assert (err, process.returncode) == ("", 0), f"{out}{err}exit code {process.returncode}"
    return out.splitlines()
