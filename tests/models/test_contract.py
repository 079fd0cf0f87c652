"""The models and the contract cannot drift apart."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import attrs
import msgspec
import pytest
from msgspec import UNSET, inspect

import aymara_async.models
from aymara_async.models.model import Model
from tests.models.contract import (
    CLASSES,
    CONTRACT,
    ONLY_SENT,
    SCHEMAS,
    Schema,
    alternatives,
    field_types,
    members,
    pairs,
    resolve,
)

PAIRS = [pytest.param(cls, schema, id=name) for name, (cls, schema) in pairs().items()]
every_model = pytest.mark.parametrize(("cls", "schema"), PAIRS)

MODULES = sorted(module.name for module in pkgutil.iter_modules(aymara_async.models.__path__))


def origin(cls: type) -> type:
    return get_origin(cls) or cls


@every_model
def test_a_model_has_the_properties_of_its_schema(cls: type, schema: Schema) -> None:
    assert {field.name for field in attrs.fields(origin(cls))} == set(schema["properties"])


@every_model
def test_exactly_the_required_properties_are_required(cls: type, schema: Schema) -> None:
    required = {field.name for field in attrs.fields(origin(cls)) if field.default is attrs.NOTHING}
    assert required == set(schema.get("required", []))


def contract_default(schema: Schema) -> object:
    schema = resolve(schema)
    return schema.get("default", schema.get("const"))


@every_model
def test_defaults_are_the_contracts_or_nothing_sent(cls: type, schema: Schema) -> None:
    hints = get_type_hints(origin(cls), include_extras=True)
    for field in attrs.fields(origin(cls)):
        if field.default is attrs.NOTHING:
            continue
        default: Any = field.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class at runtime
            assert default.factory() is not default.factory(), f"{field.name} is shared between instances"
            default = default.factory()
        wanted = UNSET if cls in ONLY_SENT else contract_default(schema["properties"][field.name])
        assert (type(default), default) == (type(wanted), wanted), field.name
        assert (msgspec.UnsetType in get_args(hints[field.name])) == (cls in ONLY_SENT), field.name


KINDS: dict[type[inspect.Type], str] = {
    inspect.StrType: "string",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.BoolType: "boolean",
    inspect.NoneType: "null",
    inspect.DictType: "object",
}


def describe_schema(schema: Schema) -> object:
    """Say what a value is, one level deep: nested objects are models of their own."""
    found: list[object] = []
    for one in alternatives(schema):
        if one.get("format") == "date-time":
            found.append("timestamp")
        elif "const" in one:
            found.append({one["const"]})
        elif one.get("type") == "array":
            found.append(["array", describe_schema(one["items"])])
        elif one.get("type") == "integer":
            found.append(("integer", one.get("minimum"), one.get("maximum")))
        else:
            found.append(one.get("type", "any"))
    return found


def describe_type(annotation: Any) -> object:
    """Say the same of a field."""
    described: list[object] = []
    for one in members(annotation):
        if attrs.has(one):
            described.append("object")
            continue
        if get_origin(one) is list:
            described.append(["array", describe_type(get_args(one)[0])])
            continue
        found = inspect.type_info(one)
        if isinstance(found, inspect.DateTimeType):
            assert found.tz is True, "a datetime must have a time zone"
            described.append("timestamp")
        elif isinstance(found, inspect.LiteralType):
            described.append(set(found.values))
        elif isinstance(found, inspect.IntType):
            described.append(("integer", found.ge, found.le))
        elif isinstance(found, inspect.CustomType):
            assert found.cls is object
            described.append("any")
        else:
            described.append(KINDS[type(found)])
    return described


@every_model
def test_types_and_nullability_are_the_contracts(cls: type, schema: Schema) -> None:
    types = field_types(cls)
    for name, inner in schema["properties"].items():
        wanted = describe_schema(inner)
        if name in {"sort_by", "sort_order"}:  # sent, never received: the listed values only
            wanted = [set(inner["enum"])]
        assert describe_type(types[name]) == wanted, name


def test_every_schema_has_its_model() -> None:
    objects = {name for name, schema in SCHEMAS.items() if schema.get("type") == "object"}
    assert set(CLASSES) == objects
    assert set(SCHEMAS) - objects == {"Status", "ContentType", "Tools"}


def classes() -> Iterator[type]:
    for name in MODULES:
        module = importlib.import_module(f"aymara_async.models.{name}")
        for found in vars(module).values():
            if isinstance(found, type) and found.__module__ == module.__name__:
                yield found


def test_every_model_is_in_the_contract_and_exported() -> None:
    ours = {cls for cls in classes() if issubclass(cls, Model) and cls is not Model}
    assert {origin(cls) for cls, _ in pairs().values()} == ours
    assert {cls.__name__ for cls in ours} <= set(aymara_async.models.__all__)
    assert list(aymara_async.models.__all__) == sorted(aymara_async.models.__all__)
    assert all(hasattr(aymara_async.models, name) for name in aymara_async.models.__all__)


def enum_of(schema: str, *path: str) -> set[str]:
    found = SCHEMAS[schema]
    for name in path:
        found = resolve(found["properties"][name])
    return {value for value in found["enum"] if value is not None}


def test_the_listed_values_of_open_enumerations_are_the_contracts() -> None:
    listed: dict[str, set[str]] = {}
    tree = ast.parse((Path(aymara_async.models.__path__[0]) / "open_enums.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            literals = [part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant)]
            listed[node.target.id] = {value for value in literals if isinstance(value, str)}
    assert listed.pop("FileType") == {"text", "image", "video", "document"}  # only described in the contract
    assert SCHEMAS["FileDetail"]["properties"]["file_type"]["description"] == "text, image, video or document"
    assert listed.pop("PromptAction") == {"update", "delete"}
    updates = SCHEMAS["EvalUpdate"]["properties"]["prompt_updates"]["items"]
    assert updates["properties"]["action"]["description"] == "update or delete"
    assert listed == {
        "Status": set(SCHEMAS["Status"]["enum"]),
        "ContentType": set(SCHEMAS["ContentType"]["enum"]),
        "ProcessingStatus": enum_of("FileStatus", "processing_status") | enum_of("FileUpload", "processing_status"),
        "PromptExampleType": enum_of("PromptExample", "type"),
        "EvalRunExampleType": enum_of("EvalRunExample", "type"),
        "ErrorCode": enum_of("APIError", "error", "code"),
    }


def test_the_contract_is_the_one_of_31_operations() -> None:
    methods = {"get", "post", "put", "patch", "delete"}
    assert sum(len(methods & set(path)) for path in CONTRACT["paths"].values()) == 31


@pytest.mark.parametrize("module", MODULES)
def test_every_class_and_field_says_what_it_is(module: str) -> None:
    tree = ast.parse((Path(aymara_async.models.__path__[0]) / f"{module}.py").read_text())
    assert ast.get_docstring(tree), module
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        assert ast.get_docstring(node), node.name
        if not any(isinstance(mark, ast.Name) and mark.id == "model" for mark in node.decorator_list):
            continue
        for field, after in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(field, ast.AnnAssign):
                said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                assert said, f"{node.name}.{ast.unparse(field.target)} has no docstring"
