"""What can go wrong in bulk scoring, beyond what single calls raise."""

from __future__ import annotations

from collections.abc import Sequence

from aymara_async.errors import AymaraAIError, OutcomeUnknownError, RequestValidationError


class InvalidResponseError(RequestValidationError):
    """A response in the input cannot be scored; it was not sent."""

    def __init__(
        self, message: str, *, row: int, reason: str, path: str | None = None, is_changed: bool = False
    ) -> None:
        super().__init__(message, path=path)
        self.row = row
        """Which response of the input, counted from 1; in a JSON Lines file, the line."""
        self.reason = reason
        """What is wrong with it."""
        self.is_changed = is_changed
        """Whether an earlier job sent another response to the same turn with this journal."""


class ServerBusyError(AymaraAIError):
    """The server wants no requests for longer than the job has patience."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds after which it wants to be asked again."""


class BatchOutcomeUnknownError(OutcomeUnknownError):
    """A batch was sent, no answer came, and the server cannot tell what became of it."""

    def __init__(
        self, message: str, *, batch: str, run_name: str, eval_run_uuids: Sequence[str], prompt_uuids: Sequence[str]
    ) -> None:
        super().__init__(message, method="POST", is_retryable=False)
        self.batch = batch
        """Which batch, with the rows it holds."""
        self.run_name = run_name
        """Name of the run that it was sent to, for ``evals.runs.list``."""
        self.eval_run_uuids: list[str] = list(eval_run_uuids)
        """Runs of that name, as far as known."""
        self.prompt_uuids: list[str] = list(prompt_uuids)
        """Prompts whose responses are in doubt."""


class AmbiguousRunError(AymaraAIError):
    """The server has several runs of the name that this job was to go on with."""

    def __init__(self, message: str, *, run_name: str, eval_run_uuids: Sequence[str]) -> None:
        super().__init__(message)
        self.run_name = run_name
        """Their name."""
        self.eval_run_uuids: list[str] = list(eval_run_uuids)
        """Which runs have it."""


class ScoredTwiceError(AymaraAIError):
    """The server lists more responses to a prompt than were to be scored; the message tells why, as far as known."""

    def __init__(self, message: str, *, eval_run_uuids: Sequence[str], prompt_uuids: Sequence[str]) -> None:
        super().__init__(message)
        self.eval_run_uuids: list[str] = list(eval_run_uuids)
        """The runs that hold them."""
        self.prompt_uuids: list[str] = list(prompt_uuids)
        """Prompts with a result too many, as far as known."""
