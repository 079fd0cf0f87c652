"""What can go wrong in a run of a whole eval, beyond what single calls and bulk scoring raise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aymara_async.errors import AymaraAIError

if TYPE_CHECKING:
    from aymara_async.models import EvalPrompt
    from aymara_async.runner.outcome import EvalOutcome


class ModelError(AymaraAIError):
    """The model under evaluation raised, did not answer in time, or answered with something that is no answer."""

    def __init__(self, message: str, *, prompt: EvalPrompt) -> None:
        super().__init__(message)
        self.prompt = prompt
        """The prompt that it was to answer."""


class NoThreadError(AymaraAIError, RuntimeError):
    """The system has no thread left for a call of the model, which was not asked."""


class NoPromptsError(AymaraAIError):
    """The eval holds no prompts, so that there is nothing to run."""

    def __init__(self, message: str, *, eval_uuid: str) -> None:
        super().__init__(message)
        self.eval_uuid = eval_uuid
        """The eval."""


class IncompleteSuiteError(AymaraAIError):
    """Some runs of a suite ended with an error; the others are complete."""

    def __init__(
        self,
        message: str,
        *,
        outcomes: Mapping[tuple[str, str], EvalOutcome],
        errors: Mapping[tuple[str, str], Exception],
    ) -> None:
        super().__init__(message)
        self.outcomes: dict[tuple[str, str], EvalOutcome] = dict(outcomes)
        """What is complete, by names of eval and model."""
        self.errors: dict[tuple[str, str], Exception] = dict(errors)
        """What went wrong, by names of eval and model."""
