"""Eval runs: responses of an AI to an eval's prompts, scored together."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from aymara_async.models.evals import Eval
from aymara_async.models.model import Model, Timestamp, model
from aymara_async.models.open_enums import EvalRunExampleType, Status
from aymara_async.models.responses import EvalResponse, ScoredResponse


@model
class EvalRunExample(Model):
    """An example that shows the scorer what passes and what fails."""

    example_uuid: str | None = None
    """Identifier of the example, given by the server."""
    type: EvalRunExampleType
    """``"pass"`` or ``"fail"``: the verdict that the response deserves."""
    prompt: str
    """Text of the prompt."""
    response: str
    """Text of the response."""
    explanation: str | None = None
    """Why it passes or fails."""


@model
class EvalRunRequest(Model):
    """Responses to score (``evals.runs.create``, ``evals.runs.score_responses``)."""

    eval_uuid: str
    """Identifier of the eval whose prompts were answered."""
    eval_run_uuid: str | UnsetType | None = UNSET
    """Identifier of a run to go on with; a new run where left out."""
    name: str | UnsetType | None = UNSET
    """Name of the run (server default: the eval's name and the time)."""
    ai_description: str | UnsetType | None = UNSET
    """Description of the AI in this run, if it differs from the eval's."""
    continue_thread: bool | UnsetType | None = UNSET
    """Whether to ask for a next prompt in each conversation (server default false)."""
    eval_run_examples: list[EvalRunExample] | UnsetType | None = UNSET
    """Examples that show the scorer what passes and what fails."""
    responses: list[EvalResponse]
    """The responses."""


@model
class EvalRunResult(Model):
    """An eval run: how far it is, and its scores."""

    eval_run_uuid: str
    """Identifier of the run."""
    eval_uuid: str
    """Identifier of the eval."""
    name: str | None = None
    """Name of the run."""
    status: Status
    """How far the scoring is: created, processing, finished or failed."""
    created_at: Timestamp
    """When the run was created."""
    updated_at: Timestamp
    """When the run was last changed."""
    evaluation: Eval | None = None
    """The eval, where the server sends it along."""
    ai_description: str | None = None
    """Description of the AI in this run."""
    workspace_uuid: str | None = None
    """Identifier of the workspace that the run belongs to."""
    is_sandbox: bool | None = None
    """Whether the run lives in the API's sandbox, with made-up results."""
    pass_rate: float | None = None
    """Share of the scored responses that passed, 0.0 to 1.0."""
    num_prompts: int | None = None
    """Number of prompts in the run."""
    num_responses_scored: int | None = None
    """Number of responses scored so far."""
    eval_run_examples: list[EvalRunExample] | None = None
    """Examples that the scorer was shown."""
    responses: list[ScoredResponse] | None = None
    """The scored responses, where the server sends them along; list them for all."""
