"""What the server's request line shows for the ids, paths and parameters that a caller gives."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aymara_async import AsyncAymaraAI, RequestValidationError
from aymara_async.transport.wire import query, segment
from tests.answers import EVAL, RUN, page
from tests.faulty_server import FaultyServer, client_of, reply


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("test.c4f98691-0000", "test.c4f98691-0000"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("...", "..."),
        ("../eval-runs/x", "..%2Feval-runs%2Fx"),
        ("a/b", "a%2Fb"),
        ("/", "%2F"),
        ("x?workspace_uuid=y", "x%3Fworkspace_uuid%3Dy"),
        ("x#y", "x%23y"),
        ("%2F", "%252F"),
        ("%2e%2e", "%252e%252e"),
        ("a b", "a%20b"),
        ("a+b", "a%2Bb"),
        ("é", "%C3%A9"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
        ("a\r\nX-Evil: 1", "a%0D%0AX-Evil%3A%201"),
        ("\x00", "%00"),
        ("a\\b", "a%5Cb"),
        (";v=1", "%3Bv%3D1"),
        ("-", "-"),
        ("~a_b", "~a_b"),
    ],
)
async def test_id_is_one_segment(value: str, shown: str) -> None:
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
        await client.evals.get(value)
        server.steps = [reply(200, page())]
        await client.evals.list_prompts(value, limit=1)
    assert server.lines == [f"GET /v2/evals/{shown}", f"GET /v2/evals/{shown}/prompts?limit=1&offset=0"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_text_is_one_segment(value: str) -> None:
    shown = segment("eval_uuid", value)
    assert shown.isascii()
    assert not set(shown) & set("/?#\\ \r\n\t")
    assert shown not in {".", ".."}
    assert unquote(shown) == value


Make = Callable[[AsyncAymaraAI, object], Awaitable[object]]
BY_ID: dict[str, Make] = {
    "evals.get": lambda c, i: c.evals.get(i),  # type: ignore[arg-type]  # the point of it
    "evals.update": lambda c, i: c.evals.update(i),  # type: ignore[arg-type]
    "evals.delete": lambda c, i: c.evals.delete(i),  # type: ignore[arg-type]
    "runs.get": lambda c, i: c.evals.runs.get(i),  # type: ignore[arg-type]
    "runs.delete": lambda c, i: c.evals.runs.delete(i),  # type: ignore[arg-type]
    "update_response": lambda c, i: c.evals.runs.update_response(i, eval_run_uuid="r"),  # type: ignore[arg-type]
    "update_response of": lambda c, i: c.evals.runs.update_response("a", eval_run_uuid=i),  # type: ignore[arg-type]
    "history": lambda c, i: c.evals.runs.get_response_history(i, eval_run_uuid="r"),  # type: ignore[arg-type]
    "eval_types.get": lambda c, i: c.eval_types.get(i),  # type: ignore[arg-type]
    "reports.get": lambda c, i: c.reports.get(i),  # type: ignore[arg-type]
    "reports.delete": lambda c, i: c.reports.delete(i),  # type: ignore[arg-type]
    "files.get": lambda c, i: c.files.get(i),  # type: ignore[arg-type]
    "files.delete": lambda c, i: c.files.delete(i),  # type: ignore[arg-type]
    "files.get_frames": lambda c, i: c.files.get_frames(i),  # type: ignore[arg-type]
    "files.get_status": lambda c, i: c.files.get_status(i),  # type: ignore[arg-type]
    "evals.wait": lambda c, i: c.evals.wait(i),  # type: ignore[arg-type]
    "raw": lambda c, i: c.evals.with_raw_response.get(i),  # type: ignore[arg-type]
}
LISTS: dict[str, Callable[[AsyncAymaraAI, object], object]] = {
    "list_prompts": lambda c, i: c.evals.list_prompts(i),  # type: ignore[arg-type]
    "list_responses": lambda c, i: c.evals.runs.list_responses(i),  # type: ignore[arg-type]
    "list_instructions": lambda c, i: c.eval_types.list_instructions(i),  # type: ignore[arg-type]
}
WRONG = ["", None, 5, b"test.1", uuid.UUID(int=1), ["a"], True, "\ud800"]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
async def test_what_is_no_id_is_not_sent(wrong: object) -> None:
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
        for name, make in BY_ID.items():
            with pytest.raises(RequestValidationError, match="Nothing was sent") as caught:
                await make(client, wrong)
            assert (caught.value.path or "").endswith("_uuid"), name
        for make_list in LISTS.values():
            with pytest.raises(RequestValidationError, match="Nothing was sent"):
                make_list(client, wrong)
    assert server.connections == 0


@pytest.mark.parametrize("wrong", ["", 5, b"w", ["w"]], ids=repr)
async def test_what_is_no_workspace_is_not_sent(wrong: object) -> None:
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server, workspace_uuid="w") as client:
        for call in (
            client.evals.get("test.1", workspace_uuid=wrong),  # type: ignore[arg-type]  # the point of it
            client.evals.create(ai_description="A bot", eval_type="safety", workspace_uuid=wrong),  # type: ignore[arg-type]
            client.files.create(files=[], workspace_uuid=wrong),  # type: ignore[arg-type]
            client.reports.create(eval_run_uuids=[], workspace_uuid=wrong),  # type: ignore[arg-type]
        ):
            with pytest.raises(RequestValidationError, match="workspace_uuid") as caught:
                await call
            assert caught.value.path == "workspace_uuid"
        with pytest.raises(RequestValidationError, match="workspace_uuid"):
            client.evals.list(workspace_uuid=wrong)  # type: ignore[arg-type]
    assert server.connections == 0


async def test_parameters_are_encoded() -> None:
    async with FaultyServer(reply(200, page())) as server, client_of(server, workspace_uuid="a&b=c") as client:
        await client.evals.runs.list(eval_uuid="x y?é", extra_query={"q&": [1, 2.5, True], "none": None})
    target = urlsplit(server.requests[0].target)
    assert dict(parse_qsl(target.query, strict_parsing=True)) == {
        "eval_uuid": "x y?é",
        "workspace_uuid": "a&b=c",
        "limit": "100",
        "offset": "0",
        "q&": "1,2.5,true",
    }


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
    )
)
def test_every_text_is_one_parameter(parameters: dict[str, str]) -> None:
    encoded = query(parameters)
    assert encoded.isascii()
    assert dict(parse_qsl(encoded, keep_blank_values=True)) == parameters


@pytest.mark.parametrize("wrong", [b"bytes", {"a": 1}, len, "\ud800", float("nan"), [["\ud800"]]], ids=repr)
async def test_parameter_that_cannot_be_written(wrong: object) -> None:
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
        with pytest.raises(RequestValidationError, match="Nothing was sent") as caught:
            await client.evals.get("test.1", extra_query={"key": wrong})
    assert caught.value.path == "key"
    assert server.connections == 0


async def test_times_and_truth_in_parameters() -> None:
    async with FaultyServer(reply(200, RUN)) as server, client_of(server) as client:
        await client.evals.runs.create(
            eval_uuid="t", responses=[], is_sandbox=False, extra_query={"since": datetime(2026, 1, 2, tzinfo=UTC)}
        )
    assert server.lines == ["POST /v2/eval-runs?is_sandbox=false&since=2026-01-02T00%3A00%3A00%2B00%3A00"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v2/new", "/v2/new"),
        ("/v2/new/", "/v2/new/"),
        ("/v2/a b/é", "/v2/a%20b/%C3%A9"),
        ("/v2/a%2Fb", "/v2/a%2Fb"),
        ("/v2/new?x=1&y=a b", "/v2/new?x=1&y=a%20b"),
        ("/v2/new#part", "/v2/new"),
        ("//evil.example/v2", "//evil.example/v2"),
        ("/v2/x\r\nX-Evil: 1", "/v2/x%0D%0AX-Evil:%201"),
        ("/v2/@evil", "/v2/@evil"),
    ],
)
async def test_own_path(path: str, shown: str) -> None:
    async with FaultyServer(reply(200, {})) as server, client_of(server) as client:
        assert await client.get(path, cast_to=dict) == {}
    assert server.lines == [f"GET {shown}"]
    assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    "path", ["", "v2/evals", "https://evil.example/", "/v2/../x", "/./x", "/v2/..", "/v2/\ud800", 5, None, b"/v2"]
)
async def test_own_path_that_is_none(path: str) -> None:
    async with FaultyServer(reply(200, {})) as server, client_of(server) as client:
        with pytest.raises(RequestValidationError, match="Nothing was sent"):
            await client.get(path, cast_to=dict)
    assert server.connections == 0


async def test_base_url_with_a_path() -> None:
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server.url + "/gateway/aymara/") as client:
        await client.evals.get("test.1")
    assert server.lines == ["GET /gateway/aymara/v2/evals/test.1"]
