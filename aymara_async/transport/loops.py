"""One resource for each running event loop, closed with its loop, its owner, or the process, whichever ends first."""

from __future__ import annotations

import asyncio
import gc
import os
import warnings
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeAlias, TypeVar

from aymara_async.errors import ConfigurationError

T = TypeVar("T")

_Entries: TypeAlias = "dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[T, None]]]"

_inherited: list[object] = []


class PerLoop(Generic[T]):
    """Make a value for each loop that asks, and close it in time.

    The closing hangs on an async generator: the loop closes it when it shuts down (as ``asyncio.run`` does), and also
    when nothing refers to this object any more.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]], drop: Callable[[T], None]) -> None:
        """``drop`` closes a value of a closed loop, without awaiting. None of the three may refer to this object."""
        self._make = make
        self._close = close
        self._drop = drop
        self._last: tuple[asyncio.AbstractEventLoop, T] | None = None
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._entries: _Entries[T] = {}
        # Unlike __del__ it also runs before an exit takes the modules away, and before the collector gets at the
        # values.
        self._finish = weakref.finalize(self, _finish, self._entries, self._drop, self._pid)

    def current(self) -> T | None:
        """Return the running loop's value if it was the last one asked for; the short way."""
        last = self._last  # read once, as another thread may change it
        try:
            return last[1] if last is not None and last[0] is asyncio.get_running_loop() else None
        except RuntimeError:  # of which get() says what it means
            return None

    async def get(self) -> T:
        """Return the running loop's value, made on first use."""
        loop = _running_loop()
        self._leave_parent()
        self._drop_closed()
        if loop not in self._entries:
            keeper = _keeper(self._make(), self._close, self._entries, loop)
            self._entries[loop] = await anext(keeper), keeper
        value = self._entries[loop][0]
        self._last = loop, value
        return value

    async def aclose(self) -> None:
        """Close every value; those of other loops by their own loop."""
        self._leave_parent()
        self._drop_closed()
        self._last = None
        running = _running_loop()
        entries = list(self._entries.items())
        self._entries.clear()
        for loop, (_, keeper) in entries:
            if loop is running:
                await keeper.aclose()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(keeper.aclose(), loop)
            # A loop that stands still closes the keeper when it goes on or shuts down, as nothing refers to it any
            # more.

    def _leave_parent(self) -> None:
        """After a fork, leave the parent's values alone for good."""
        if self._pid != os.getpid():
            self._finish()
            self._last = None
            self._begin()

    def _drop_closed(self) -> None:
        if self._last is not None and self._last[0].is_closed():
            self._last = None
        _drop_closed(self._entries, self._drop)


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError as error:
        raise ConfigurationError(
            "No asyncio event loop runs here, and this client needs one. Nothing was sent. Under trio or curio, call "
            "the blocking client AymaraAI in a thread (trio.to_thread.run_sync)."
        ) from error


def _finish(entries: _Entries[T], drop: Callable[[T], None], pid: int) -> None:
    """Let go of the values, in the process that made them; in a fork of it keep them."""
    if pid != os.getpid():
        # Their sockets and poll sets are shared: closing, or only collecting them here, would stall the parent.
        if entries:
            _keep_forever(entries)
        return
    _drop_closed(entries, drop)
    # The keepers know the entries; without this only the garbage collector would find them.
    entries.clear()


def _drop_closed(entries: _Entries[T], drop: Callable[[T], None]) -> None:
    """Close the values of closed loops; what they held complains when collected, of what is done right here."""
    values = [entry[0] for loop in list(entries) if loop.is_closed() and (entry := entries.pop(loop, None))]
    if not values:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        while values:
            drop(values.pop())
        gc.collect()


async def _keeper(
    value: T,
    close: Callable[[T], Awaitable[None]],
    entries: _Entries[T],
    loop: asyncio.AbstractEventLoop,
) -> AsyncGenerator[T, None]:
    try:
        yield value
    finally:
        entries.pop(loop, None)
        await close(value)


def _keep_forever(value: object) -> None:
    import ctypes

    # A module's globals are cleared at exit; only one reference too many keeps the finalizers from running then.
    _inherited.append(value)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
