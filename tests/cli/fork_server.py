"""A process that has imported the libraries that the command line needs, and forks a new one for each command.

A command runs in a process of its own, with its own arguments, environment, folder and files, as one that is started
anew; only the seconds that imports take are spared.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import selectors
import signal
import socket
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

IMPORTED = (
    "aiohttp.web",
    "asyncio",
    "cattrs.preconf.msgspec",
    "click",
    "jinja2",
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
    "pandas",
    "rich.console",
    "rich.progress",
    "scipy.stats",
    "sqlite3",
    "tenacity",
)


def serve(control: socket.socket) -> None:
    """Fork for each order that comes, until there is nobody to give one; returns in the new processes too."""
    with control, selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not control:
                    selector.unregister(key.fileobj)
                    _report_end(key.fd, *key.data)
                    continue
                order, files, _, _ = socket.recv_fds(control, 2**20, 4)
                if not order:
                    sys.exit()
                *given, status = files
                if not (pid := os.fork()):
                    _become(given, **json.loads(order))
                    return
                for file in given:
                    os.close(file)
                os.write(status, f"{pid}\n".encode())
                selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, status))


def _report_end(pidfd: int, pid: int, status: int) -> None:
    _, wait_status = os.waitpid(pid, 0)
    os.write(status, f"{os.waitstatus_to_exitcode(wait_status)}\n".encode())
    os.close(status)
    os.close(pidfd)


def _become(files: list[int], arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """Take on what a process is started with."""
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["aymara-async", *arguments]
    sys.path[0] = folder
    sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w", "backslashreplace")
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _stream(file: int, mode: str, errors: str = "strict") -> TextIOWrapper:
    binary = os.fdopen(file, f"{mode}b", closefd=False)
    return TextIOWrapper(binary, encoding="utf-8", errors=errors, line_buffering=file == 2 or os.isatty(file))


def _end(code: object) -> NoReturn:
    """End as the interpreter does, but without taking the imported libraries apart, which takes longest."""
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    atexit._run_exitfuncs()
    gc.collect()  # what was not closed says so now
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    for name in IMPORTED:
        import_module(name)
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        import_module("aymara_async.cli").main()
    except SystemExit as error:
        _end(error.code)
