"""Processes of the command line that start at once, as the imports are done once for all of them."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import attrs

CAN_FORK = sys.platform == "linux"
_SERVER = Path(__file__).with_name("fork_server.py")


@attrs.define
class ForkedProcess:
    """A process with the interface of ``asyncio.subprocess.Process``, as far as tests use it."""

    pid: int
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader
    _status: asyncio.StreamReader
    _status_pipe: asyncio.ReadTransport
    returncode: int | None = None

    async def wait(self) -> int:
        if self.returncode is None:
            self.returncode = int(await self._status.readline())
            self._status_pipe.close()
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        stdout, stderr, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return stdout, stderr

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


async def fork(arguments: Sequence[str], environment: Mapping[str, str]) -> ForkedProcess:
    """Start the command line."""
    (stdout, out), (stderr, err), (status, ended) = (os.pipe() for _ in range(3))
    given = [os.open(os.devnull, os.O_RDONLY), out, err, ended]
    order = {"arguments": list(arguments), "environment": dict(environment), "folder": str(Path.cwd())}
    socket.send_fds(_server(), [json.dumps(order).encode()], given)
    for file in given:
        os.close(file)
    (out_reader, _), (err_reader, _), (status_reader, status_pipe) = [
        await _reader(file) for file in (stdout, stderr, status)
    ]
    pid = int(await status_reader.readline())
    return ForkedProcess(pid, out_reader, err_reader, status_reader, status_pipe)


@cache
def _server() -> socket.socket:
    """Start the server, which ends when this end of its socket is closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    quiet = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # nothing forks well beside threads
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-W", "error", _SERVER, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**os.environ, **quiet},
            stdin=subprocess.DEVNULL,
        )

    @atexit.register
    def stop() -> None:
        ours.close()
        server.wait(30)

    return ours


async def _reader(file: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(file, "rb", 0)
    )
    return reader, transport
