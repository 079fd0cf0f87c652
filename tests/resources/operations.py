"""The operations of the contract, with sample values for all that can be given to them."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import quote

import attrs

from aymara_async import AsyncAymaraAI
from tests.models.contract import CONTRACT, Schema, alternatives, resolve

Values = dict[str, Any]


@attrs.frozen
class Operation:
    """One operation: where it goes, what it takes, what it answers."""

    name: str
    method: str
    path: str
    parameters: tuple[Schema, ...]
    body: Schema | None
    is_upload: bool
    status: int
    answer: Schema | None

    def names(self, place: str) -> set[str]:
        return {parameter["name"] for parameter in self.parameters if parameter["in"] == place}

    @property
    def body_names(self) -> set[str]:
        return set(self.body["properties"]) if self.body else set()

    @property
    def is_list(self) -> bool:
        return {"limit", "offset"} <= self.names("query")

    @property
    def values(self) -> Values:
        """A value for each parameter and each property of the body; no two texts are the same."""
        values = {parameter["name"]: sample(parameter["schema"], parameter["name"]) for parameter in self.parameters}
        for name, schema in (self.body or {"properties": {}})["properties"].items():
            values[name] = values.get(name) or sample(schema, name)
        if self.is_upload:
            values["file"] = b"content of the file"
        return values

    @property
    def required(self) -> set[str]:
        in_body = set(self.body.get("required", ())) if self.body else set()
        return in_body | {parameter["name"] for parameter in self.parameters if parameter.get("required")}

    def target(self, values: Values) -> str:
        """The path as it must be on the wire."""
        segments = {name: quote(values[name], safe="") for name in self.names("path")}
        return self.path.format(**segments)

    def find(self, root: AsyncAymaraAI | object) -> Any:
        """Find the method on a client, or on its raw view."""
        found: Any = root
        for part in self.name.split("."):
            found = getattr(found, part)
        return found


@cache
def operations() -> tuple[Operation, ...]:
    """Read the contract."""
    return tuple(
        _operation(path, method, item, item[method])
        for path, item in CONTRACT["paths"].items()
        for method in ("get", "put", "post", "patch", "delete")
        if method in item
    )


def _operation(path: str, method: str, item: Schema, operation: Schema) -> Operation:
    parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
    content = operation.get("requestBody", {}).get("content", {})
    status, answer = next((code, answer) for code, answer in operation["responses"].items() if code != "default")
    answered = answer.get("content", {}).get("application/json", {}).get("schema")
    body = next(iter(content.values()))["schema"] if content else None
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        parameters=tuple(map(_parameter, parameters)),
        body=resolve(body) if body else None,
        is_upload="multipart/form-data" in content,
        status=int(status),
        answer=answered,
    )


def _parameter(parameter: Schema) -> Schema:
    reference = parameter.get("$ref", "").removeprefix("#/components/parameters/")
    return CONTRACT["components"]["parameters"][reference] if reference else parameter


def sample(schema: Schema, name: str) -> Any:
    """Make a value that the schema allows, with every property."""
    first = alternatives(schema)[0]
    if "const" in first:
        return first["const"]
    if "enum" in first:
        return first["enum"][0]
    if first.get("format") == "date-time":
        return "2026-01-02T03:04:05Z"
    match first.get("type"):
        case "object":
            return {key: sample(inner, f"{name}.{key}") for key, inner in first.get("properties", {}).items()}
        case "array":
            return [sample(first["items"], f"{name}[0]")]
        case "integer":
            return 7
        case "number":
            return 0.5
        case "boolean":
            return True
        case _:
            return f"{name} é/?#"


def answer_of(operation: Operation, count: int = 1) -> Any:
    """Make the answer that the contract promises; a page has one item."""
    if operation.answer is None:
        return None
    answer = sample(operation.answer, "answer")
    return {**answer, "count": count} if operation.is_list else answer
