"""Answers that are broken, wrong, endless or slow: each an error of its own, never a wrong result."""

from __future__ import annotations

import asyncio
import gzip
import json
import pickle
import traceback
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from aymara_async import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    OutcomeUnknownError,
)
from aymara_async.response import APIResponse
from aymara_async.transport.codec import said_once
from tests.answers import EVAL, RUN, SCORED, page
from tests.faulty_server import (
    KEY,
    Exchange,
    FaultyServer,
    Step,
    client_of,
    error,
    message,
    reply,
    reset,
    send,
    send_and_stall,
)

CONTENT = json.dumps(EVAL).encode()
GZIP = {"Content-Encoding": "gzip"}


async def refusal(body: object, headers: Mapping[str, str] | None = None) -> APIResponseValidationError:
    """Get an eval, and the error that must come of the answer, at once and by a single request."""
    async with FaultyServer(reply(200, body, headers)) as server, client_of(server) as client:
        with pytest.raises(APIResponseValidationError) as caught:
            await client.evals.get("test.1")
    assert len(server.requests) == 1
    return caught.value


async def test_html_instead_of_json() -> None:
    error = await refusal(b"<html>Log in</html>", {"Content-Type": "text/html"})
    assert (error.status_code, error.path, error.body) == (200, None, "<html>Log in</html>")
    assert "text/html" in error.message
    assert error.response.content == b"<html>Log in</html>"


async def test_json_under_a_wrong_content_type_is_still_json() -> None:
    async with FaultyServer(reply(200, EVAL, {"Content-Type": "text/plain"})) as server, client_of(server) as client:
        assert (await client.evals.get("test.1")).eval_uuid == "test.1"


async def test_html_under_the_right_content_type() -> None:
    assert (await refusal(b"<!doctype html>")).path is None


@pytest.mark.parametrize(
    "body", [b"", b" ", b"null", b'"text"', b"[]", b"{}", b"3", b"{'a': 1}", CONTENT + b"}", CONTENT[:-1]]
)
async def test_json_that_is_no_eval(body: bytes) -> None:
    error = await refusal(body)
    assert "not with the Eval that the API promises" in error.message


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b'{"ai_description": "\xc3", "eval_type": "safety"}', CONTENT.decode().encode("utf-16")]
)
async def test_invalid_utf_8(body: bytes) -> None:
    await refusal(body)


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a":' * 200_000, b'{"ai_instructions":' + b'{"tools":' * 50_000],
    ids=["lists", "objects", "union"],
)
async def test_json_nested_without_end(body: bytes) -> None:
    await refusal(body)


async def test_json_nested_without_end_as_an_error_body() -> None:
    async with FaultyServer(reply(400, b"[" * 200_000)) as server, client_of(server) as client:
        with pytest.raises(APIStatusError):
            await client.evals.get("test.1")


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("$.eval_type", {"ai_description": "A bot"}),
        ("$.eval_type", {**EVAL, "eval_type": None}),
        ("$.ai_description", {**EVAL, "ai_description": 3}),
        ("$.num_prompts", {**EVAL, "num_prompts": "100"}),
        ("$.num_prompts", {**EVAL, "num_prompts": 1.5}),
        ("$.is_jailbreak", {**EVAL, "is_jailbreak": "no"}),
        ("$.created_at", {**EVAL, "created_at": "yesterday"}),
        ("$.prompt_examples[1].content", {**EVAL, "prompt_examples": [{"content": "a"}, {}]}),
        ("$.ai_instructions", {**EVAL, "ai_instructions": 7}),
        ("$.ai_instructions.system_prompt", {**EVAL, "ai_instructions": {"agent_name": "a"}}),
        (
            "$.ai_instructions.tools.value[0].name",
            {**EVAL, "ai_instructions": {"system_prompt": "", "tools": {"value": [{}]}}},
        ),
    ],
)
async def test_fault_is_named_by_its_path(path: str, wrong: object) -> None:
    error = await refusal(wrong)
    assert error.path == path
    assert path in error.message
    assert error.body == wrong


