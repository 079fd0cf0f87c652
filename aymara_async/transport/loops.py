"""One resource for each running event loop, closed with its loop, its owner, or the process, whichever ends first."""

from __future__ import annotations

import asyncio
import gc
import os
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_inherited: list[object] = []


class PerLoop(Generic[T]):
    """Make a value for each loop that asks, and close it in time.

    The closing hangs on an async generator: the loop closes it when it shuts down (as ``asyncio.run`` does), and also
    when nothing refers to this object any more.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]], drop: Callable[[T], None]) -> None:
        """``drop`` closes a value whose loop is closed already, without awaiting."""
        self._make = make
        self._close = close
        self._drop = drop
        self._pid = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._value: T | None = None
        self._entries: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[T, None]]] = {}

    def current(self) -> T | None:
        """Return the running loop's value if it was the last one asked for; the short way."""
        return self._value if asyncio.get_running_loop() is self._loop else None

    async def get(self) -> T:
        """Return the running loop's value, made on first use."""
        loop = asyncio.get_running_loop()
        self._leave_parent()
        self._drop_closed()
        if loop not in self._entries:
            keeper = _keeper(self._make(), self._close, self._entries, loop)
            self._entries[loop] = await anext(keeper), keeper
        self._loop, self._value = loop, self._entries[loop][0]
        return self._value

    async def aclose(self) -> None:
        """Close every value; those of other loops by their own loop."""
        self._leave_parent()
        self._drop_closed()
        self._loop = self._value = None
        running = asyncio.get_running_loop()
        entries = list(self._entries.items())
        self._entries.clear()
        for loop, (_, keeper) in entries:
            if loop is running:
                await keeper.aclose()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(keeper.aclose(), loop)
            # A loop that stands still closes the keeper when it goes on or shuts down, as nothing refers to it any more.

    def _leave_parent(self) -> None:
        """After a fork, leave the parent's values alone for good.

        Their sockets and poll sets are shared: closing, or only collecting them here, would stall the parent.
        """
        if self._pid == os.getpid():
            return
        self._pid = os.getpid()
        self._loop = self._value = None
        if self._entries:
            _keep_forever(self._entries)
        self._entries = {}

    def _drop_closed(self) -> None:
        closed = [loop for loop in self._entries if loop.is_closed()]
        if self._loop in closed:
            self._loop = self._value = None
        if closed:
            _drop_silently(self._drop, [self._entries.pop(loop)[0] for loop in closed])

    def __del__(self) -> None:
        if self._pid != os.getpid():
            _keep_forever(self._entries)
            return
        self._drop_closed()
        # The keepers know the entries; without this only the garbage collector would find them.
        self._entries.clear()


async def _keeper(
    value: T,
    close: Callable[[T], Awaitable[None]],
    entries: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[T, None]]],
    loop: asyncio.AbstractEventLoop,
) -> AsyncGenerator[T, None]:
    try:
        yield value
    finally:
        entries.pop(loop, None)
        await close(value)


def _drop_silently(drop: Callable[[T], None], values: list[T]) -> None:
    """Close values of closed loops; what they held complains when collected, about what is being done right here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        while values:
            drop(values.pop())
        gc.collect()


def _keep_forever(value: object) -> None:
    import ctypes

    # A module's globals are cleared at exit; only one reference too many keeps the finalizers from running then.
    _inherited.append(value)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
