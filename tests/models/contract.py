"""The contract beside the models: which class stands for which schema."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import inspect

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
from aymara_async.models.unions import NamedUnion

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


def members(found: inspect.Type) -> list[inspect.Type]:
    """List what a field may hold, in the order of its annotation."""
    if isinstance(found, inspect.UnionType):
        return [inner for member in found.types for inner in members(member)]
    if isinstance(found, inspect.CustomType | inspect.DataclassType) and hasattr(found.cls, "members"):
        return [inspect.type_info(member) for member in found.cls.members]
    return [found]


def field_types(cls: type) -> dict[str, inspect.Type]:
    """Map the fields of a model to their types."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.DataclassType)
    return {field.encode_name: field.type for field in info.fields}


def _walk(schema: Schema, found: inspect.Type) -> Iterator[tuple[type, Schema]]:
    for wanted, member in zip(alternatives(schema), members(found), strict=False):  # the tests find what is missing
        if isinstance(member, inspect.ListType):
            yield from _walk(wanted["items"], member.item_type)
        elif isinstance(member, inspect.DataclassType):
            yield member.cls, wanted
            yield from _walk_fields(wanted, member.cls)


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
    """Decode JSON as the models want it: natively, with their own word on which member of a union is meant."""

    def choose(target: type, value: object) -> object:
        if isinstance(target, NamedUnion):
            return msgspec.convert(value, target.choose(value), dec_hook=choose)
        assert target is object
        return value

    return msgspec.json.decode(data, type=cls, dec_hook=choose)