async def test_fault_in_a_list_is_named_by_its_path() -> None:
    items = [SCORED, SCORED, SCORED, {**SCORED, "content": 5}]
    async with FaultyServer(reply(200, page(*items))) as server, client_of(server) as client:
        for attempt in (client.evals.runs.list_responses("r"), client.evals.runs.with_raw_response.list_responses("r")):
            with pytest.raises(APIResponseValidationError) as caught:
                result = await attempt
                assert isinstance(result, APIResponse)
                result.parse()
            assert caught.value.path == "$.items[3].content"


async def test_unknown_fields_and_values_are_taken() -> None:
    body = {**EVAL, "status": "paused", "modality": "smell", "new": {"field": 1}}
    async with FaultyServer(reply(200, body)) as server, client_of(server) as client:
        found = await client.evals.get("test.1")
    assert (found.status, found.modality) == ("paused", "smell")


@pytest.mark.parametrize(
    "step",
    [
        send(message(200, CONTENT[:20], {"Content-Length": str(len(CONTENT))})),
        send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" + CONTENT[:10]),
        send(b"HTTP/1.1 20"),
        send(b""),
        reset,
    ],
    ids=["length", "chunk", "head", "nothing", "reset"],
)
async def test_half_an_answer_is_no_answer(step: Step) -> None:
    async with FaultyServer(step) as server, client_of(server, max_retries=1) as client:
        with pytest.raises(APIConnectionError):
            await client.evals.get("test.1")
        with pytest.raises(OutcomeUnknownError):
            await client.evals.runs.score_responses(eval_uuid="test.1", responses=[])
    assert len([line for line in server.lines if line.startswith("POST")]) == 1


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MALFORMED = {
    "bad chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + CONTENT,
    "bad length": HEAD + b"Content-Length: nine\r\n\r\n" + CONTENT,
    "other protocol": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    "binary": b"\x00\x01\x02\x03\r\n\r\n",
    "header without a name": HEAD + b"no header at all\r\n\r\n" + CONTENT,
    "header over 64 KB": HEAD + b"X-Long: " + b"x" * 70_000 + b"\r\n\r\n" + CONTENT,
    "br": message(200, CONTENT, {"Content-Encoding": "br"}),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_answer_that_cannot_be_read_is_not_asked_for_again(name: str) -> None:
    async with FaultyServer(send(MALFORMED[name])) as server, client_of(server) as client:
        with pytest.raises(APIResponseValidationError, match="cannot be read") as read:
            await client.evals.get("test.1")
        with pytest.raises(APIResponseValidationError) as written:
            await client.evals.runs.score_responses(eval_uuid="test.1", responses=[])
    assert len(server.requests) == 2
    assert (read.value.status_code, written.value.may_have_acted) == (0, True)
    assert isinstance(pickle.loads(pickle.dumps(written.value)), APIResponseValidationError)


@pytest.mark.parametrize("name", ["Set-Cookie", "Content-Security-Policy"])
async def test_long_headers_are_read(name: str) -> None:
    async with FaultyServer(reply(200, EVAL, {name: "a=" + "x" * 60_000})) as server, client_of(server) as client:
        assert (await client.evals.get("test.1")).eval_uuid == "test.1"


@pytest.mark.parametrize("line", ["no header: \x01{key}", "{key}", "Bad Name {key}: x"])
async def test_key_that_a_malformed_header_repeats_is_not_told(line: str) -> None:
    data = HEAD + line.format(key=KEY).encode() + b"\r\n\r\n" + CONTENT
    async with FaultyServer(send(data)) as server, client_of(server) as client:
        with pytest.raises(APIResponseValidationError) as caught:
            await client.evals.get("test.1")
    assert KEY not in "".join(traceback.format_exception(caught.value))


async def test_key_with_marks_that_an_error_body_repeats_is_not_told() -> None:
    key = 'a"b/c\\d-key'
    body = b'{"error": {"message": "bad ' + json.dumps(key)[1:-1].replace("/", "\\/").encode() + b'"}}'
    async with FaultyServer(reply(403, body)) as server, client_of(server, api_key=key) as client:
        with pytest.raises(APIStatusError) as caught:
            await client.evals.get("test.1")
    assert "redacted" in str(caught.value)
    assert key not in str(caught.value)
    assert key not in str(caught.value.body)


@pytest.mark.parametrize("step", [reset, send(b""), send(HEAD), send_and_stall()], ids=["reset", "end", "half", "time"])
@pytest.mark.parametrize("is_read", [True, False])
async def test_key_is_in_no_frame_of_a_broken_call(step: Step, is_read: bool) -> None:
    options = {"api_key": "another-secret"} if is_read else {}
    async with FaultyServer(step) as server, client_of(server, max_retries=0, timeout=0.2) as client:
        with pytest.raises(APIConnectionError) as caught:
            view = client.with_options(**options)  # type: ignore[arg-type]
            await (view.evals.get("test.1") if is_read else view.reports.create(eval_run_uuids=["r"]))
    error: BaseException | None = caught.value
    shown = ""
    while error is not None:
        shown += "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        error = error.__cause__ or error.__context__
    for key in (KEY, "another-secret") if is_read else (KEY,):
        own = [
            line for line in shown.splitlines() if key in line and "options = {" not in line and "key = " not in line
        ]
        assert not own


async def test_byte_order_mark_is_passed_over() -> None:
    body = b"\xef\xbb\xbf" + CONTENT
    async with FaultyServer(reply(200, body), reply(404, b"\xef\xbb\xbf" + b'{"error": {"code": "a.b"}}')) as server:
        async with client_of(server) as client:
            assert (await client.evals.get("test.1")).eval_uuid == "test.1"
            with pytest.raises(APIStatusError) as caught:
                await client.evals.get("test.1")
    assert caught.value.code == "a.b"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}"])
