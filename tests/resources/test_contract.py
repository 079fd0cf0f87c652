"""Every operation of the contract is a method that says on the wire what the contract wants, and nothing else is."""

from __future__ import annotations

import inspect
from typing import Any, cast
from urllib.parse import parse_qsl

import pytest

from aymara_async import APIResponse, AsyncAymaraAI, RequestValidationError
from aymara_async.resources.resource import AsyncResource
from aymara_async.transport.pager import AsyncPager
from tests.faulty_server import KEY, FaultyServer, client_of, reply
from tests.resources.operations import Operation, Values, answer_of, operations

each_operation = pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)
OWN_METHODS = {
    "evals.wait",
    "evals.runs.wait",
    "reports.wait",
    "files.wait",
    "files.put_presigned",
    "files.upload_presigned",
}
"""Methods that are no operation, but made of some."""


def test_there_are_31_operations() -> None:
    assert len(operations()) == 31


async def call(client: Any, operation: Operation, values: Values) -> Any:
    """Call with the one identifying id by position, all else by name."""
    method = operation.find(client)
    given = dict(values)
    positional = [
        given.pop(name)
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and name in given
    ]
    return await method(*positional, **given)


@each_operation
def test_every_parameter_and_property_is_an_argument(operation: Operation) -> None:
    for root in (AsyncAymaraAI(api_key=KEY), AsyncAymaraAI(api_key=KEY).with_raw_response):
        arguments = inspect.signature(operation.find(root)).parameters
        wanted = operation.names("path") | operation.names("query") | operation.body_names
        own = {"prefetch", "options"} if operation.is_list else {"options"}
        assert set(arguments) == wanted | own
        given = {name for name, argument in arguments.items() if argument.default is argument.empty} - {"options"}
        assert given == operation.required
        positional = [name for name, argument in arguments.items() if argument.kind is argument.POSITIONAL_OR_KEYWORD]
        assert positional == [name for name in operation.names("path") if len(operation.names("path")) == 1] or (
            positional == ["response_uuid"]
        )


@each_operation
@pytest.mark.parametrize("is_raw", [False, True], ids=["decoded", "raw"])
async def test_all_that_is_given_is_sent_where_the_contract_wants_it(operation: Operation, is_raw: bool) -> None:
    values = operation.values
    answer = answer_of(operation, count=values.get("offset", 0) + 1)
    async with FaultyServer(reply(operation.status, answer)) as server, client_of(server) as client:
        result = await call(client.with_raw_response if is_raw else client, operation, values)
    (request,) = server.requests
    path, _, query = request.target.partition("?")
    assert (request.method, path) == (operation.method, operation.target(values))
    assert dict(parse_qsl(query)) == {name: _in_query(values[name]) for name in operation.names("query")}
    if operation.is_upload:
        assert request.headers["content-type"].startswith("multipart/form-data")
        assert values["file"] in request.body
    elif operation.body is not None:
        assert request.json() == {name: values[name] for name in operation.body_names}
        assert request.headers["content-type"] == "application/json"
    else:
        assert request.body == b""
    if is_raw:
        assert isinstance(result, APIResponse)
        assert (result.status_code, result.method) == (operation.status, operation.method)
        result = result.parse()
    assert (result is None) == (operation.answer is None)


@each_operation
async def test_nothing_is_sent_that_was_not_given(operation: Operation) -> None:
    values = {name: value for name, value in operation.values.items() if name in operation.required}
    async with FaultyServer(reply(operation.status, answer_of(operation))) as server, client_of(server) as client:
        await call(client, operation, values)
    (request,) = server.requests
    names = dict(parse_qsl(request.target.partition("?")[2]))
    assert set(names) == {name for name in operation.names("query") if name in values} | (
        {"limit", "offset"} if operation.is_list else set()
    )
    if operation.body is not None and not operation.is_upload:
        assert set(cast(dict[str, object], request.json())) == set(values) & operation.body_names


@each_operation
async def test_null_is_sent_where_the_contract_has_it(operation: Operation) -> None:
    """But for the workspace, where None means the client's."""
    if operation.body is None or operation.is_upload:
        return
    nullable = {name for name, schema in operation.body["properties"].items() if _is_nullable(schema)}
    values = operation.values | dict.fromkeys(nullable - {"workspace_uuid"})
    async with FaultyServer(reply(operation.status, answer_of(operation))) as server, client_of(server) as client:
        await call(client, operation, values)
        sent = cast(dict[str, object], server.requests[0].json())
        assert {name for name, value in sent.items() if value is None} == nullable - {"workspace_uuid"}
        for name in operation.body_names - nullable - {"workspace_uuid"}:
            with pytest.raises(RequestValidationError):
                await call(client, operation, operation.values | {name: None})
    assert len(server.requests) == 1


def _is_nullable(schema: dict[str, Any]) -> bool:
    return "null" in schema.get("type", ()) or {"type": "null"} in schema.get("anyOf", ())


def _in_query(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_method_is_an_operation() -> None:
    known = {operation.name for operation in operations()} | OWN_METHODS
    found = set(_methods(AsyncAymaraAI(api_key=KEY), ""))
    assert found == known


def test_every_raw_method_is_an_operation() -> None:
    assert set(_methods(AsyncAymaraAI(api_key=KEY).with_raw_response, "")) == {
        operation.name for operation in operations()
    }


def _methods(root: object, prefix: str) -> list[str]:
    found: list[str] = []
    for name in dir(root):
        if name.startswith("_") or name == "with_raw_response":
            continue
        value = getattr(root, name)
        if isinstance(value, AsyncResource) or type(value).__name__.endswith("WithRawResponse"):
            found += _methods(value, f"{prefix}{name}.")
        elif prefix and callable(value):
            found.append(prefix + name)
    return found


@each_operation
async def test_lists_are_pagers(operation: Operation) -> None:
    if not operation.is_list:
        return
    values = {name: value for name, value in operation.values.items() if name not in {"limit", "offset"}}
    async with FaultyServer(reply(200, answer_of(operation))) as server, client_of(server) as client:
        method = operation.find(client)
        positional = [values.pop(name) for name in operation.names("path")]
        pager = method(*positional, **values)
        assert isinstance(pager, AsyncPager)
        assert server.requests == []
        items = [item async for item in pager]
        raw = await operation.find(client.with_raw_response)(*positional, **values)
        page = raw.parse()
        assert (page.items, page.count, page.has_next_page()) == (items, 1, False)
    assert len(items) == 1
    assert operation.answer is not None


@each_operation
def test_docstring_names_the_operation(operation: Operation) -> None:
    method = operation.find(AsyncAymaraAI(api_key=KEY))
    assert f"``{operation.name}``" in (method.__doc__ or "")
    assert operation.find(AsyncAymaraAI(api_key=KEY).with_raw_response).__doc__ == method.__doc__
