"""Kinds of eval that the API offers, and ready-made instructions for them."""

from __future__ import annotations

import attrs

from aymara_async.models.model import Model, model


@model
class EvalType(Model):
    """A kind of eval: what it tests, and which inputs it takes."""

    eval_type_uuid: str
    """Identifier of the eval type."""
    name: str
    """Name to show."""
    slug: str
    """Short name for use in requests, as in ``Eval.eval_type``, e.g. ``"safety"``."""
    description: str
    """What evals of this type test."""
    supported_modalities: list[str] = attrs.field(factory=lambda: ["text"])
    """Content types that its prompts and responses can have; ``["text"]`` where the server names none."""
    supported_generation_inputs: list[str]
    """Fields of an eval that its prompts can be generated from."""


@model
class AIInstruction(Model):
    """Ready-made instructions for evals of one type."""

    instruction_uuid: str
    """Identifier of the instructions."""
    name: str
    """Name to show."""
    content: str
    """The text of the instructions."""
    eval_type: str
    """The eval type that they are for."""
    language: str | None = None
    """Language code of the text, e.g. ``"en"``."""
