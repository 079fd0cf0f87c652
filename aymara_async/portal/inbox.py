"""The way onto a loop's thread, for what other threads hand in."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable
from io import FileIO
from typing import Generic, TypeVar

T = TypeVar("T")

_RING = (1).to_bytes(8, sys.byteorder)


class Inbox(Generic[T]):
    """Let a loop take what any thread puts in, in the order in which it came.

    Where the system has event counters, one wakes the loop with a write and a read, which is quicker than
    ``call_soon_threadsafe``, whose loop reads its socket until that refuses.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[T], None]) -> None:
        """Raises ``OSError`` where no file may be opened any more; ``take`` runs on the loop, and must not raise."""
        self._loop = loop
        self._take = take
        self._items: deque[T] = deque()
        self._bell = _make_bell()
        if self._bell is not None:
            loop.add_reader(self._bell, self._take_all)

    def put(self, item: T) -> None:
        """Hand in an item, from any thread; raises ``RuntimeError`` once the inbox or its loop is closed."""
        if self._bell is None:
            self._loop.call_soon_threadsafe(self._take, item)
            return
        self._items.append(item)
        try:
            self._bell.write(_RING)
        except (OSError, ValueError) as error:
            raise RuntimeError("The inbox is closed") from error

    def close(self) -> None:
        """Take nothing more."""
        if self._bell is not None:
            self._bell.close()

    def _take_all(self) -> None:
        assert self._bell is not None
        self._bell.read(len(_RING))
        while self._items:
            self._take(self._items.popleft())


def _make_bell() -> FileIO | None:
    """Open an event counter, as a file that knows when it is closed, unlike a bare number that may be reused."""
    if sys.platform != "linux":
        return None
    return FileIO(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK), "r+")
