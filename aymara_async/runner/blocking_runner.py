"""EvalRunner and run_suite_blocking: the blocking twins of ``AsyncEvalRunner`` and ``run_suite``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from aymara_async.client import AsyncAymaraAI
from aymara_async.portal.blocking import blocking
from aymara_async.portal.resource import BlockingResource
from aymara_async.runner.calling import Model
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.runner.suite import run_suite
from aymara_async.sync import AymaraAI, check_blocking_client, twin_of

P = ParamSpec("P")
T = TypeVar("T")


def _arguments_of(
    _: Callable[Concatenate[Any, Model, P], AsyncEvalRunner],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, AymaraAI, Model, P], None]]:
    """Give a constructor the arguments of another class, but for the client."""
    return twin_of(AsyncEvalRunner.__init__)


class EvalRunner(BlockingResource[AsyncEvalRunner]):
    """Run whole evals against a model, blocking; arguments and methods are those of ``AsyncEvalRunner``.

    The client is an ``AymaraAI``. A plain function as model may itself make blocking calls with that client; a
    coroutine function runs on the client's own event loop.
    """

    @_arguments_of(AsyncEvalRunner)
    def __init__(self, client: AymaraAI, model: Model, **settings: Any) -> None:
        check_blocking_client(client, "AsyncEvalRunner")
        super().__init__(AsyncEvalRunner(client._async, model, **settings), client._portal)

    run_eval: Final = blocking(AsyncEvalRunner.run_eval)
    start: Final = blocking(AsyncEvalRunner.start)
    resume: Final = blocking(AsyncEvalRunner.resume)


def _waiting(
    function: Callable[Concatenate[AsyncAymaraAI, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[AymaraAI, P], T]:
    """Make the blocking twin of a coroutine function whose first argument is the client."""

    @wraps(function)
    def wait(client: AymaraAI, /, *args: P.args, **kwargs: P.kwargs) -> T:
        check_blocking_client(client, function.__name__)
        return client._portal.call(function(client._async, *args, **kwargs))

    wait.__name__ = wait.__qualname__ = f"{function.__name__}_blocking"
    return wait


run_suite_blocking: Final = _waiting(run_suite)
"""Run every eval against every model, blocking; arguments and result are those of ``run_suite``, the client apart."""
