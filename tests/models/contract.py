"""The contract beside the models: which class stands for which schema."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import yaml
from msgspec import UnsetType

from aymara_async.models import (
    AgentInstructions,
    AIInstruction,
    AnswerHistory,
    AnswerUpdateRequest,
    ErrorBody,
    Eval,
    EvalAnalysisRequest,
    EvalAnalyzeResponse,
    EvalCreate,
    EvalPrompt,
    EvalResponse,
    EvalRunExample,
    EvalRunReport,
    EvalRunRequest,
    EvalRunResult,
    EvalSuiteReport,
    EvalSuiteReportRequest,
    EvalType,
    EvalUpdate,
    FileCreateResponse,
    FileDetail,
    FileFrames,
    FileReference,
    FileSource,
    FileStatus,
    FileUpload,
    FileUploadRequest,
    ItemList,
    Model,
    PromptCreate,
    PromptExample,
    PromptUpdate,
    ScoredResponse,
    Tool,
    User,
    WorkflowInstructions,
)
from aymara_async.transport.codec import decoder

Schema = dict[str, Any]

CONTRACT: Schema = yaml.safe_load((Path(__file__).parents[1] / "contract" / "openapi.yaml").read_text())
SCHEMAS: dict[str, Schema] = CONTRACT["components"]["schemas"]
REPORT_REQUEST: Schema = CONTRACT["paths"]["/v2/eval-reports"]["post"]["requestBody"]["content"]["application/json"][
    "schema"
]

CLASSES: dict[str, type[Model]] = {
    "APIError": ErrorBody,
    "FileReference": FileReference,
    "Tool": Tool,
    "AgentInstructions": AgentInstructions,
    "WorkflowInstructions": WorkflowInstructions,
    "PromptExample": PromptExample,
    "Eval": Eval,
    "EvalUpdate": EvalUpdate,
    "EvalPrompt": EvalPrompt,
    "EvalResponse": EvalResponse,
    "EvalRunExample": EvalRunExample,
    "EvalRunRequest": EvalRunRequest,
    "User": User,
    "AnswerUpdateRequest": AnswerUpdateRequest,
    "AnswerHistory": AnswerHistory,
    "ScoredResponse": ScoredResponse,
    "EvalRunResult": EvalRunResult,
    "EvalAnalysisRequest": EvalAnalysisRequest,
    "EvalAnalysis": EvalAnalyzeResponse,
    "EvalType": EvalType,
    "AIInstruction": AIInstruction,
    "EvalRunReport": EvalRunReport,
    "EvalSuiteReport": EvalSuiteReport,
    "FileUploadRequest": FileUploadRequest,
    "FileUpload": FileUpload,
    "FileUploadResponse": FileCreateResponse,
    "FileDetail": FileDetail,
    "FileFrames": FileFrames,
    "FileStatus": FileStatus,
    "PageEval": ItemList[Eval],
    "PageEvalPrompt": ItemList[EvalPrompt],
    "PageEvalRunResult": ItemList[EvalRunResult],
    "PageScoredResponse": ItemList[ScoredResponse],
    "PageEvalType": ItemList[EvalType],
    "PageAIInstruction": ItemList[AIInstruction],
    "PageEvalSuiteReport": ItemList[EvalSuiteReport],
    "PageFileDetail": ItemList[FileDetail],
}
"""The class for each schema that is an object."""

ONLY_SENT: frozenset[type] = frozenset(
    {
        AnswerUpdateRequest,
        EvalAnalysisRequest,
        EvalCreate,
        EvalResponse,
        EvalRunRequest,
        EvalSuiteReportRequest,
        EvalUpdate,
        FileSource,
        FileUploadRequest,
        PromptCreate,
        PromptUpdate,
    }
)
"""Classes whose fields are left out of the JSON unless they are given."""


def resolve(schema: Schema) -> Schema:
    """Follow references."""
    while "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].removeprefix("#/components/schemas/")]
    return schema


def alternatives(schema: Schema) -> list[Schema]:
    """List what a value may be, references followed, each alternative with one type at most."""
    schema = resolve(schema)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return [inner for member in schema[key] for inner in alternatives(member)]
    if not isinstance(schema.get("type"), list):
        return [schema]
    if "enum" in schema:
        schema = schema | {"enum": [value for value in schema["enum"] if value is not None]}
    return [{"type": kind} if kind == "null" else schema | {"type": kind} for kind in schema["type"]]


def members(annotation: Any) -> list[Any]:
    """List the types of what a field may hold, in the order of its annotation."""
    if get_origin(annotation) in (Union, UnionType):
        return [inner for member in get_args(annotation) for inner in members(member)]
    meant = next((note for note in getattr(annotation, "__metadata__", ()) if isinstance(note, UnionType)), None)
    return members(meant) if meant else [annotation] * (annotation is not UnsetType)


def field_types(cls: Any) -> dict[str, Any]:
    """Map the fields of a model to their types."""
    hints = get_type_hints(get_origin(cls) or cls, include_extras=True)
    return {name: hint[get_args(cls)] if getattr(hint, "__parameters__", ()) else hint for name, hint in hints.items()}


def _walk(schema: Schema, annotation: Any) -> Iterator[tuple[type, Schema]]:
    for wanted, member in zip(
        alternatives(schema), members(annotation), strict=False
    ):  # the tests find what is missing
        if get_origin(member) is list:
            yield from _walk(wanted["items"], get_args(member)[0])
        elif attrs.has(member):
            yield member, wanted
            yield from _walk_fields(wanted, member)


def _walk_fields(schema: Schema, cls: type) -> Iterator[tuple[type, Schema]]:
    types = field_types(cls)
    for name in schema["properties"].keys() & types.keys():
        yield from _walk(schema["properties"][name], types[name])


@cache
def pairs() -> dict[str, tuple[type, Schema]]:
    """Map names to the models, nested ones included, and the schema that each stands for."""
    starts: list[tuple[str, type, Schema]] = [(name, cls, SCHEMAS[name]) for name, cls in CLASSES.items()]
    starts += [
        ("EvalCreate", EvalCreate, SCHEMAS["Eval"]),
        ("EvalSuiteReportRequest", EvalSuiteReportRequest, REPORT_REQUEST),
    ]
    found = {name: (cls, schema) for name, cls, schema in starts}
    for _, start, schema in starts:
        for cls, inner in _walk_fields(schema, start):
            if all(cls is not known for known, _ in found.values()):
                found[cls.__name__] = cls, inner
    return dict(sorted(found.items()))


def decode(data: bytes, cls: type) -> Any:
    """Decode JSON as an answer is."""
    return decoder(cls)(data)
