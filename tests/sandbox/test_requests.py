"""What holds for every operation: keys, errors, pages, workspaces, the record."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

import aymara_async.sandbox.api
from aymara_async.sandbox.record import Record, RecordedRequest


async def test_health_needs_no_key(api: Any) -> None:
    assert await api.call("GET", "/health/", headers={"x-api-key": "wrong"}) == {"status": "ok"}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"x-api-key": "wrong"}, 401, "auth.invalid_key"),
        ({"x-api-key": ""}, 401, "auth.invalid_key"),
        ({"x-api-key": "sandbox-key-expired"}, 401, "auth.expired_key"),
        ({"x-api-key": "sandbox-key-read-only"}, 403, "auth.insufficient_permissions"),
    ],
)
async def test_a_bad_key_is_refused(api: Any, headers: dict[str, str], status: int, code: str) -> None:
    await api.refused("POST", "/v2/evals", {}, headers=headers, status=status, code=code)


async def test_a_key_as_bearer_token_and_no_key(api: Any) -> None:
    url = f"{api.sandbox.url}/v2/evals"
    for headers, status in (
        ({"Authorization": f"Bearer {api.sandbox.api_key}"}, 200),
        ({"Authorization": f"bearer  {api.sandbox.read_only_api_key}"}, 200),
        ({"Authorization": f"Basic {api.sandbox.api_key}"}, 401),
        ({"Authorization": ""}, 401),
        ({}, 401),
    ):
        async with api.session.get(url, headers=headers) as answer:
            assert answer.status == status


@pytest.mark.parametrize(
    "path", ["/", "/v2", "/v2/evals/", "/v2//evals", "/v2/evals/x/", "/v2/evals/a/b/c", "/v1/evals", "/health"]
)
async def test_an_unknown_path_has_the_error_body(api: Any, path: str) -> None:
    async with api.session.get(api.sandbox.url + path) as answer:
        body = await answer.json()
    assert (answer.status, body["error"]["code"]) == (404, "resource.not_found")
    assert body["request_id"] == answer.headers["x-request-id"]


async def test_a_method_that_a_path_does_not_have(api: Any) -> None:
    async with api.session.patch(f"{api.sandbox.url}/v2/evals/x") as answer:
        body = await answer.json()
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET, PUT")
    assert body["error"]["code"] == "validation.invalid_request"


async def test_an_id_is_one_path_segment_whatever_is_in_it(api: Any) -> None:
    error = await api.refused("GET", "/v2/evals/a%2Fb%3Fc%00", status=404, code="resource.not_found")
    assert error["details"]["uuid"] == "a/b?c\x00"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"a": "\\ud800"}',
        b'{"x":' + b"[" * 100_000,
        gzip.compress(b"{}", mtime=0)[:-4],
        b"nul",
    ],
)
async def test_a_body_that_is_not_json(api: Any, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    await api.refused(
        "POST", "/v2/evals", data=body, headers=headers, status=400, code="validation.invalid_format"
    )  # fmt: skip


async def test_a_body_of_the_wrong_type_or_encoding(api: Any) -> None:
    refusal = {"status": 400, "code": "validation.invalid_format"}
    await api.refused("POST", "/v2/evals", data=b"{}", headers={"Content-Type": "text/plain"}, **refusal)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    await api.refused("POST", "/v2/evals", data=b"not gzip", headers=headers, **refusal)


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_body_that_is_too_large(api: Any, monkeypatch: pytest.MonkeyPatch, is_chunked: bool) -> None:
    monkeypatch.setattr(aymara_async.sandbox.api, "MAX_BODY_BYTES", 100)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 60
        yield b"x" * 60

    body = chunks() if is_chunked else b"x" * 200
    await api.refused("POST", "/v2/evals", data=body, status=413, code="validation.invalid_request")


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(api: Any) -> None:
    body = {"ai_description": "x", "eval_type": "safety", "num_prompts": 0}
    await api.call("POST", "/v2/evals", body, status=201, expect100=True)


async def test_a_compressed_body_is_read(api: Any) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    body = gzip.compress(b'{"ai_description": "x", "eval_type": "safety", "num_prompts": 0}')
    await api.call("POST", "/v2/evals", data=body, headers=headers, status=201)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", range(100)),
        ("limit=7&offset=100", range(100, 107)),
        ("limit=1000", range(100)),
        ("limit=99999999999999999999&offset=99999999999999999999", []),
        ("offset=119", [119]),
    ],
)
async def test_pages(api: Any, query: str, numbers: Any) -> None:
    stored = await api.eval(*[str(number) for number in range(120)])
    page = await api.call("GET", f"/v2/evals/{stored['eval_uuid']}/prompts?{query}")
    assert page["count"] == 120
    assert [prompt["content"] for prompt in page["items"]] == [str(number) for number in numbers]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "offset=-1", "limit=", "limit=ten", "limit=1.5", "offset=%C2%B2"]
)
@pytest.mark.parametrize("path", ["/v2/evals", "/v2/eval-runs", "/v2/eval-types", "/v2/eval-reports", "/v2/files"])
async def test_a_page_that_cannot_be(api: Any, path: str, query: str) -> None:
    error = await api.refused("GET", f"{path}?{query}", status=422, code="validation.invalid_request")
    assert error["details"]["parameter"] == query.partition("=")[0]


async def test_what_belongs_to_one_workspace_is_not_in_another(api: Any) -> None:
    stored = await api.eval("one", workspace_uuid="a")
    run = await api.score(stored["eval_uuid"], "x")
    [report_uuid] = [
        (await api.call("POST", "/v2/eval-reports?workspace_uuid=a", {"eval_run_uuids": [run["eval_run_uuid"]]}))[
            "eval_suite_report_uuid"
        ]
    ]
    [response] = run["responses"]
    paths = [
        f"/v2/evals/{stored['eval_uuid']}",
        f"/v2/evals/{stored['eval_uuid']}/prompts",
        f"/v2/eval-runs/{run['eval_run_uuid']}",
        f"/v2/eval-runs/{run['eval_run_uuid']}/responses",
        f"/v2/eval-runs/{run['eval_run_uuid']}/responses/{response['response_uuid']}/history",
        f"/v2/eval-reports/{report_uuid}",
    ]
    for path in paths:
        await api.call("GET", path)
        await api.call("GET", f"{path}?workspace_uuid=a")
        await api.refused("GET", f"{path}?workspace_uuid=b", status=404, code="resource.not_found")
    for path in ("/v2/evals", "/v2/eval-runs", "/v2/eval-reports"):
        counts = [(await api.call("GET", f"{path}{query}"))["count"] for query in ("", "?workspace_uuid=a")]
        assert counts == [1, 1]
        assert (await api.call("GET", f"{path}?workspace_uuid=b"))["count"] == 0
    body = {"eval_uuid": stored["eval_uuid"], "responses": [{"prompt_uuid": response["prompt_uuid"]}]}
    scoring = "/v2/eval-runs/-/score-responses?workspace_uuid=b"
    await api.refused("POST", scoring, body, status=404, code="resource.not_found")
    await api.refused("DELETE", f"{paths[0]}?workspace_uuid=b", status=404, code="resource.not_found")


async def test_eval_types_and_their_instructions(api: Any) -> None:
    kinds = (await api.call("GET", "/v2/eval-types"))["items"]
    assert {"safety", "accuracy", "jailbreak", "image_safety"} <= {kind["slug"] for kind in kinds}
    path = f"/v2/eval-types/{kinds[0]['eval_type_uuid']}"
    assert await api.call("GET", path) == kinds[0]
    instructions = await api.call("GET", f"{path}/instructions")
    assert instructions["count"] == len(instructions["items"]) > 0
    find = "/v2/eval-types/-/instructions"
    assert await api.call("GET", f"{find}?eval_type_slug={kinds[0]['slug']}") == instructions
    await api.refused("GET", find, status=422, code="validation.invalid_request")
    await api.refused("GET", f"{find}?eval_type_slug=no", status=404, code="resource.not_found")
    await api.refused("GET", "/v2/eval-types/no", status=404, code="resource.not_found")
    await api.refused("GET", "/v2/eval-types/no/instructions", status=404, code="resource.not_found")


async def test_every_request_is_on_record(api: Any) -> None:
    stored = await api.eval("one")
    await api.refused("GET", "/v2/evals/no?workspace_uuid=w", status=404, code="resource.not_found")
    created, updated, missing = api.sandbox.requests
    assert (created.operation, created.method, created.status) == ("evals.create", "POST", 201)
    assert created.json() == {"ai_description": "A test subject", "eval_type": "safety", "num_prompts": 0}
    assert updated.path == f"/v2/evals/{stored['eval_uuid']}"
    assert (missing.status, missing.query["workspace_uuid"], missing.has_key) == (404, "w", True)
    assert missing.headers["x-api-key"] == "***"
    assert api.sandbox.api_key not in repr(missing)


async def test_the_record_forgets_the_oldest_beyond_its_limit(start: Any) -> None:
    api = await start(record_limit=2)
    for _ in range(3):
        await api.call("GET", "/health/")
    assert [request.request_id[-1] for request in api.sandbox.requests] == ["2", "3"]


def recorded(request_id: str) -> RecordedRequest:
    return RecordedRequest(
        request_id=request_id,
        origin="api",
        method="POST",
        path="/",
        query={},
        operation=None,
        raw_headers={},
        received_at=0.0,
    )


def test_the_record_forgets_the_oldest_when_bodies_fill_the_memory() -> None:
    record = Record(limit=100, max_bytes=25)
    for name, size, expected in (("a", 10, "a"), ("b", 10, "ab"), ("c", 10, "bc"), ("d", 1000, "d")):
        record.add(request := recorded(name))
        record.add_body(request, b"x" * size)
        assert [one.request_id for one in record.all()] == list(expected)


def test_a_body_that_comes_after_its_request_was_forgotten_does_not_count() -> None:
    record = Record(limit=100, max_bytes=25)
    record.add(forgotten := recorded("a"))
    record.clear()
    record.add_body(forgotten, b"x" * 1000)
    for name in "bc":
        record.add(request := recorded(name))
        record.add_body(request, b"x" * 10)
    assert [one.request_id for one in record.all()] == ["b", "c"]


async def test_a_flag_that_is_neither_true_nor_false(api: Any) -> None:
    stored = await api.eval("one")
    [prompt] = await api.prompts(stored["eval_uuid"])
    body = {"eval_uuid": stored["eval_uuid"], "responses": [{"prompt_uuid": prompt["prompt_uuid"], "content": "x"}]}
    path = "/v2/eval-runs/-/score-responses?is_sandbox"
    await api.refused("POST", f"{path}=maybe", body, status=422, code="validation.invalid_request")
    for text, told in (("1", True), ("False", False), ("null", False), ("", False)):
        assert (await api.call("POST", f"{path}={text}", body))["is_sandbox"] is told
