"""get, post, put, patch and delete: endpoints that have no method."""

from __future__ import annotations

import attrs
import pytest

from aymara_async import APIResponse, APIResponseValidationError, Eval, RequestValidationError
from tests.answers import EVAL
from tests.faulty_server import FaultyServer, client_of, error, reply


@attrs.define
class Quota:
    limit: int
    used: int = 0


async def test_every_method_and_what_it_sends() -> None:
    async with FaultyServer(reply(200, {"a": 1})) as server, client_of(server) as client:
        assert await client.get("/v2/new?x=1", cast_to=dict, extra_query={"y": 2}) == {"a": 1}
        for name in ("post", "put", "patch", "delete"):
            method = getattr(client, name)
            assert await method("/v2/new", cast_to=dict, body={"b": [None, "é"]}, extra_headers={"X-A": "a"}) == {
                "a": 1
            }
            await method("/v2/new", cast_to=dict)
            await method("/v2/new", cast_to=dict, extra_body={"c": 1})
            await method("/v2/new", cast_to=dict, body={"b": 1}, extra_body={"c": 1})
    first, *rest = server.requests
    assert first.target == "/v2/new?x=1&y=2"
    for number, name in enumerate(("POST", "PUT", "PATCH", "DELETE")):
        with_body, bare, extra, both = rest[4 * number : 4 * number + 4]
        assert {each.method for each in (with_body, bare, extra, both)} == {name}
        assert (with_body.json(), with_body.headers["x-a"]) == ({"b": [None, "é"]}, "a")
        assert with_body.headers["content-type"] == "application/json"
        assert bare.body == b""
        assert (extra.json(), both.json()) == ({"c": 1}, {"b": 1, "c": 1})


@pytest.mark.parametrize(
    ("cast_to", "body", "result"),
    [
        (dict, {"a": 1}, {"a": 1}),
        (list, [1, "a"], [1, "a"]),
        (list[Eval], [EVAL], [Eval(eval_uuid="test.1", ai_description="A bot", eval_type="safety", status="finished")]),
        (Quota, {"limit": 5, "new": 1}, Quota(limit=5)),
        (dict[str, Quota], {"a": {"limit": 5, "used": 3}}, {"a": Quota(5, 3)}),
        (str, b"any text", "any text"),
        (bytes, b"\xff\x00", b"\xff\x00"),
        (type(None), b"<html>", None),
        (int, 5, 5),
        (object, {"a": [None]}, {"a": [None]}),
    ],
    ids=str,
)
async def test_what_an_answer_becomes(cast_to: type, body: object, result: object) -> None:
    async with FaultyServer(reply(200, body)) as server, client_of(server) as client:
        assert await client.get("/v2/new", cast_to=cast_to) == result


@pytest.mark.parametrize("cast_to", [complex, "Quota", 5, list["Quota"], type], ids=repr)
async def test_what_no_answer_becomes_is_told_before_anything_is_sent(cast_to: type) -> None:
    async with FaultyServer() as server, client_of(server) as client:
        with pytest.raises(RequestValidationError, match=r"cast_to cannot be .* Nothing was sent"):
            await client.post("/v2/new", cast_to=cast_to)
    assert not server.requests


async def test_whole_response() -> None:
    async with FaultyServer(reply(201, EVAL, {"X-Request-Id": "req_7"})) as server, client_of(server) as client:
        response = await client.post("/v2/new", cast_to=APIResponse, body={})
    assert (response.status_code, response.request_id, response.json()) == (201, "req_7", EVAL)
    assert response.headers["x-request-id"] == response.headers["X-Request-ID"] == "req_7"
    assert response.text == response.content.decode()


async def test_answer_of_another_shape() -> None:
    async with FaultyServer(reply(200, {"limit": "5"})) as server, client_of(server) as client:
        with pytest.raises(APIResponseValidationError) as caught:
            await client.get("/v2/quota", cast_to=Quota)
    assert caught.value.path == "$.limit"


async def test_body_of_any_json_and_what_is_none() -> None:
    async with FaultyServer(reply(200, {})) as server, client_of(server) as client:
        await client.post("/v2/new", cast_to=dict, body=[Eval(ai_description="a", eval_type="b"), (1, 2)])
        await client.post("/v2/new", cast_to=dict, body="text")
        for wrong in (object, float("nan"), {1j: 1}):
            with pytest.raises(RequestValidationError, match="Nothing was sent"):
                await client.post("/v2/new", cast_to=dict, body=wrong)
        with pytest.raises(RequestValidationError, match="extra_body"):
            await client.post("/v2/new", cast_to=dict, body=[1], extra_body={"a": 1})
    assert len(server.requests) == 2
    assert server.requests[1].json() == "text"


async def test_view_goes_for_them_too() -> None:
    async with (
        FaultyServer(error(503), reply(200, {})) as server,
        client_of(server, default_query={"q": "1"}) as client,
    ):
        await client.with_options(default_headers={"X-A": "a"}).get("/v2/new", cast_to=dict)
    assert server.lines == ["GET /v2/new?q=1"] * 2
    assert server.requests[1].headers["x-a"] == "a"
