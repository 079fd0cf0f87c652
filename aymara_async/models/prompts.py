"""Prompts of an eval: the ones to answer, examples to generate from, and changes to them."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from aymara_async.models.model import Model, model
from aymara_async.models.open_enums import PromptAction, PromptExampleType


@model
class EvalPrompt(Model):
    """One prompt to put to the AI under evaluation; ``str(prompt)`` is its content."""

    prompt_uuid: str
    """Identifier of the prompt: give it back with the answer, in ``EvalResponse.prompt_uuid``."""
    thread_uuid: str | None = None
    """Identifier of the conversation that the prompt belongs to."""
    turn_number: int = 1
    """Its turn in the conversation, counted from 1."""
    content: str
    """What to say to the AI."""
    category: str | None = None
    """What the prompt is about, for grouping."""

    def __str__(self) -> str:
        return self.content


@model
class PromptExample(Model):
    """An example that guides the generation of an eval's prompts."""

    content: str
    """Text of the example prompt."""
    example_uuid: str | None = None
    """Identifier of the example, given by the server."""
    type: PromptExampleType = "good"
    """``"good"``: generate prompts like this one (the default); ``"bad"``: avoid such prompts."""
    explanation: str | None = None
    """Why the example is good or bad."""


@model
class PromptCreate(Model):
    """A prompt to add to an eval."""

    content: str
    """Text of the new prompt."""
    category: str | UnsetType | None = UNSET
    """What the new prompt is about, for grouping."""


@model
class PromptUpdate(Model):
    """A prompt of an eval to change or to delete."""

    prompt_uuid: str
    """Identifier of the prompt."""
    action: PromptAction | UnsetType = UNSET
    """``"update"`` or ``"delete"``."""
    content: str | UnsetType | None = UNSET
    """New text, for an update."""
    category: str | UnsetType | None = UNSET
    """New category, for an update."""
