"""Calling the model, so that what it raises, and how long it takes, stays its own affair.

A coroutine function runs on the loop; any other callable in a daemon thread of its own, since one that hangs must take
neither the place of others nor keep the process from ending.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import TypeAlias, cast

import attrs
from tenacity import AsyncRetrying, stop_after_attempt, wait_random_exponential

from aymara_async.errors import RequestValidationError
from aymara_async.models import EvalResponse, FileReference
from aymara_async.runner.errors import NoThreadError
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.transport.threads import start_in_thread

Answer: TypeAlias = str | bytes | os.PathLike[str] | FileReference | EvalResponse | None
"""Text; an image or a video as bytes, path or reference to an uploaded file; a ready response; None for a refusal."""
Model: TypeAlias = Callable[[ModelPrompt], Answer | Awaitable[Answer]]
"""The AI under evaluation; a plain function runs in a thread."""

GRACE = 1.0
"""Seconds that cancelled calls have to end before nobody waits for them any more."""


class AnswerTimeoutError(TimeoutError):
    """The model did not answer in the time allowed."""


class ModelEndedError(RuntimeError):
    """The model tried to end the program, or was cancelled from within."""


def retrying(retry: int | AsyncRetrying) -> AsyncRetrying:
    """Make the policy that a number of retries stands for: pauses with jitter, up to 20 s."""
    if isinstance(retry, AsyncRetrying):
        return retry.copy(reraise=True)
    pause = wait_random_exponential(multiplier=0.5, max=20)
    return AsyncRetrying(stop=stop_after_attempt(retry + 1), wait=pause, reraise=True)


@attrs.define(kw_only=True)
class ModelCaller:
    """Ask the model, each try at most ``timeout`` seconds."""

    model: Model
    timeout: float | None
    retry: AsyncRetrying
    _left: set[asyncio.Task[Answer]] = attrs.field(factory=set[asyncio.Task[Answer]])
    """Calls that nobody waits for any more."""

    async def ask(self, prompt: ModelPrompt) -> Answer:
        """Return the answer; raises whatever the model raises, and ``AnswerTimeoutError``."""
        try:
            return await self.retry.copy()(self._try, prompt)
        except Exception as error:
            error.__traceback__ = _inside_model(error.__traceback__)
            raise

    async def _try(self, prompt: ModelPrompt) -> Answer:
        task = asyncio.create_task(self._call(prompt))
        try:
            await asyncio.wait([task], timeout=self.timeout)
        finally:
            if not task.done():
                task.cancel()
                self._left.add(task)
            task.add_done_callback(self._forget)  # whoever is cancelled just then will not look at the result
        if not task.done():
            raise AnswerTimeoutError(f"The model did not answer within {self.timeout:g} s")
        if task.cancelled():
            raise ModelEndedError("The model's call was cancelled from within")
        return task.result()

    async def close(self) -> None:
        """Give calls that were cancelled the time to end."""
        if self._left:
            await asyncio.wait(self._left, timeout=GRACE)

    def _forget(self, task: asyncio.Task[Answer]) -> None:
        self._left.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not complain of it

    async def _call(self, prompt: ModelPrompt) -> Answer:
        try:
            if is_async(self.model):
                answer: object = self.model(prompt)
            else:
                answer = await _in_thread(partial(self.model, prompt))
            return cast(Answer, await answer if inspect.isawaitable(answer) else answer)
        except (Exception, asyncio.CancelledError):
            raise
        except BaseException as error:  # a task that raises it would end the loop
            raise ModelEndedError(f"The model tried to end the program with {error!r}") from error


def _inside_model(traceback: TracebackType | None) -> TracebackType | None:
    """Leave away the way to the model, through retries, tasks and threads, which tells nobody anything."""
    inside = traceback
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == __file__:
            inside = traceback.tb_next
        traceback = traceback.tb_next
    return inside


def check_signature(model: Model) -> None:
    """See that the model can be called with a prompt; raises ``RequestValidationError``."""
    if not callable(model):
        raise RequestValidationError(f"model must be a callable, not {model!r}. Nothing was sent.", path="model")
    try:
        signature = inspect.signature(model)
    except (ValueError, TypeError):  # some builtins do not tell
        return
    try:
        signature.bind("a prompt")
    except TypeError as error:
        raise RequestValidationError(
            f"model is called with the prompt as its only argument, which does not fit {signature}: {error}. Nothing "
            "was sent.",
            path="model",
        ) from error


def is_async(model: object) -> bool:
    """Tell whether a call gives an awaitable without doing the work."""
    while isinstance(model, partial):
        model = model.func
    return inspect.iscoroutinefunction(model) or inspect.iscoroutinefunction(getattr(model, "__call__", None))  # noqa: B004


def _in_thread(call: Callable[[], object]) -> asyncio.Future[object]:
    try:
        return start_in_thread(call, "aymara-async model")
    except RuntimeError as error:
        raise NoThreadError(
            f"No thread could be started to call the model ({error}), so it was not asked. The eval was stopped; what "
            "a journal holds is kept. Use a lower concurrency or an async model; a model that goes on after its "
            "timeout keeps its thread."
        ) from error
