"""Running a command's coroutine so that Ctrl-C stops it in an orderly way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


def run_interruptibly(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine, which Ctrl-C cancels between two steps of its loop; raises ``KeyboardInterrupt`` then.

    ``asyncio.run`` by itself cancels amid whatever step is under way, of which asyncio's own may complain on stderr.
    """
    is_interrupted = False

    async def watched() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def interrupt() -> None:
            nonlocal is_interrupted
            is_interrupted = True
            loop.remove_signal_handler(signal.SIGINT)  # a second Ctrl-C is not to wait for anything
            if task is not None:
                task.cancel()

        with suppress(NotImplementedError, RuntimeError, ValueError):  # on Windows, and beside the main thread
            loop.add_signal_handler(signal.SIGINT, interrupt)
        return await main

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError:
        if is_interrupted:
            raise KeyboardInterrupt from None
        raise
