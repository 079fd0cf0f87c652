"""Every way to misbehave, as a client sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest

from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.delivery import Delivery
from aymara_async.sandbox.faults import (
    ChangeCount,
    Close,
    ContentType,
    Corrupt,
    Error,
    Fail,
    Latency,
    NeverFinish,
    Oversize,
    RateLimit,
    Redirect,
    RepeatPage,
    Reset,
    ShortPage,
    Slow,
    Stall,
    Truncate,
    read_fault,
    read_rate_limit,
)

SCORE = "/v2/eval-runs/-/score-responses"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """Keep the server from waiting; note how long it would have."""
    noted: list[float | None] = []

    async def pause(self: Delivery, seconds: float | None) -> None:
        noted.append(seconds)

    monkeypatch.setattr(Delivery, "pause", pause)
    return noted


@asynccontextmanager
async def connected(sandbox: Sandbox) -> AsyncIterator[tuple[asyncio.StreamReader, Callable[[str], None]]]:
    """Speak HTTP by hand on one connection."""
    address = urlsplit(sandbox.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)

    def send(path: str) -> None:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nx-api-key: {sandbox.api_key}\r\n\r\n".encode())

    try:
        yield reader, send
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_an_error_on_some_calls_only(api: Any) -> None:
    api.sandbox.add_fault(Error("evals.list", status=503, calls=[2, 4]))
    seen = []
    for _ in range(5):
        async with api.session.get(f"{api.sandbox.url}/v2/evals", headers={"x-api-key": api.sandbox.api_key}) as answer:
            seen.append(answer.status)
        await api.call("GET", "/v2/eval-runs")
    assert seen == [200, 503, 200, 503, 200]
    assert [request.faults for request in api.sandbox.requests if request.status == 503] == [("error",)] * 2


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "validation.invalid_format"),
        (401, "auth.invalid_key"),
        (403, "auth.insufficient_permissions"),
        (404, "resource.not_found"),
        (409, "resource.conflict"),
        (422, "validation.invalid_request"),
        (429, "quota.limit_exceeded"),
        (500, "server.internal_error"),
        (502, "server.internal_error"),
        (503, "server.internal_error"),
    ],
)
async def test_an_error_has_the_body_of_its_status(api: Any, status: int, code: str) -> None:
    api.sandbox.add_fault({"kind": "error", "status": status})
    error = await api.refused("GET", "/v2/evals/x", status=status, code=code)
    assert error["message"] == "A fault that was asked for"


async def test_an_error_after_the_request_was_processed(api: Any) -> None:
    api.sandbox.add_fault("error@evals.create:status=500,processed=true,times=1,code=auth.expired_key")
    body = {"ai_description": "x", "eval_type": "safety"}
    await api.refused("POST", "/v2/evals", body, status=500, code="auth.expired_key")
    assert (await api.call("GET", "/v2/evals"))["count"] == 1
    await api.call("POST", "/v2/evals", body, status=201)


async def test_retry_after_as_seconds_as_date_or_not_at_all(start: Any, clock: Any) -> None:
    api = await start(clock=clock)
    for fault, expected in (
        (Error(status=503, retry_after=1.5), "1.5"),
        (Error(status=429, retry_after=90), "90"),
        (Error(status=503, retry_after=5, retry_after_form="date"), "date"),
        (Error(status=503, retry_after=5, retry_after_form="none"), None),
        (Error(status=503), None),
    ):
        api.sandbox.clear_faults()
        api.sandbox.add_fault(fault)
        await api.call("GET", "/v2/evals", status=fault.status)
        sent = api.answer.headers.get("Retry-After")
        if expected == "date":
            assert parsedate_to_datetime(sent).timestamp() == clock.now + 5
        else:
            assert sent == expected


@pytest.mark.parametrize("processed", [True, False])
async def test_the_third_scoring_is_processed_and_then_the_connection_is_reset(api: Any, processed: bool) -> None:
    stored = await api.eval("one")
    api.sandbox.add_fault(Reset("evals.runs.score_responses", calls=3, processed=processed))
    run = await api.score(stored["eval_uuid"], "x")
    again = {"eval_run_uuid": run["eval_run_uuid"]}
    await api.score(stored["eval_uuid"], "x", **again)
    with pytest.raises(aiohttp.ClientOSError):
        await api.score(stored["eval_uuid"], "x", **again)
    [times] = api.sandbox.scored.values()
    assert times == 2 + processed
    assert api.sandbox.requests[-1].faults == ("reset",)
    await api.score(stored["eval_uuid"], "x", **again)


async def test_latency_and_jitter(start: Any, pauses: list[float]) -> None:
    api = await start(latency=3.0, faults=[Latency("evals.list", seconds=10, jitter=5)])
    await api.call("GET", "/v2/eval-runs")
    await api.call("GET", "/v2/evals")
    await api.call("GET", "/v2/evals")
    steady, first, second = pauses
    assert steady == 3.0
    assert 13 <= first < 18
    assert 13 <= second < 18
    assert first != second


async def test_a_request_is_processed_though_its_client_no_longer_waits_for_the_late_answer(api: Any) -> None:
    stored = await api.eval("one")
    api.sandbox.add_fault(Latency("evals.runs.score_responses", seconds=1000))
    scoring = asyncio.ensure_future(api.score(stored["eval_uuid"], "x"))
    while not api.sandbox.scored:
        await api.call("GET", "/health/")
    scoring.cancel()
    await asyncio.gather(scoring, return_exceptions=True)
    [run] = (await api.call("GET", "/v2/eval-runs"))["items"]
    assert run["num_responses_scored"] == 1


async def test_the_same_seed_gives_the_same_faults(start: Any) -> None:
    async def statuses(seed: int, *, between: bool) -> list[int]:
        api = await start(seed=seed, faults=[Error("evals.list", status=500, probability=0.5)])
        for _ in range(40):
            async with api.session.get(f"{api.sandbox.url}/v2/evals", headers={"x-api-key": api.sandbox.api_key}):
                pass
            if between:
                await api.call("GET", "/v2/files")
        return [request.status for request in api.sandbox.requests if request.operation == "evals.list"]

    first = await statuses(7, between=False)
    assert first == await statuses(7, between=True)
    assert first != await statuses(8, between=False)
    assert 8 < first.count(500) < 32


async def test_a_truncated_body(api: Any) -> None:
    api.sandbox.add_fault(Truncate("health.check", share=0.4))
    with pytest.raises(aiohttp.ClientPayloadError):
        await api.call("GET", "/health/")
    async with connected(api.sandbox) as (reader, send):
        send("/health/")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert b"Content-Length: 15" in head
    assert body == b'{"stat'


async def test_a_slow_body(api: Any, pauses: list[float]) -> None:
    api.sandbox.add_fault(Slow("health.check", bytes_per_second=1))
    assert await api.call("GET", "/health/") == {"status": "ok"}
    assert pauses == [1.0] * 15
    api.sandbox.add_fault(Slow("evals.list", bytes_per_second=200))
    assert await api.call("GET", "/v2/evals") == {"items": [], "count": 0}
    assert pauses[15:] == [0.05] * 3


@pytest.mark.parametrize("form", ["json", "utf8", "gzip"])
async def test_a_corrupt_body(api: Any, form: Any) -> None:
    api.sandbox.add_fault(Corrupt("health.check", form=form))
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError, aiohttp.ClientPayloadError)):
        await api.call("GET", "/health/")


async def test_an_oversized_body_is_valid_json(api: Any) -> None:
    api.sandbox.add_fault(Oversize("health.check", megabytes=2.5))
    async with api.session.get(f"{api.sandbox.url}/health/") as answer:
        body = await answer.read()
    assert (len(body), json.loads(body)) == (2_500_000, {"status": "ok"})


async def test_a_client_that_gives_up_on_an_oversized_body_does_no_harm(
    api: Any, caplog: pytest.LogCaptureFixture
) -> None:
    api.sandbox.add_fault(Oversize("health.check", megabytes=100))
    async with connected(api.sandbox) as (reader, send):
        send("/health/")
        await reader.readexactly(1000)
    await api.call("GET", "/v2/evals")
    assert not caplog.records


@pytest.mark.parametrize(("at", "expected"), [("start", b""), ("headers", b"\r\n\r\n"), ("body", b'\r\n\r\n{"statu')])
async def test_a_stall(api: Any, at: Any, expected: bytes) -> None:
    api.sandbox.add_fault(Stall("health.check", at=at, calls=1))
    async with connected(api.sandbox) as (reader, send):
        send("/health/")
        if expected:
            assert (await reader.readuntil(expected)).endswith(expected)
        # An answer on another connection comes, nothing more comes on this one.
        await api.call("GET", "/health/")
        waiting = asyncio.ensure_future(reader.read(1))
        await api.call("GET", "/health/")
        assert not waiting.done()
        waiting.cancel()


async def test_a_stall_that_ends(api: Any, pauses: list[float]) -> None:
    for at in ("start", "headers", "body"):
        api.sandbox.clear_faults()
        api.sandbox.add_fault({"kind": "stall", "at": at, "seconds": 4})
        assert await api.call("GET", "/health/") == {"status": "ok"}
    assert pauses == [4.0] * 3


async def test_a_stall_before_processing(api: Any, pauses: list[float]) -> None:
    api.sandbox.add_fault(Stall("evals.create", processed=False, seconds=1))
    body = {"ai_description": "x", "eval_type": "safety"}
    async with api.session.post(
        f"{api.sandbox.url}/v2/evals", json=body, headers={"x-api-key": api.sandbox.api_key}
    ) as answer:
        assert answer.status == 503
    assert (await api.call("GET", "/v2/evals"))["count"] == 0
    assert pauses == [1.0]


async def test_the_server_stops_though_answers_stall() -> None:
    async with aiohttp.ClientSession() as session:
        async with Sandbox(faults=[Stall(at=at) for at in ("headers",)]) as sandbox:
            answer = await session.get(f"{sandbox.url}/health/")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
        answer.close()


async def test_no_pause_outlasts_the_server() -> None:
    delivery = Delivery(0.0)
    pauses = [asyncio.ensure_future(delivery.pause(seconds)) for seconds in (None, 1000.0)]
    await delivery.pause(0.0)
    assert not any(pause.done() for pause in pauses)
    delivery.stop()
    await asyncio.gather(*pauses)


async def test_a_wrong_content_type(api: Any) -> None:
    api.sandbox.add_fault(ContentType("health.check", calls=1))
    api.sandbox.add_fault(ContentType("health.check", value="text/plain", keep_body=True, calls=2))
    url = f"{api.sandbox.url}/health/"
    async with api.session.get(url) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert (await answer.text()).startswith("<!doctype html>")
    async with api.session.get(url) as answer:
        assert (answer.content_type, json.loads(await answer.read())) == ("text/plain", {"status": "ok"})


async def test_a_redirect_to_another_origin_tells_whether_the_key_came_along(api: Any) -> None:
    api.sandbox.add_fault(Redirect("evals.get", status=308))
    headers = {"x-api-key": api.sandbox.api_key}
    url = f"{api.sandbox.url}/v2/evals/a%2Fb?workspace_uuid=%C3%BC"
    async with api.session.get(url, headers=headers, allow_redirects=False) as answer:
        location = answer.headers["Location"]
    assert (answer.status, location) == (308, f"{api.sandbox.storage_url}/v2/evals/a%2Fb?workspace_uuid=%C3%BC")
    async with api.session.get(location, headers=headers):
        pass
    leak = api.sandbox.requests[-1]
    assert (leak.origin, leak.has_key) == ("storage", True)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_connection_is_closed_after_the_answer(api: Any, announced: bool) -> None:
    api.sandbox.add_fault(Close("health.check", calls=2, announced=announced))
    async with connected(api.sandbox) as (reader, send):
        send("/health/")
        assert b"Connection: close" not in await reader.readuntil(b'"ok"}')
        send("/health/")
        last = await reader.read()
    assert last.endswith(b'"ok"}')
    assert (b"Connection: close" in last) is announced


async def test_jobs_that_fail_or_never_finish(start: Any, clock: Any) -> None:
    api = await start(delay=1.0, clock=clock)
    stored = await api.eval("one")
    api.sandbox.add_fault(Fail("evals.create", calls=1))
    api.sandbox.add_fault(NeverFinish("evals.create", calls=2))
    api.sandbox.add_fault(Fail("evals.runs.create", calls=1))
    api.sandbox.add_fault(NeverFinish("evals.runs.create", calls=2))
    api.sandbox.add_fault(NeverFinish("reports.create"))
    api.sandbox.add_fault(Fail("files.create"))
    failed, endless = await api.eval(), await api.eval()
    clock.now += 1_000_000
    for one, status in ((failed, "failed"), (endless, "processing")):
        assert (await api.call("GET", f"/v2/evals/{one['eval_uuid']}"))["status"] == status
    [prompt] = await api.prompts(stored["eval_uuid"])
    body = {"eval_uuid": stored["eval_uuid"], "responses": [{"prompt_uuid": prompt["prompt_uuid"], "content": "x"}]}
    runs = [await api.call("POST", "/v2/eval-runs", body, status=201) for _ in range(2)]
    finished = await api.score(stored["eval_uuid"], "x")
    report = await api.call("POST", "/v2/eval-reports", {"eval_run_uuids": [finished["eval_run_uuid"]]})
    [upload] = (await api.call("POST", "/v2/files", {"files": [{"remote_uri": "https://example.com/a"}]}))["files"]
    clock.now += 1_000_000
    for run, status in zip(runs, ("failed", "processing"), strict=True):
        got = await api.call("GET", f"/v2/eval-runs/{run['eval_run_uuid']}")
        assert (got["status"], got["pass_rate"]) == (status, None)
    got = await api.call("GET", f"/v2/eval-reports/{report['eval_suite_report_uuid']}")
    assert (got["status"], got["remaining_reports"]) == ("processing", 1)
    got = await api.call("GET", f"/v2/files/{upload['file_uuid']}/status")
    assert got["processing_status"] == "failed"
    assert got["error_message"]
    again = body | {"eval_run_uuid": runs[0]["eval_run_uuid"]}
    await api.refused("POST", SCORE, again, status=409, code="resource.conflict")


async def test_pages_that_lie(api: Any) -> None:
    stored = await api.eval(*"abcdef")
    path = f"/v2/evals/{stored['eval_uuid']}/prompts"

    async def page(fault: Any, query: str = "limit=2&offset=2") -> tuple[str, int]:
        api.sandbox.clear_faults()
        api.sandbox.add_fault(fault)
        got = await api.call("GET", f"{path}?{query}")
        return "".join(item["content"] for item in got["items"]), got["count"]

    assert await page(Latency(seconds=0)) == ("cd", 6)
    assert await page(RepeatPage("evals.list_prompts")) == ("ab", 6)
    assert await page(ShortPage("evals.*")) == ("c", 6)
    assert await page(ChangeCount("evals.list_prompts", by=3)) == ("cd", 9)
    assert await page(ChangeCount(by=-30)) == ("cd", 0)


@pytest.mark.parametrize(("form", "header"), [("seconds", "20"), ("date", "date"), ("none", None)])
async def test_a_rate_limit(start: Any, clock: Any, form: Any, header: str | None) -> None:
    api = await start(clock=clock, rate_limit=RateLimit(2, 30.0, form))
    await api.call("GET", "/v2/evals")
    await api.call("GET", "/v2/evals", headers={"x-api-key": "wrong"}, status=401)
    clock.now += 10
    await api.call("GET", "/v2/evals")
    error = await api.refused("GET", "/v2/evals", status=429, code="quota.limit_exceeded")
    assert error["details"] == {"retry_after_seconds": 20.0}
    sent = api.answer.headers.get("Retry-After")
    assert (sent if header != "date" else parsedate_to_datetime(sent).timestamp() - clock.now) == (
        20 if header == "date" else header
    )
    assert api.sandbox.requests[-1].faults == ("rate_limit",)
    clock.now += 20
    await api.call("GET", "/v2/evals")


@pytest.mark.parametrize(
    ("limit", "requests", "seconds", "form"),
    [
        (10, 10, 1.0, "seconds"),
        (0.5, 1, 2.0, "seconds"),
        ("100/60", 100, 60.0, "seconds"),
        ("5/0.5:date", 5, 0.5, "date"),
        ("5:none", 5, 1.0, "none"),
    ],
)
def test_how_a_rate_limit_is_written(limit: Any, requests: int, seconds: float, form: Any) -> None:
    assert read_rate_limit(limit) == RateLimit(requests, seconds, form)


@pytest.mark.parametrize("limit", ["", "x", "0", "-1", "1/0", "1/-5", "5:sometimes", "inf", "nan"])
def test_what_is_no_rate_limit(limit: str) -> None:
    with pytest.raises(ValueError, match="Not a rate limit"):
        read_rate_limit(limit)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("reset", Reset()),
        ("reset@evals.get:calls=3,processed=true", Reset("evals.get", calls=3, processed=True)),
        ("error@*:status=429,retry_after=5,probability=0.25", Error(status=429, retry_after=5, probability=0.25)),
        ("latency:calls=1+4,seconds=2", Latency(calls=[1, 4], seconds=2)),
        ("content_type:value=text/plain", ContentType(value="text/plain")),
        ("change_count@evals.list:by=-2", ChangeCount("evals.list", by=-2)),
        ("never_finish@evals.runs.create:times=2", NeverFinish("evals.runs.create", times=2)),
    ],
)
def test_a_fault_is_the_same_in_all_three_forms(text: str, fault: Any) -> None:
    assert read_fault(text) == fault
    assert read_fault(fault) == fault
    assert read_fault(json.loads(msgspec.json.encode(fault))) == fault


@pytest.mark.parametrize(
    "fault",
    [
        "",
        "explode",
        "reset:processed",
        "reset:processed=maybe",
        "reset:seconds=1",
        "error:status=200",
        "latency:seconds=-1",
        "reset:calls=0",
        "slow:bytes_per_second=0",
        {"kind": "error", "status": "500"},
        {"operation": "evals.get"},
        Reset(probability=2),
        3,
    ],
)
def test_what_is_no_fault(fault: Any) -> None:
    with pytest.raises(ValueError, match="Not a fault"):
        read_fault(fault)


def test_a_fault_for_an_operation_that_there_is_not() -> None:
    with pytest.raises(ValueError, match=r"No operation is called 'eval.get'; there are health.check, evals.create"):
        Sandbox(faults=["reset@eval.get"])


async def test_faults_and_records_over_http(api: Any) -> None:
    async def control(method: str, path: str, status: int = 200, **options: Any) -> Any:
        url = f"{api.sandbox.url}/sandbox/{path}"
        headers = {"x-api-key": api.sandbox.api_key}
        async with api.session.request(method, url, headers=headers, **options) as answer:
            assert answer.status == status
            return await answer.json() if status != 204 else None

    fault = {"kind": "error", "operation": "evals.list", "status": 503, "times": 1}
    assert await control("POST", "faults", json=fault) == {"faults": [fault]}
    await control("POST", "faults", json=["latency@evals.get:seconds=0"])
    assert len((await control("GET", "faults"))["faults"]) == 2
    await api.refused("GET", "/v2/evals", status=503, code="server.internal_error")
    await control("POST", "faults", 422, json={"kind": "no"})
    await control("POST", "faults", 422, json="reset@no.such.operation")
    await control("POST", "faults", 400, data=b"{")
    await control("DELETE", "faults", 204)
    assert await control("GET", "faults") == {"faults": []}
    stored = await api.eval("one")
    await api.score(stored["eval_uuid"], "x")
    [scored] = (await control("GET", "scored"))["scored"]
    assert scored["times"] == 1
    requests = (await control("GET", "requests"))["requests"]
    assert [request["operation"] for request in requests][:2] == ["evals.list", "evals.create"]
    assert json.loads(requests[1]["body"])["eval_type"] == "safety"
    assert requests[0]["faults"] == ["error"]
    await control("DELETE", "requests", 204)
    assert (await control("GET", "requests"))["requests"] == []
    await control("GET", "nothing", 404)
    await control("PUT", "faults", 405)
    async with api.session.get(f"{api.sandbox.url}/sandbox/faults") as answer:
        assert answer.status == 401
