"""What the package exports is what its reference lists, under the official names, with a docstring each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import aymara_async

REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"

# fmt: off
OFFICIAL = {
    "AymaraAI", "AsyncAymaraAI", "AIInstruction", "AgentInstructions", "AnswerHistory", "Eval",
    "EvalAnalyzeResponse", "EvalPrompt", "EvalResponse", "EvalRunExample", "EvalRunReport", "EvalRunResult",
    "EvalSuiteReport", "EvalType", "FileCreateResponse", "FileDetail", "FileFrames", "FileReference",
    "FileStatus", "FileUpload", "PromptExample", "ScoredResponse", "Status", "ContentType", "Tool",
    "ToolArray", "ToolDict", "ToolString", "WorkflowInstructions", "AymaraAIError", "APIError",
    "APIConnectionError", "APITimeoutError", "APIResponseValidationError", "APIStatusError",
    "BadRequestError", "AuthenticationError", "PermissionDeniedError", "NotFoundError", "ConflictError",
    "UnprocessableEntityError", "RateLimitError", "InternalServerError", "APIResponse",
}
"""Names that code written for aymara-ai-sdk imports."""
# fmt: on


def public_classes() -> Iterator[tuple[str, type]]:
    for name in aymara_async.__all__:
        value = getattr(aymara_async, name)
        if inspect.isclass(value):
            yield name, value


def test_official_names_are_exported() -> None:
    assert set(aymara_async.__all__) >= OFFICIAL


def test_exported_names_are_sorted_and_resolve() -> None:
    names = list(aymara_async.__all__)
    assert names == sorted(names)
    assert all(hasattr(aymara_async, name) for name in names)
    assert set(names) <= set(dir(aymara_async))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        aymara_async.no_such_name  # noqa: B018  # type: ignore[attr-defined]  # that is the point


def test_reference_lists_exactly_the_exported_names() -> None:
    documented = set(re.findall(r"^::: aymara_async\.(\w+)$", REFERENCE.read_text(), flags=re.MULTILINE))
    assert documented == {name for name in aymara_async.__all__ if not name.startswith("__")}


def test_every_public_class_and_method_has_a_docstring() -> None:
    missing = []
    for name, cls in public_classes():
        if not (cls.__dict__.get("__doc__") or "").strip():
            missing.append(name)
        for member, value in inspect.getmembers(cls):
            is_ours = (getattr(value, "__module__", None) or "aymara_async").startswith("aymara_async")
            is_callable = inspect.isroutine(value) or isinstance(value, property)
            if not member.startswith("_") and is_callable and is_ours and not (inspect.getdoc(value) or "").strip():
                missing.append(f"{name}.{member}")
    assert not missing


def test_every_model_field_has_a_docstring() -> None:
    """A string stands under each field of each exported model."""
    missing = []
    for name, cls in public_classes():
        if hasattr(cls, "__attrs_attrs__") and cls.__module__.startswith("aymara_async.models"):
            source = inspect.getsource(cls)
            fields = [field.name for field in cls.__attrs_attrs__]
            missing += [
                f"{name}.{field}"
                for field in fields
                if not re.search(rf"^    {field}: .*\n    \"\"\"", source, re.MULTILINE)
            ]
    assert not missing
