"""How a runner works: its settings, checked once, and the same as keyword arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, TypedDict

import attrs
from tenacity import AsyncRetrying

from aymara_async.errors import RequestValidationError
from aymara_async.runner.progress import EvalProgress

OnError: TypeAlias = Literal["raise", "refuse", "exclude"]


class RunnerOptions(TypedDict, total=False):
    """Keyword arguments of ``AsyncEvalRunner``, which tells what they mean; but for ``concurrency``."""

    turns: int
    on_error: OnError
    timeout: float | None
    retry: int | AsyncRetrying
    wait_timeout: float | None
    batch_size: int
    scoring_concurrency: int
    workspace_uuid: str | None
    is_sandbox: bool | None
    ai_description: str | None
    grace_period: float
    run_key: str | None
    progress: bool | Callable[[EvalProgress], None]


@attrs.frozen(kw_only=True)
class RunnerSettings:
    """What ``AsyncEvalRunner`` was told; raises ``RequestValidationError`` where that makes no sense."""

    concurrency: int
    turns: int
    on_error: OnError
    timeout: float | None
    retry: int | AsyncRetrying
    wait_timeout: float | None
    batch_size: int
    scoring_concurrency: int
    workspace_uuid: str | None
    is_sandbox: bool | None
    ai_description: str | None
    grace_period: float
    run_key: str | None
    progress: bool | Callable[[EvalProgress], None]

    def __attrs_post_init__(self) -> None:
        for name in ("concurrency", "turns", "batch_size", "scoring_concurrency"):
            self._require(name, "a whole number of at least 1", lambda value: _is_count(value, 1))
        self._require("on_error", '"raise", "refuse" or "exclude"', ("raise", "refuse", "exclude").__contains__)
        for name in ("timeout", "wait_timeout"):
            self._require(name, "seconds above 0, or None", lambda value: value is None or _seconds(value) > 0)
        self._require("grace_period", "seconds, at least 0", lambda value: _seconds(value) >= 0)
        self._require(
            "run_key", "a non-empty string", lambda value: value is None or (isinstance(value, str) and value != "")
        )
        self._require("retry", "a whole number of at least 0, or a tenacity.AsyncRetrying", _is_retry)
        self._require("progress", "True, False or a callable", lambda value: isinstance(value, bool) or callable(value))

    def _require(self, name: str, what: str, is_met: Callable[[object], bool]) -> None:
        value: object = getattr(self, name)
        if not is_met(value):
            raise RequestValidationError(f"{name} must be {what}, not {value!r}. Nothing was sent.", path=name)


def _is_count(value: object, at_least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= at_least


def _is_retry(value: object) -> bool:
    return isinstance(value, AsyncRetrying) or _is_count(value, 0)


def _seconds(value: object) -> float:
    """Return a number of seconds, or one that no test lets pass."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
