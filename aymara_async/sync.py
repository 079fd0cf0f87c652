"""AymaraAI: the same tree as ``AsyncAymaraAI``, blocking; one line per method."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, Final, NoReturn, ParamSpec, Protocol, Self, TypeVar

from aymara_async.client import AsyncAymaraAI, AsyncAymaraAIWithRawResponse
from aymara_async.errors import RequestValidationError
from aymara_async.portal.blocking import BlockingMethod, blocking
from aymara_async.portal.portal import Portal
from aymara_async.portal.resource import BlockingResource, Nested
from aymara_async.resources.eval_types import AsyncEvalTypes, AsyncEvalTypesWithRawResponse
from aymara_async.resources.evals import AsyncEvals, AsyncEvalsWithRawResponse
from aymara_async.resources.files import AsyncFiles, AsyncFilesWithRawResponse
from aymara_async.resources.health import AsyncHealth, AsyncHealthWithRawResponse
from aymara_async.resources.reports import AsyncReports, AsyncReportsWithRawResponse
from aymara_async.resources.runs import AsyncRuns, AsyncRunsWithRawResponse

P = ParamSpec("P")
S = TypeVar("S", bound="AymaraAI")
T = TypeVar("T")


class HealthWithRawResponse(BlockingResource[AsyncHealthWithRawResponse]):
    """``health``, with whole responses."""

    check: Final = blocking(AsyncHealthWithRawResponse.check)


class Health(BlockingResource[AsyncHealth]):
    """Is the API there?"""

    with_raw_response: Final = Nested(HealthWithRawResponse)
    check: Final = blocking(AsyncHealth.check)


class RunsWithRawResponse(BlockingResource[AsyncRunsWithRawResponse]):
    """``evals.runs``, with whole responses."""

    create: Final = blocking(AsyncRunsWithRawResponse.create)
    score_responses: Final = blocking(AsyncRunsWithRawResponse.score_responses)
    get: Final = blocking(AsyncRunsWithRawResponse.get)
    delete: Final = blocking(AsyncRunsWithRawResponse.delete)
    update_response: Final = blocking(AsyncRunsWithRawResponse.update_response)
    get_response_history: Final = blocking(AsyncRunsWithRawResponse.get_response_history)
    list_responses: Final = blocking(AsyncRunsWithRawResponse.list_responses)
    list: Final = blocking(AsyncRunsWithRawResponse.list)


class Runs(BlockingResource[AsyncRuns]):
    """Eval runs: answers to the prompts of an eval, and their scores."""

    with_raw_response: Final = Nested(RunsWithRawResponse)
    create: Final = blocking(AsyncRuns.create)
    score_responses: Final = blocking(AsyncRuns.score_responses)
    get: Final = blocking(AsyncRuns.get)
    delete: Final = blocking(AsyncRuns.delete)
    update_response: Final = blocking(AsyncRuns.update_response)
    wait: Final = blocking(AsyncRuns.wait)
    list_responses: Final = blocking(AsyncRuns.list_responses)
    get_response_history: Final = blocking(AsyncRuns.get_response_history)
    list: Final = blocking(AsyncRuns.list)


class EvalsWithRawResponse(BlockingResource[AsyncEvalsWithRawResponse]):
    """``evals``, with whole responses."""

    create: Final = blocking(AsyncEvalsWithRawResponse.create)
    get: Final = blocking(AsyncEvalsWithRawResponse.get)
    update: Final = blocking(AsyncEvalsWithRawResponse.update)
    delete: Final = blocking(AsyncEvalsWithRawResponse.delete)
    analyze: Final = blocking(AsyncEvalsWithRawResponse.analyze)
    list_prompts: Final = blocking(AsyncEvalsWithRawResponse.list_prompts)
    list: Final = blocking(AsyncEvalsWithRawResponse.list)
    runs: Final = Nested(RunsWithRawResponse)


class Evals(BlockingResource[AsyncEvals]):
    """Evals: what is tested, and with which prompts."""

    with_raw_response: Final = Nested(EvalsWithRawResponse)
    runs: Final = Nested(Runs)
    create: Final = blocking(AsyncEvals.create)
    get: Final = blocking(AsyncEvals.get)
    update: Final = blocking(AsyncEvals.update)
    delete: Final = blocking(AsyncEvals.delete)
    analyze: Final = blocking(AsyncEvals.analyze)
    wait: Final = blocking(AsyncEvals.wait)
    list_prompts: Final = blocking(AsyncEvals.list_prompts)
    list: Final = blocking(AsyncEvals.list)


class EvalTypesWithRawResponse(BlockingResource[AsyncEvalTypesWithRawResponse]):
    """``eval_types``, with whole responses."""

    get: Final = blocking(AsyncEvalTypesWithRawResponse.get)
    find_instructions: Final = blocking(AsyncEvalTypesWithRawResponse.find_instructions)
    list_instructions: Final = blocking(AsyncEvalTypesWithRawResponse.list_instructions)
    list: Final = blocking(AsyncEvalTypesWithRawResponse.list)


class EvalTypes(BlockingResource[AsyncEvalTypes]):
    """Kinds of eval that the API offers, and ready-made instructions for them."""

    with_raw_response: Final = Nested(EvalTypesWithRawResponse)
    get: Final = blocking(AsyncEvalTypes.get)
    list: Final = blocking(AsyncEvalTypes.list)
    find_instructions: Final = blocking(AsyncEvalTypes.find_instructions)
    list_instructions: Final = blocking(AsyncEvalTypes.list_instructions)


class ReportsWithRawResponse(BlockingResource[AsyncReportsWithRawResponse]):
    """``reports``, with whole responses."""

    create: Final = blocking(AsyncReportsWithRawResponse.create)
    get: Final = blocking(AsyncReportsWithRawResponse.get)
    delete: Final = blocking(AsyncReportsWithRawResponse.delete)
    list: Final = blocking(AsyncReportsWithRawResponse.list)


class Reports(BlockingResource[AsyncReports]):
    """Suite reports: what several eval runs say together."""

    with_raw_response: Final = Nested(ReportsWithRawResponse)
    create: Final = blocking(AsyncReports.create)
    get: Final = blocking(AsyncReports.get)
    delete: Final = blocking(AsyncReports.delete)
    wait: Final = blocking(AsyncReports.wait)
    list: Final = blocking(AsyncReports.list)


class FilesWithRawResponse(BlockingResource[AsyncFilesWithRawResponse]):
    """``files``, with whole responses."""

    create: Final = blocking(AsyncFilesWithRawResponse.create)
    upload: Final = blocking(AsyncFilesWithRawResponse.upload)
    get: Final = blocking(AsyncFilesWithRawResponse.get)
    get_frames: Final = blocking(AsyncFilesWithRawResponse.get_frames)
    get_status: Final = blocking(AsyncFilesWithRawResponse.get_status)
    delete: Final = blocking(AsyncFilesWithRawResponse.delete)
    list: Final = blocking(AsyncFilesWithRawResponse.list)


class Files(BlockingResource[AsyncFiles]):
    """Files that evals and responses refer to."""

    with_raw_response: Final = Nested(FilesWithRawResponse)
    create: Final = blocking(AsyncFiles.create)
    upload: Final = blocking(AsyncFiles.upload)
    put_presigned: Final = blocking(AsyncFiles.put_presigned)
    upload_presigned: Final = blocking(AsyncFiles.upload_presigned)
    get: Final = blocking(AsyncFiles.get)
    get_frames: Final = blocking(AsyncFiles.get_frames)
    get_status: Final = blocking(AsyncFiles.get_status)
    delete: Final = blocking(AsyncFiles.delete)
    wait: Final = blocking(AsyncFiles.wait)
    list: Final = blocking(AsyncFiles.list)


class AymaraAIWithRawResponse(BlockingResource[AsyncAymaraAIWithRawResponse]):
    """The resources of a client, with methods that return the whole response."""

    health: Final = Nested(HealthWithRawResponse)
    evals: Final = Nested(EvalsWithRawResponse)
    eval_types: Final = Nested(EvalTypesWithRawResponse)
    reports: Final = Nested(ReportsWithRawResponse)
    files: Final = Nested(FilesWithRawResponse)


class ViewMethod(Protocol[P]):
    """A method that makes a view of a client."""

    def __get__(self, instance: S, owner: type[S], /) -> Callable[P, S]: ...


def _arguments_of(
    cls: Callable[P, AsyncAymaraAI],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, P], None]]:
    """Give a constructor the arguments of another class."""
    return wraps(cls.__init__)


def _view(method: Callable[Concatenate[AsyncAymaraAI, P], AsyncAymaraAI]) -> ViewMethod[P]:
    @wraps(method)
    def make(self: AymaraAI, /, *args: P.args, **kwargs: P.kwargs) -> AymaraAI:
        view = type(self).__new__(type(self))
        BlockingResource.__init__(view, method(self._async, *args, **kwargs), self._portal)
        return view

    return make  # type: ignore[return-value]  # a function is such a descriptor


def _verb(
    method: Callable[Concatenate[AsyncAymaraAI, P], Coroutine[Any, Any, T]],
) -> BlockingMethod[AsyncAymaraAI, P, T]:
    """Make the twin of a method whose result type its caller names; the overloads of ``blocking`` would guess at it."""
    return blocking(method)


class AymaraAI(BlockingResource[AsyncAymaraAI]):
    """Client of the Aymara AI v2 API, blocking; arguments and methods are those of ``AsyncAymaraAI``.

    It works in scripts, in notebooks, and from many threads at once. Use it as ``with AymaraAI() as client``, or call
    ``close()``; one that is forgotten is closed with the process.
    """

    @_arguments_of(AsyncAymaraAI)
    def __init__(self, **arguments: Any) -> None:
        client = AsyncAymaraAI(**arguments)
        super().__init__(client, Portal(client.close))

    health: Final = Nested(Health)
    evals: Final = Nested(Evals)
    eval_types: Final = Nested(EvalTypes)
    reports: Final = Nested(Reports)
    files: Final = Nested(Files)
    with_raw_response: Final = Nested(AymaraAIWithRawResponse)
    with_options: Final = _view(AsyncAymaraAI.with_options)
    copy: Final = with_options
    get: Final = _verb(AsyncAymaraAI.get)
    post: Final = _verb(AsyncAymaraAI.post)
    put: Final = _verb(AsyncAymaraAI.put)
    patch: Final = _verb(AsyncAymaraAI.patch)
    delete: Final = _verb(AsyncAymaraAI.delete)

    @property
    def base_url(self) -> str:
        """Where calls go."""
        return self._async.base_url

    @property
    def is_closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._portal.is_closed

    def close(self) -> None:
        """Close the connections and end the thread; calls that follow raise ``ClientClosedError``."""
        self._portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._async).replace("AsyncAymaraAI", type(self).__name__, 1)

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, memo: object) -> Self:
        return self.with_options()

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickle, (type(self), self._async)

    def __aenter__(self) -> NoReturn:
        raise TypeError("AymaraAI is blocking: write `with`, or use AsyncAymaraAI. Nothing was sent.")

    def __aexit__(self, *_: object) -> NoReturn:
        raise TypeError("AymaraAI is blocking: write `with`, or use AsyncAymaraAI.")


def twin_of(function: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let ``help()`` show a constructor as that of its async twin, with a blocking client."""
    signature = inspect.signature(function)
    client = signature.parameters["client"].replace(annotation=AymaraAI.__name__)
    shown = signature.replace(parameters=list({**signature.parameters, "client": client}.values()))

    def show(constructor: Callable[..., None]) -> Callable[..., None]:
        constructor = wraps(function)(constructor)
        constructor.__qualname__ = function.__qualname__.removeprefix("Async")
        constructor.__annotations__ = {**function.__annotations__, "client": client.annotation}
        constructor.__signature__ = shown  # type: ignore[attr-defined]  # see PEP 362
        return constructor

    return show


def check_blocking_client(client: object, instead: str) -> None:
    """See that a client is an ``AymaraAI``, else name what takes an ``AsyncAymaraAI``."""
    if not isinstance(client, AymaraAI):
        raise RequestValidationError(
            f"client must be an AymaraAI, not {client!r}; with an AsyncAymaraAI use {instead}. Nothing was sent.",
            path="client",
        )


def _unpickle(cls: type[AymaraAI], client: AsyncAymaraAI) -> AymaraAI:
    blocking_client = cls.__new__(cls)
    BlockingResource.__init__(blocking_client, client, Portal(client.close))
    return blocking_client
