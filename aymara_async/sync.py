"""AymaraAI: the same tree as ``AsyncAymaraAI``, blocking; one line per method."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar

from aymara_async.client import AsyncAymaraAI, AsyncAymaraAIWithRawResponse
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

    check = blocking(AsyncHealthWithRawResponse.check)


class Health(BlockingResource[AsyncHealth]):
    """Is the API there?"""

    with_raw_response = Nested(HealthWithRawResponse)
    check = blocking(AsyncHealth.check)


class RunsWithRawResponse(BlockingResource[AsyncRunsWithRawResponse]):
    """``evals.runs``, with whole responses."""

    create = blocking(AsyncRunsWithRawResponse.create)
    score_responses = blocking(AsyncRunsWithRawResponse.score_responses)
    get = blocking(AsyncRunsWithRawResponse.get)
    delete = blocking(AsyncRunsWithRawResponse.delete)
    update_response = blocking(AsyncRunsWithRawResponse.update_response)
    get_response_history = blocking(AsyncRunsWithRawResponse.get_response_history)
    list_responses = blocking(AsyncRunsWithRawResponse.list_responses)
    list = blocking(AsyncRunsWithRawResponse.list)


class Runs(BlockingResource[AsyncRuns]):
    """Eval runs: answers to the prompts of an eval, and their scores."""

    with_raw_response = Nested(RunsWithRawResponse)
    create = blocking(AsyncRuns.create)
    score_responses = blocking(AsyncRuns.score_responses)
    get = blocking(AsyncRuns.get)
    delete = blocking(AsyncRuns.delete)
    update_response = blocking(AsyncRuns.update_response)
    wait = blocking(AsyncRuns.wait)
    list_responses = blocking(AsyncRuns.list_responses)
    get_response_history = blocking(AsyncRuns.get_response_history)
    list = blocking(AsyncRuns.list)


class EvalsWithRawResponse(BlockingResource[AsyncEvalsWithRawResponse]):
    """``evals``, with whole responses."""

    create = blocking(AsyncEvalsWithRawResponse.create)
    get = blocking(AsyncEvalsWithRawResponse.get)
    update = blocking(AsyncEvalsWithRawResponse.update)
    delete = blocking(AsyncEvalsWithRawResponse.delete)
    analyze = blocking(AsyncEvalsWithRawResponse.analyze)
    list_prompts = blocking(AsyncEvalsWithRawResponse.list_prompts)
    list = blocking(AsyncEvalsWithRawResponse.list)
    runs = Nested(RunsWithRawResponse)


class Evals(BlockingResource[AsyncEvals]):
    """Evals: what is tested, and with which prompts."""

    with_raw_response = Nested(EvalsWithRawResponse)
    runs = Nested(Runs)
    create = blocking(AsyncEvals.create)
    get = blocking(AsyncEvals.get)
    update = blocking(AsyncEvals.update)
    delete = blocking(AsyncEvals.delete)
    analyze = blocking(AsyncEvals.analyze)
    wait = blocking(AsyncEvals.wait)
    list_prompts = blocking(AsyncEvals.list_prompts)
    list = blocking(AsyncEvals.list)


class EvalTypesWithRawResponse(BlockingResource[AsyncEvalTypesWithRawResponse]):
    """``eval_types``, with whole responses."""

    get = blocking(AsyncEvalTypesWithRawResponse.get)
    find_instructions = blocking(AsyncEvalTypesWithRawResponse.find_instructions)
    list_instructions = blocking(AsyncEvalTypesWithRawResponse.list_instructions)
    list = blocking(AsyncEvalTypesWithRawResponse.list)


class EvalTypes(BlockingResource[AsyncEvalTypes]):
    """Kinds of eval that the API offers, and ready-made instructions for them."""

    with_raw_response = Nested(EvalTypesWithRawResponse)
    get = blocking(AsyncEvalTypes.get)
    list = blocking(AsyncEvalTypes.list)
    find_instructions = blocking(AsyncEvalTypes.find_instructions)
    list_instructions = blocking(AsyncEvalTypes.list_instructions)


class ReportsWithRawResponse(BlockingResource[AsyncReportsWithRawResponse]):
    """``reports``, with whole responses."""

    create = blocking(AsyncReportsWithRawResponse.create)
    get = blocking(AsyncReportsWithRawResponse.get)
    delete = blocking(AsyncReportsWithRawResponse.delete)
    list = blocking(AsyncReportsWithRawResponse.list)


class Reports(BlockingResource[AsyncReports]):
    """Suite reports: what several eval runs say together."""

    with_raw_response = Nested(ReportsWithRawResponse)
    create = blocking(AsyncReports.create)
    get = blocking(AsyncReports.get)
    delete = blocking(AsyncReports.delete)
    wait = blocking(AsyncReports.wait)
    list = blocking(AsyncReports.list)


class FilesWithRawResponse(BlockingResource[AsyncFilesWithRawResponse]):
    """``files``, with whole responses."""

    create = blocking(AsyncFilesWithRawResponse.create)
    upload = blocking(AsyncFilesWithRawResponse.upload)
    get = blocking(AsyncFilesWithRawResponse.get)
    get_frames = blocking(AsyncFilesWithRawResponse.get_frames)
    get_status = blocking(AsyncFilesWithRawResponse.get_status)
    delete = blocking(AsyncFilesWithRawResponse.delete)
    list = blocking(AsyncFilesWithRawResponse.list)


class Files(BlockingResource[AsyncFiles]):
    """Files that evals and responses refer to."""

    with_raw_response = Nested(FilesWithRawResponse)
    create = blocking(AsyncFiles.create)
    upload = blocking(AsyncFiles.upload)
    put_presigned = blocking(AsyncFiles.put_presigned)
    upload_presigned = blocking(AsyncFiles.upload_presigned)
    get = blocking(AsyncFiles.get)
    get_frames = blocking(AsyncFiles.get_frames)
    get_status = blocking(AsyncFiles.get_status)
    delete = blocking(AsyncFiles.delete)
    wait = blocking(AsyncFiles.wait)
    list = blocking(AsyncFiles.list)


class AymaraAIWithRawResponse(BlockingResource[AsyncAymaraAIWithRawResponse]):
    """The resources of a client, with methods that return the whole response."""

    health = Nested(HealthWithRawResponse)
    evals = Nested(EvalsWithRawResponse)
    eval_types = Nested(EvalTypesWithRawResponse)
    reports = Nested(ReportsWithRawResponse)
    files = Nested(FilesWithRawResponse)


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

    health = Nested(Health)
    evals = Nested(Evals)
    eval_types = Nested(EvalTypes)
    reports = Nested(Reports)
    files = Nested(Files)
    with_raw_response = Nested(AymaraAIWithRawResponse)
    with_options = _view(AsyncAymaraAI.with_options)
    copy = with_options
    get = _verb(AsyncAymaraAI.get)
    post = _verb(AsyncAymaraAI.post)
    put = _verb(AsyncAymaraAI.put)
    patch = _verb(AsyncAymaraAI.patch)
    delete = _verb(AsyncAymaraAI.delete)

    @property
    def base_url(self) -> str:
        """Where calls go."""
        return self._async.base_url

    @property
    def is_closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._async.is_closed

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

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickle, (type(self), self._async)


def _unpickle(cls: type[AymaraAI], client: AsyncAymaraAI) -> AymaraAI:
    blocking_client = cls.__new__(cls)
    BlockingResource.__init__(blocking_client, client, Portal(client.close))
    return blocking_client
