"""JSON documents that the contract allows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.models.contract import Schema, alternatives

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)

TIMESTAMPS = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - the strategy wants bounds without a zone
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))]),
).map(msgspec.to_builtins)

CLOSED = [{"asc", "desc"}, {"created_at", "updated_at", "name", "pass_rate", "num_score_runs", "last_run_date"}]
"""Enumerations that are only sent."""


def _text(schema: Schema) -> st.SearchStrategy[Any]:
    if schema.get("format") == "date-time":
        return TIMESTAMPS
    if "enum" not in schema:
        return st.text()
    listed = st.sampled_from(schema["enum"])
    return listed if set(schema["enum"]) in CLOSED else listed | st.text()


def _object(schema: Schema, unlisted: bool) -> st.SearchStrategy[Any]:
    if "properties" not in schema:
        return st.dictionaries(st.text(), JSON, max_size=3)
    fields = {name: documents(inner, unlisted=unlisted) for name, inner in schema["properties"].items()}
    required = {name: fields.pop(name) for name in schema.get("required", [])}
    if unlisted:
        required["added_later"] = JSON
    return st.fixed_dictionaries(required, optional=fields)


def _one(schema: Schema, unlisted: bool) -> st.SearchStrategy[Any]:
    if "const" in schema:
        return st.just(schema["const"])
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, unlisted)
    if kind == "array":
        items = documents(schema["items"], unlisted=unlisted)
        return st.lists(items, min_size=schema.get("minItems", 0), max_size=2)
    if kind == "string":
        return _text(schema)
    if kind == "integer":
        return st.integers(schema.get("minimum", -(2**63)), schema.get("maximum", 2**63 - 1))
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    return {"null": st.none(), "boolean": st.booleans(), "number": numbers}.get(str(kind), JSON)


def documents(schema: Schema, *, unlisted: bool = False) -> st.SearchStrategy[Any]:
    """Make JSON that the schema allows: all fields or few, enumerations beyond their lists.

    With ``unlisted``, every object also has a field that the contract does not know.
    """
    return _documents(json.dumps(schema), unlisted)


@cache
def _documents(schema: str, unlisted: bool) -> st.SearchStrategy[Any]:
    return st.deferred(lambda: st.one_of([_one(one, unlisted) for one in alternatives(json.loads(schema))]))
