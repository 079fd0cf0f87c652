"""Asyncio-first SDK for the Aymara AI v2 API.

``AsyncAymaraAI`` is the client for asyncio, ``AymaraAI`` the same for blocking code. Names are loaded on first use.
"""

from __future__ import annotations

# Checkers take this name for typing's, whose import would cost as much as all of this package; Jedi takes a plain False
# at its word, and completes nothing then.
TYPE_CHECKING = bool()  # noqa: UP018
if TYPE_CHECKING:
    from aymara_async.bulk.blocking import BulkScorer
    from aymara_async.bulk.errors import (
        AmbiguousRunError,
        BatchOutcomeUnknownError,
        InvalidResponseError,
        ScoredTwiceError,
        ServerBusyError,
    )
    from aymara_async.bulk.progress import BulkProgress
    from aymara_async.bulk.result import BulkResult
    from aymara_async.bulk.scorer import AsyncBulkScorer
    from aymara_async.client import AsyncAymaraAI
    from aymara_async.errors import (
        APIConnectionError,
        APIError,
        APIResponseValidationError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        AymaraAIError,
        BadRequestError,
        ClientClosedError,
        ConfigurationError,
        ConflictError,
        IncompleteScoringError,
        InternalServerError,
        JobFailedError,
        NotFoundError,
        OutcomeUnknownError,
        PaginationError,
        PermissionDeniedError,
        RateLimitError,
        RequestValidationError,
        UnprocessableEntityError,
        WaitError,
        WaitTimeoutError,
    )
    from aymara_async.journal.errors import JournalError
    from aymara_async.models import (
        AgentInstructions,
        AIInstruction,
        AnswerHistory,
        ContentType,
        Eval,
        EvalAnalyzeResponse,
        EvalPrompt,
        EvalResponse,
        EvalRunExample,
        EvalRunReport,
        EvalRunResult,
        EvalSuiteReport,
        EvalType,
        FileCreateResponse,
        FileDetail,
        FileFrames,
        FileReference,
        FileSource,
        FileStatus,
        FileUpload,
        PromptCreate,
        PromptExample,
        PromptUpdate,
        ScoredResponse,
        Status,
        Tool,
        ToolArray,
        ToolDict,
        ToolString,
        WorkflowInstructions,
    )
    from aymara_async.models.model import to_builtins
    from aymara_async.portal.pager import (
        BlockingPage,
        Pager,
    )
    from aymara_async.response import APIResponse
    from aymara_async.runner.blocking_runner import EvalRunner, run_suite_blocking
    from aymara_async.runner.errors import (
        IncompleteSuiteError,
        ModelError,
        NoPromptsError,
        NoThreadError,
    )
    from aymara_async.runner.handle import EvalHandle
    from aymara_async.runner.model_prompt import ModelPrompt
    from aymara_async.runner.outcome import (
        AnswerError,
        EvalOutcome,
        Exchange,
    )
    from aymara_async.runner.progress import EvalProgress
    from aymara_async.runner.runner import AsyncEvalRunner
    from aymara_async.runner.suite import (
        SuiteOutcome,
        run_suite,
    )
    from aymara_async.sync import AymaraAI
    from aymara_async.transport.options import RequestOptions
    from aymara_async.transport.pager import (
        AsyncPager,
        Page,
    )
    from aymara_async.transport.retry import RetryPolicy

    __version__: str

__all__ = [
    "AIInstruction",
    "APIConnectionError",
    "APIError",
    "APIResponse",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AgentInstructions",
    "AmbiguousRunError",
    "AnswerError",
    "AnswerHistory",
    "AsyncAymaraAI",
    "AsyncBulkScorer",
    "AsyncEvalRunner",
    "AsyncPager",
    "AuthenticationError",
    "AymaraAI",
    "AymaraAIError",
    "BadRequestError",
    "BatchOutcomeUnknownError",
    "BlockingPage",
    "BulkProgress",
    "BulkResult",
    "BulkScorer",
    "ClientClosedError",
    "ConfigurationError",
    "ConflictError",
    "ContentType",
    "Eval",
    "EvalAnalyzeResponse",
    "EvalHandle",
    "EvalOutcome",
    "EvalProgress",
    "EvalPrompt",
    "EvalResponse",
    "EvalRunExample",
    "EvalRunReport",
    "EvalRunResult",
    "EvalRunner",
    "EvalSuiteReport",
    "EvalType",
    "Exchange",
    "FileCreateResponse",
    "FileDetail",
    "FileFrames",
    "FileReference",
    "FileSource",
    "FileStatus",
    "FileUpload",
    "IncompleteScoringError",
    "IncompleteSuiteError",
    "InternalServerError",
    "InvalidResponseError",
    "JobFailedError",
    "JournalError",
    "ModelError",
    "ModelPrompt",
    "NoPromptsError",
    "NoThreadError",
    "NotFoundError",
    "OutcomeUnknownError",
    "Page",
    "Pager",
    "PaginationError",
    "PermissionDeniedError",
    "PromptCreate",
    "PromptExample",
    "PromptUpdate",
    "RateLimitError",
    "RequestOptions",
    "RequestValidationError",
    "RetryPolicy",
    "ScoredResponse",
    "ScoredTwiceError",
    "ServerBusyError",
    "Status",
    "SuiteOutcome",
    "Tool",
    "ToolArray",
    "ToolDict",
    "ToolString",
    "UnprocessableEntityError",
    "WaitError",
    "WaitTimeoutError",
    "WorkflowInstructions",
    "__version__",
    "run_suite",
    "run_suite_blocking",
    "to_builtins",
]

# From light to heavy, so that an exception's name does not load the client.
_HOMES = (
    "errors",
    "response",
    "models",
    "models.model",
    "transport.retry",
    "transport.options",
    "transport.pager",
    "client",
    "portal.pager",
    "sync",
    "journal.errors",
    "bulk.errors",
    "bulk.progress",
    "bulk.result",
    "bulk.scorer",
    "bulk.blocking",
    "runner.errors",
    "runner.progress",
    "runner.outcome",
    "runner.model_prompt",
    "runner.handle",
    "runner.suite",
    "runner.runner",
    "runner.blocking_runner",
)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from aymara_async.version import version_of

        value: object = version_of("aymara-async")
    elif name in __all__:
        from importlib import import_module

        homes = (import_module(f"{__name__}.{home}") for home in _HOMES)
        value = next(getattr(home, name) for home in homes if hasattr(home, name))
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
