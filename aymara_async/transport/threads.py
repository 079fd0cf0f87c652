"""Work that would hold up the loop, in threads that hold up nothing when the process ends."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")


def start_in_thread(work: Callable[[], T], name: str = "aymara-async work") -> asyncio.Future[T]:
    """Run a function in a new daemon thread, in this context; raises ``RuntimeError`` where no thread can be had.

    Once the main thread has ended, the loop's own executor takes nothing more; and the process waits for its threads.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def run() -> None:
        outcome: Callable[[], None]
        result: T | None = None
        try:
            result = context.run(work)
            outcome = _result_of(done, result)
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            outcome = _error_of(done, error)
        try:
            loop.call_soon_threadsafe(outcome)
        except RuntimeError:  # the loop has ended, and with it who waited
            if isinstance(result, Coroutine):
                result.close()

    threading.Thread(target=run, name=name, daemon=True).start()
    return done


def in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """Run a function in a new daemon thread, or right here where no thread can be had any more."""
    try:
        return start_in_thread(work)
    except RuntimeError:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            _result_of(done, work())()
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            _error_of(done, error)()
        return done


def _result_of(done: asyncio.Future[T], result: T) -> Callable[[], None]:
    return lambda: None if done.done() else done.set_result(result)


def _error_of(done: asyncio.Future[T], error: BaseException) -> Callable[[], None]:
    # A future cannot carry a StopIteration.
    told = RuntimeError("StopIteration was raised") if isinstance(error, StopIteration) else error
    return lambda: None if done.done() else done.set_exception(told)
