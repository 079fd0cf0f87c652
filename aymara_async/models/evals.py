"""Evals: what is tested, and how."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from aymara_async.models.files import FileReference
from aymara_async.models.instructions import AIInstructions, AnsweredInstructions
from aymara_async.models.model import Model, Timestamp, model
from aymara_async.models.open_enums import ContentType, Status
from aymara_async.models.prompts import PromptCreate, PromptExample, PromptUpdate


@model
class Eval(Model):
    """An eval: the AI under evaluation, what to test it for, and the prompts to test it with."""

    eval_uuid: str | None = None
    """Identifier of the eval."""
    name: str | None = None
    """Name of the eval."""
    ai_description: str
    """Description of the AI under evaluation."""
    ai_instructions: AnsweredInstructions | None = None
    """What the AI was told to do: text, or the instructions of one agent or of a workflow of agents."""
    eval_type: str
    """What is tested, as the slug of an ``EvalType``: safety, accuracy, etc."""
    eval_instructions: str | None = None
    """More on how to generate prompts and to judge responses."""
    language: str | None = "en"
    """Language code of the prompts."""
    modality: ContentType = "text"
    """What the AI's responses are: text, image or video."""
    ground_truth: str | FileReference | None = None
    """What is true, to check accuracy against: text or a file."""
    num_prompts: int | None = 100
    """Number of prompts."""
    prompt_examples: list[PromptExample] | None = None
    """Examples that guide the generation of prompts."""
    is_jailbreak: bool = False
    """Whether the prompts try to make the AI break its rules."""
    is_sandbox: bool = False
    """Whether the eval lives in the API's sandbox, with made-up results."""
    workspace_uuid: str | None = None
    """Identifier of the workspace that the eval belongs to."""
    created_by: str | None = None
    """Name of the user who created it."""
    status: Status | None = None
    """How far the prompts are: created, processing, finished (they can be listed) or failed."""
    created_at: Timestamp | None = None
    """When the eval was created."""
    updated_at: Timestamp | None = None
    """When the eval was last changed."""


@model
class EvalCreate(Model):
    """A new eval (``evals.create``). Defaults are the server's: a field left out is not sent."""

    eval_uuid: str | UnsetType | None = UNSET
    """Identifier of the eval; the server gives one where left out."""
    name: str | UnsetType | None = UNSET
    """Name of the eval."""
    ai_description: str
    """Description of the AI under evaluation."""
    ai_instructions: AIInstructions | UnsetType | None = UNSET
    """What the AI was told to do: text, or the instructions of one agent or of a workflow of agents."""
    eval_type: str
    """What to test, as the slug of an ``EvalType``: safety, accuracy, etc."""
    eval_instructions: str | UnsetType | None = UNSET
    """More on how to generate prompts and to judge responses."""
    language: str | UnsetType | None = UNSET
    """Language code of the prompts (server default ``"en"``)."""
    modality: ContentType | UnsetType = UNSET
    """What the AI's responses are: text, image or video (server default ``"text"``)."""
    ground_truth: str | FileReference | UnsetType | None = UNSET
    """What is true, to check accuracy against: text or a file."""
    num_prompts: int | UnsetType | None = UNSET
    """Number of prompts to generate (server default 100)."""
    prompt_examples: list[PromptExample] | UnsetType | None = UNSET
    """Examples that guide the generation of prompts."""
    is_jailbreak: bool | UnsetType = UNSET
    """Whether the prompts shall try to make the AI break its rules (server default false)."""
    is_sandbox: bool | UnsetType = UNSET
    """Whether the eval shall live in the API's sandbox, with made-up results (server default false)."""
    workspace_uuid: str | UnsetType | None = UNSET
    """Identifier of the workspace that the eval will belong to."""
    created_by: str | UnsetType | None = UNSET
    """Name of the user who creates it; normally the server's to say."""
    status: Status | UnsetType | None = UNSET
    """Normally the server's to say."""
    created_at: Timestamp | UnsetType | None = UNSET
    """Normally the server's to say."""
    updated_at: Timestamp | UnsetType | None = UNSET
    """Normally the server's to say."""


@model
class EvalUpdate(Model):
    """Changes to an eval (``evals.update``). A field left out stays as it is."""

    name: str | UnsetType | None = UNSET
    """New name."""
    ai_description: str | UnsetType | None = UNSET
    """New description of the AI under evaluation."""
    ai_instructions: AIInstructions | UnsetType | None = UNSET
    """New instructions of the AI: text, or the instructions of one agent or of a workflow of agents."""
    eval_instructions: str | UnsetType | None = UNSET
    """New directions on how to generate prompts and to judge responses."""
    ground_truth: str | FileReference | UnsetType | None = UNSET
    """New ground truth: text or a file."""
    prompt_creates: list[PromptCreate] | UnsetType | None = UNSET
    """Prompts to add. A call that carries them must not be repeated blindly: each time they are added again."""
    prompt_updates: list[PromptUpdate] | UnsetType | None = UNSET
    """Prompts to change or to delete."""
