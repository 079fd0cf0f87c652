"""What came of an eval: every prompt with its answer, its score, or what went wrong."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from typing import Self

import attrs

from aymara_async.models import Eval, EvalPrompt, EvalResponse, EvalRunResult, FileReference, ScoredResponse
from aymara_async.record.percentages import percent
from aymara_async.record.tally import Standing, Tally, standing_of


@attrs.frozen(kw_only=True)
class AnswerError:
    """Why the model gave no answer."""

    type: str
    """Name of the exception's class, such as ``"ValueError"`` or ``"openai.RateLimitError"``."""
    message: str
    traceback: str
    """As Python prints it, with its causes."""

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Describe an exception, so that it can be kept."""
        kind = type(error)
        is_builtin = kind.__module__ == "builtins"
        return cls(
            type=kind.__qualname__ if is_builtin else f"{kind.__module__}.{kind.__qualname__}",
            message=str(error),
            traceback="".join(traceback.format_exception(error)),
        )


@attrs.define(kw_only=True)
class Exchange:
    """One turn: a prompt, the model's answer, and its score."""

    prompt: EvalPrompt
    response: EvalResponse | None = None
    """What was submitted; None where that has not come yet."""
    score: ScoredResponse | None = None
    """The result; None where the server rejected the response, or gave it no score."""
    error: AnswerError | None = None
    """Why the model gave no answer; the response then is a refusal or excluded from scoring."""
    rejection: str | None = None
    """Why the server did not take the response."""
    seconds: float | None = None
    """How long the model took, retries included."""

    @property
    def standing(self) -> Standing | None:
        """How the response stands; None where there is none that the server took."""
        if self.score is not None:
            return standing_of(self.score)
        return None if self.response is None or self.rejection is not None else Standing.UNSCORED

    @property
    def is_passed(self) -> bool | None:
        """Whether it passed; None where it has no score that counts."""
        return {Standing.PASSED: True, Standing.FAILED: False}.get(self.standing) if self.standing else None


@attrs.frozen(kw_only=True, repr=False)
class EvalOutcome:
    """A whole eval, answered and scored; each of its prompts is in it."""

    eval: Eval
    run: EvalRunResult
    """The run that holds the scores."""
    threads: Sequence[Sequence[Exchange]]
    """The conversations, turn by turn, in the order of the eval's prompts; of your own ones in yours."""

    @property
    def exchanges(self) -> list[Exchange]:
        """All turns of all conversations."""
        return [exchange for thread in self.threads for exchange in thread]

    @property
    def prompts(self) -> list[EvalPrompt]:
        """All prompts, those of later turns included."""
        return [exchange.prompt for exchange in self.exchanges]

    @property
    def responses(self) -> list[ScoredResponse]:
        """All scored responses, in the order of the prompts."""
        return [exchange.score for exchange in self.exchanges if exchange.score is not None]

    @property
    def tally(self) -> Tally:
        """Count how the responses stand."""
        return _count(self.exchanges)

    @property
    def pass_rate(self) -> float | None:
        """Share of the verdicts that are "passed", 0.0 to 1.0; None where there is none."""
        return self.tally.pass_rate

    @property
    def categories(self) -> dict[str | None, Tally]:
        """Count by category."""
        by_category: dict[str | None, list[Exchange]] = {}
        for exchange in self.exchanges:
            by_category.setdefault(exchange.prompt.category, []).append(exchange)
        return {category: _count(exchanges) for category, exchanges in by_category.items()}

    @property
    def failing(self) -> list[Exchange]:
        """The turns that did not pass."""
        return [exchange for exchange in self.exchanges if exchange.is_passed is False]

    @property
    def errors(self) -> list[Exchange]:
        """The turns in which the model gave no answer, or whose response the server rejected."""
        return [exchange for exchange in self.exchanges if exchange.error or exchange.rejection]

    def __repr__(self) -> str:
        """Say how it went, errors too: with ``on_error="refuse"`` they count as refusals, which may pass."""
        rate = "no verdicts" if self.pass_rate is None else f"pass rate {percent(self.pass_rate)}"
        return (
            f"<EvalOutcome of eval {self.eval.eval_uuid}, run {self.run.eval_run_uuid}: {len(self.exchanges)} prompts, "
            f"{len(self.responses)} scored, {rate}, {len(self.errors)} errors>"
        )

    def transcript(self) -> str:
        """Write the conversations down, as text."""
        return "\n\n".join(
            "\n".join([f"# {number}", *(_turn(exchange) for exchange in thread)])
            for number, thread in enumerate(self.threads, 1)
        )


def in_order(threads: Sequence[Sequence[Exchange]], prompt_uuids: Iterable[str]) -> Sequence[Sequence[Exchange]]:
    """Put conversations in the order of their first prompts; others come last."""
    places = {uuid: place for place, uuid in enumerate(prompt_uuids)}
    return sorted(threads, key=lambda thread: places.get(thread[0].prompt.prompt_uuid, len(places)))


def _count(exchanges: Sequence[Exchange]) -> Tally:
    standings = [exchange.standing for exchange in exchanges]
    known = [standing for standing in standings if standing is not None]
    return Tally.of(known, unanswered=len(standings) - len(known))


def _turn(exchange: Exchange) -> str:
    verdict = {True: "passed", False: "failed", None: "no verdict"}[exchange.is_passed]
    return f"User: {exchange.prompt.content}\nAI: {_said(exchange)}\n[{verdict}]"


def _said(exchange: Exchange) -> str:
    if exchange.error is not None:
        return f"(no answer: {exchange.error.type}: {exchange.error.message})"
    response = exchange.response
    if response is None or response.ai_refused is True:
        return "(refused)"
    if isinstance(response.content, FileReference):
        return f"(file {response.content.file_uuid or response.content.remote_file_path})"
    return str(response.content)
