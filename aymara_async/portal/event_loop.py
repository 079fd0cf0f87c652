"""The event loop of a blocking client: plain asyncio, in real time, without threads that hold up the process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar, TypeVarTuple, Unpack

from aymara_async.transport.clock import monotonic
from aymara_async.transport.threads import in_thread

A = TypeVarTuple("A")
T = TypeVar("T")

# Whatever policy the program sets (uvloop, a GUI's loop) is for its own loops; this one has to survive a fork.
if sys.platform == "win32":
    _PlainLoop = asyncio.ProactorEventLoop
else:
    _PlainLoop = asyncio.SelectorEventLoop


class PortalLoop(_PlainLoop):
    """Keep real time, and look names up also when the process ends."""

    _is_made: bool = False

    def __init__(self) -> None:
        super().__init__()
        self._is_made = True

    def __del__(self) -> None:
        if self._is_made:  # else asyncio complains of the parts that could not be made
            super().__del__()

    def time(self) -> float:
        """Return the seconds of a clock that no test stops: who waits for this loop would wait for ever."""
        return monotonic()

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[A]], T], *args: *A
    ) -> asyncio.Future[T]:
        """Run a function in a thread."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        return in_thread(partial(func, *args))
