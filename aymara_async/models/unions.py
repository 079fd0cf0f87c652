"""The unions of models that msgspec cannot tell apart, and which member a value is to become."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs
from msgspec import UnsetType

from aymara_async.models.instructions import (
    AgentInstructions,
    AIInstructions,
    ToolArray,
    ToolDict,
    Tools,
    ToolString,
    WorkflowInstructions,
)

Choose: TypeAlias = Callable[[object], type]
"""Tells the member that a value is to become; raises ``ValueError``."""

_TOOLS: dict[str, type] = {"array": ToolArray, "dict": ToolDict, "string": ToolString}


def _choose_tools(value: object) -> type:
    if not isinstance(value, dict) or "value" not in value:
        raise ValueError("Expected an object with the field `value`")
    tag = value.get("type")
    if tag is None:
        inner = value["value"]
        tag = "array" if isinstance(inner, list) else "string" if isinstance(inner, str) else "dict"
    if not isinstance(tag, str) or tag not in _TOOLS:
        raise ValueError(f"Expected `type` to be 'array', 'dict' or 'string', got {tag!r}")
    return _TOOLS[tag]


def _choose_instructions(value: object) -> type:
    if isinstance(value, str):
        return str
    if not isinstance(value, dict):
        raise ValueError(f"Expected a string or an object, got `{type(value).__name__}`")
    return WorkflowInstructions if "instructions" in value else AgentInstructions


_CHOICES: dict[frozenset[Any], Choose] = {
    frozenset(get_args(Tools)): _choose_tools,
    frozenset(get_args(AIInstructions)): _choose_instructions,
}


def choice_of(annotation: Any) -> Choose | None:
    """Return how a member is chosen, for a union in which msgspec cannot tell; it may also be null or left out."""
    if get_origin(annotation) not in (Union, UnionType):
        return None
    return _CHOICES.get(frozenset(get_args(annotation)) - {NoneType, UnsetType})


def beyond_text(annotation: Any) -> Any:
    """Return the union that is meant where msgspec is shown only the text of it; None elsewhere."""
    if get_origin(annotation) is not Annotated:
        return None
    return next((note for note in annotation.__metadata__ if choice_of(note)), None)


@cache
def parts(annotation: Any) -> frozenset[Any]:
    """Return all types that are in a type, at any depth, itself included."""
    found: set[Any] = set()
    left = [annotation]
    while left:
        part = left.pop()
        if isinstance(part, list):  # what a callable takes
            left += part
            continue
        if part in found:
            continue
        found.add(part)
        arguments = get_args(part)
        left += arguments[:1] if get_origin(part) is Annotated else arguments
        cls = get_origin(part) or part
        if isinstance(cls, type) and attrs.has(cls):
            left += get_type_hints(cls, include_extras=True).values()
    return frozenset(found)