async def test_byte_order_mark_makes_nothing_else_right(body: bytes) -> None:
    await refusal(b"\xef\xbb\xbf" + body)


async def test_times_without_a_zone_are_utc_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    said_once.cache_clear()
    naive = {
        **EVAL,
        "created_at": "2026-01-02T03:04:05",
        "updated_at": "2026-01-02T03:04:05.678",
        "name": "2026-01-02T03:04:05",
    }
    async with (
        FaultyServer(reply(200, naive), reply(200, page(naive, {**naive, "eval_uuid": "test.2"}))) as server,
        client_of(server) as client,
    ):
        found = await client.evals.get("test.1")
        listed = (await client.evals.list()).items
    for one in (found, *listed):
        assert one.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert one.name == "2026-01-02T03:04:05"
    assert len([record for record in caplog.records if "without a time zone" in record.message]) == 1


async def test_body_of_an_unsaid_length_ends_with_the_connection() -> None:
    step = send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + CONTENT)
    async with FaultyServer(step) as server, client_of(server) as client:
        assert (await client.evals.get("test.1")).eval_uuid == "test.1"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_compressed_answer_is_read(encoding: str) -> None:
    packed = gzip.compress(CONTENT) if encoding == "gzip" else zlib.compress(CONTENT)
    async with FaultyServer(reply(200, packed, {"Content-Encoding": encoding})) as server, client_of(server) as client:
        assert (await client.evals.get("test.1")).eval_uuid == "test.1"


@pytest.mark.parametrize("body", [b"no gzip at all", b"\x1f\x8b\x08\x00" + bytes(40)])
async def test_corrupt_gzip(body: bytes) -> None:
    async with FaultyServer(reply(200, body, GZIP)) as server, client_of(server, max_retries=1) as client:
        with pytest.raises(APIConnectionError) as caught:
            await client.evals.get("test.1")
        assert len(server.requests) == 2
        with pytest.raises(OutcomeUnknownError):
            await client.evals.runs.score_responses(eval_uuid="test.1", responses=[])
    assert len(server.requests) == 3
    assert caught.value.is_sent


async def test_gzip_that_was_cut_is_no_json() -> None:
    """aiohttp takes what there is for the whole; JSON that was cut gives itself away."""
    assert (await refusal(gzip.compress(CONTENT)[:-12], GZIP)).path is None


