"""Responses of the AI under evaluation: as submitted, as scored, and as corrected by people."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from aymara_async.models.files import FileReference
from aymara_async.models.model import Model, Timestamp, model
from aymara_async.models.open_enums import ContentType
from aymara_async.models.prompts import EvalPrompt
from aymara_async.models.users import User


@model
class EvalResponse(Model):
    """One response of the AI to one prompt, as submitted for scoring."""

    prompt_uuid: str
    """Identifier of the prompt that was answered."""
    thread_uuid: str | UnsetType | None = UNSET
    """Identifier of the conversation, as in the prompt."""
    turn_number: int | UnsetType = UNSET
    """Its turn in the conversation, counted from 1 (server default 1)."""
    continue_thread: bool | UnsetType = UNSET
    """Whether to ask for a next prompt in this conversation (server default false)."""
    content: str | FileReference | UnsetType | None = UNSET
    """What the AI answered: text or a file."""
    content_type: ContentType | UnsetType = UNSET
    """What the content is: text, image or video (server default ``"text"``)."""
    exclude_from_scoring: bool | UnsetType = UNSET
    """Whether to keep the response without scoring it (server default false)."""
    ai_refused: bool | UnsetType = UNSET
    """Whether the AI refused to answer (server default false)."""


@model
class AnswerHistory(Model):
    """One correction of a score: what it was before, what it is after."""

    answer_history_uuid: str
    """Identifier of the entry."""
    updated_at: Timestamp
    """When the correction was made."""
    new_confidence: float | None = None
    """Confidence after the correction, 0.0 to 1.0."""
    new_explanation: str | None = None
    """Explanation after the correction."""
    new_is_passed: bool | None = None
    """Verdict after the correction."""
    previous_confidence: float | None = None
    """Confidence before the correction, 0.0 to 1.0."""
    previous_explanation: str | None = None
    """Explanation before the correction."""
    previous_is_passed: bool | None = None
    """Verdict before the correction."""
    updated_by: User | None = None
    """Who made the correction."""


@model
class ScoredResponse(Model):
    """One response of the AI with its score."""

    prompt_uuid: str
    """Identifier of the prompt that was answered."""
    thread_uuid: str | None = None
    """Identifier of the conversation."""
    turn_number: int = 1
    """Its turn in the conversation, counted from 1."""
    continue_thread: bool = False
    """Whether a next prompt was asked for."""
    content: str | FileReference | None = None
    """What the AI answered: text or a file."""
    content_type: ContentType = "text"
    """What the content is: text, image or video."""
    exclude_from_scoring: bool = False
    """Whether the response was kept without scoring it."""
    ai_refused: bool = False
    """Whether the AI refused to answer."""
    response_uuid: str | None = None
    """Identifier of the response."""
    explanation: str | None = None
    """Why it passed or failed."""
    confidence: float | None = None
    """How sure the verdict is, 0.0 to 1.0."""
    is_passed: bool | None = None
    """The verdict; None where the response has not been scored."""
    next_prompt: EvalPrompt | None = None
    """The prompt to answer next in this conversation, if it goes on."""
    manually_updated: bool | None = None
    """Whether a person corrected the score."""
    manually_updated_at: Timestamp | None = None
    """When a person last corrected the score."""
    manually_updated_by: User | None = None
    """Who last corrected the score."""
    update_history: list[AnswerHistory] | None = None
    """The corrections, where the server sends them along."""


@model
class AnswerUpdateRequest(Model):
    """A correction of a score (``evals.runs.update_response``). A field left out stays as it is."""

    confidence: float | UnsetType | None = UNSET
    """New confidence, 0.0 to 1.0."""
    explanation: str | UnsetType | None = UNSET
    """New explanation."""
    is_passed: bool | UnsetType | None = UNSET
    """New verdict."""
