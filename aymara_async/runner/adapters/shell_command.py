"""A model that is a program: the prompt on its standard input, the answer on its standard output."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio import StreamWriter
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress

from aymara_async.errors import AymaraAIError
from aymara_async.runner.model_prompt import ModelPrompt

SHOWN = 2000
"""Characters of what a failing program has said."""


class CommandError(AymaraAIError):
    """The program failed; what it wrote is not taken for an answer."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        """Its exit code; minus the number of a signal that ended it."""


class ShellCommand:
    """Run a program for each prompt; an instance is a model for ``AsyncEvalRunner``.

    The program reads the prompt as UTF-8, or with ``as_json`` an object with ``prompt``, ``messages``, ``turn`` and
    ``category``. Its output, without the newline at the end, is the answer; an exit code other than 0 is an error, and
    so is output that is not UTF-8. When the runner's time-out ends the call, the program and whatever it started are
    killed.

    Args:
        command: A line for the shell, or a sequence of program and arguments.
        as_json: Send the whole conversation, as one line of JSON.
        cwd: Folder to run it in.
        env: Environment variables to add.
    """

    def __init__(
        self,
        command: str | Sequence[str],
        *,
        as_json: bool = False,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._command = command
        self._as_json = as_json
        self._cwd, self._env = cwd, env

    async def __call__(self, prompt: ModelPrompt) -> str:
        """Return what the program wrote; raises ``CommandError``, and ``OSError`` where it cannot be started."""
        process = await self._start()
        try:
            written, said = await _talk(process, self._input(prompt))
        except BaseException:
            await _kill_group(process)
            raise
        code = process.returncode or 0
        if code != 0:
            text = said.decode(errors="replace").strip()[-SHOWN:]
            told = f": {text}" if text else ", and said nothing"
            raise CommandError(f"The command ended with exit code {code}{told}", exit_code=code)
        try:
            return written.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise CommandError(f"The command's output is not UTF-8: {error}", exit_code=0) from error

    async def _start(self) -> Process:
        env = None if self._env is None else {**os.environ, **self._env}
        shell = [os.environ.get("COMSPEC", "cmd.exe"), "/c"] if sys.platform == "win32" else ["/bin/sh", "-c"]
        command = [*shell, self._command] if isinstance(self._command, str) else list(self._command)
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=self._cwd,
            env=env,
            # A group of its own, so that a time-out ends the program with all that it has started.
            start_new_session=True,
        )

    def _input(self, prompt: ModelPrompt) -> bytes:
        if not self._as_json:
            return prompt.encode()
        told = {"prompt": prompt, "messages": prompt.messages, "turn": prompt.turn, "category": prompt.category}
        return (json.dumps(told, ensure_ascii=False) + "\n").encode()


async def _talk(process: Process, told: bytes) -> tuple[bytes, bytes]:
    """Feed the program, and return what it wrote and what it said once it has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    _, written, said = await asyncio.gather(_feed(process.stdin, told), process.stdout.read(), process.stderr.read())
    await process.wait()
    return written, said


async def _feed(stdin: StreamWriter, told: bytes) -> None:
    # A program may end, or close its input, before it has read everything; uvloop says so with a RuntimeError.
    with suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
        stdin.write(told)
        await stdin.drain()
    stdin.close()


async def _kill_group(process: Process) -> None:
    """End what is left of the program's group, and collect the program."""
    if sys.platform == "win32":
        if process.returncode is None:
            process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):  # nothing is left
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
