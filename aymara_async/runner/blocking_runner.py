"""EvalRunner: the blocking twin of ``AsyncEvalRunner``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

from aymara_async.errors import RequestValidationError
from aymara_async.portal.blocking import blocking
from aymara_async.portal.resource import BlockingResource
from aymara_async.runner.calling import Model
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sync import AymaraAI

P = ParamSpec("P")


def _arguments_of(
    _: Callable[Concatenate[Any, Model, P], AsyncEvalRunner],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, AymaraAI, Model, P], None]]:
    """Give a constructor the arguments of another class, but for the client."""
    return wraps(AsyncEvalRunner.__init__)


class EvalRunner(BlockingResource[AsyncEvalRunner]):
    """Run whole evals against a model, blocking; arguments and methods are those of ``AsyncEvalRunner``.

    The client is an ``AymaraAI``. A plain function as model may itself make blocking calls with that client; a
    coroutine function runs on the client's own event loop.
    """

    @_arguments_of(AsyncEvalRunner)
    def __init__(self, client: AymaraAI, model: Model, **settings: Any) -> None:
        if not isinstance(client, AymaraAI):
            raise RequestValidationError(
                f"client must be an AymaraAI, not {client!r}; with an AsyncAymaraAI use AsyncEvalRunner. Nothing was "
                "sent.",
                path="client",
            )
        super().__init__(AsyncEvalRunner(client._async, model, **settings), client._portal)

    run_eval: Final = blocking(AsyncEvalRunner.run_eval)
    start: Final = blocking(AsyncEvalRunner.start)
    resume: Final = blocking(AsyncEvalRunner.resume)