@pytest.mark.parametrize("status", [400, 404, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502 Bad gateway</html>",
        b"null",
        b"[]",
        b'{"error": "text"}',
        b'{"error": {}}',
        b'{"detail": "no"}',
        b"\xff",
    ],
)
async def test_error_status_with_any_body_is_that_error(status: int, body: bytes) -> None:
    async with FaultyServer(reply(status, body)) as server, client_of(server, max_retries=0) as client:
        with pytest.raises(APIStatusError, match=f"answered {status}") as caught:
            await client.evals.get("test.1")
    assert (caught.value.status_code, caught.value.code, caught.value.details) == (status, None, {})


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"detail": "Not authenticated"}', "Not authenticated"),
        (b'{"detail": [{"loc": ["body", "name"], "msg": "too long"}]}', '["body","name"],"msg":"too long"'),
        (b'{"error": "text"}', "text"),
        (b'{"error": {"reason": "unusual"}}', "unusual"),
        (b"<html>\n  <title>Bad gateway</title>", "<html> <title>Bad gateway</title>"),
    ],
)
async def test_error_body_of_another_shape_is_shown(body: bytes, shown: str) -> None:
    async with FaultyServer(reply(422, body)) as server, client_of(server) as client:
        with pytest.raises(APIStatusError) as caught:
            await client.evals.get("test.1")
    assert shown in caught.value.message


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_failing_server_is_said_to_have_acted_only_where_it_may(status: int) -> None:
    async with FaultyServer(error(status)) as server, client_of(server, max_retries=0) as client:
        with pytest.raises(APIStatusError) as read:
            await client.evals.get("test.1")
        with pytest.raises(APIStatusError) as written:
            await client.evals.create(ai_description="A bot", eval_type="safety")
    assert "Nothing was changed" in read.value.message
    assert ("may or may not" in written.value.message) == (status != 503)


async def test_error_status_with_the_apis_body_tells_it_all() -> None:
    step = error(422, "validation.invalid_request", "name is too long", X_Request_Id="req_9")
    async with FaultyServer(step) as server, client_of(server) as client:
        with pytest.raises(APIStatusError) as caught:
            await client.evals.get("test.1")
    found = caught.value
    assert (found.code, found.details, found.request_id) == ("validation.invalid_request", {"field": "name"}, "req_9")
    for part in ("GET", "/v2/evals/test.1", "422", "validation.invalid_request", "name is too long", "req_9"):
        assert part in found.message
    assert found.body == {
        "error": {"code": "validation.invalid_request", "message": "name is too long", "details": {"field": "name"}},
        "request_id": "req_1",
    }


async def test_error_body_names_the_request_where_no_header_does() -> None:
    async with FaultyServer(error(404)) as server, client_of(server) as client:
        with pytest.raises(APIStatusError) as caught:
            await client.evals.get("test.1")
    assert caught.value.request_id == "req_1"


async def test_success_without_a_body_where_none_is_wanted() -> None:
    async with FaultyServer(reply(204)) as server, client_of(server) as client:
        await client.evals.delete("test.1")
        await client.health.check()


async def test_unread_answer_of_a_deletion_is_ignored() -> None:
    async with FaultyServer(reply(200, b'{"deleted": true}')) as server, client_of(server) as client:
        await client.evals.delete("test.1")


async def test_a_proxys_page_is_no_deletion_and_no_health() -> None:
    page = reply(200, b"<html>log in</html>", headers={"Content-Type": "text/html"})
    async with FaultyServer(page, page) as server, client_of(server) as client:
        with pytest.raises(APIResponseValidationError, match="web page"):
            await client.evals.delete("test.1")
        with pytest.raises(APIResponseValidationError, match="web page"):
            await client.health.check()


async def test_nothing_where_something_is_promised() -> None:
    async with FaultyServer(reply(204)) as server, client_of(server) as client:
        with pytest.raises(APIResponseValidationError):
            await client.evals.get("test.1")


async def test_answers_are_not_mixed_up_among_many_calls() -> None:
    async def step(exchange: Exchange) -> None:
        uuid = exchange.request.target.rsplit("/", 1)[1]
        await exchange.send(message(200, json.dumps({**EVAL, "eval_uuid": uuid}).encode()))

    async with FaultyServer(step) as server, client_of(server, max_connections=7) as client:
        found = await asyncio.gather(*(client.evals.get(f"e{number}") for number in range(100)))
    assert [each.eval_uuid for each in found] == [f"e{number}" for number in range(100)]
    assert server.connections <= 7


async def test_cancelled_call_leaves_a_client_that_works() -> None:
    async with FaultyServer(send_and_stall(), reply(200, RUN)) as server, client_of(server) as client:
        task = asyncio.create_task(client.evals.runs.get("r"))
        while not server.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await client.evals.runs.get("r")).eval_run_uuid == "score_run.1"
