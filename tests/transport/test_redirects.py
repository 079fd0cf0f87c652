"""Redirects: followed on the same origin only, so that the key goes nowhere else."""

from __future__ import annotations

import asyncio
import io

import pytest

from aymara_async import APIStatusError, APITimeoutError
from tests.answers import EVAL, RUN
from tests.faulty_server import KEY, Exchange, FaultyServer, client_of, private_tls, redirect, reply

CODES = [301, 302, 303, 307, 308]


@pytest.mark.parametrize("status", CODES)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_other_origin_is_never_asked(status: int, name: str) -> None:
    async with FaultyServer(reply(200, EVAL)) as other:
        elsewhere = f"http://{name}:{other.port}/v2/evals/test.1?session=secret"
        async with FaultyServer(redirect(status, elsewhere)) as server, client_of(server) as client:
            for call in (
                client.evals.get("test.1"),
                client.evals.runs.score_responses(eval_uuid="test.1", responses=[]),
                client.evals.delete("test.1"),
                client.files.upload(file=b"bytes"),
            ):
                with pytest.raises(
                    APIStatusError, match="not followed there, so the API key went nowhere else"
                ) as caught:
                    await call
                assert (caught.value.status_code, "secret" in caught.value.message) == (status, False)
    assert len(server.requests) == 4
    assert (other.connections, other.requests) == (0, [])


async def test_same_host_by_another_scheme_is_another_origin() -> None:
    tls, trusting = private_tls()
    async with FaultyServer(redirect(307, ""), tls=tls) as server:
        server.steps = [redirect(307, server.url.replace("https", "http") + "/v2/evals/test.1")]
        async with client_of(server, ssl_context=trusting) as client:
            with pytest.raises(APIStatusError):
                await client.evals.get("test.1")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "location", ["//evil.example/v2", "https://evil.example", "http://127.0.0.1:1/", "http://[bad", "\\\\evil"]
)
async def test_location_in_disguise(location: str) -> None:
    async with FaultyServer(redirect(302, location), reply(200, EVAL)) as server, client_of(server) as client:
        if location == "\\\\evil":
            assert (await client.evals.get("test.1")).eval_uuid == "test.1"
            assert server.requests[1].headers["host"] == f"127.0.0.1:{server.port}"
            return
        with pytest.raises(APIStatusError):
            await client.evals.get("test.1")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", CODES)
@pytest.mark.parametrize("is_absolute", [True, False])
async def test_read_is_followed_on_the_same_origin(status: int, is_absolute: bool) -> None:
    async with FaultyServer(reply()) as server, client_of(server) as client:
        target = f"{server.url if is_absolute else ''}/v3/evals/x?a=b%20c#part"
        server.steps = [redirect(status, target), reply(200, EVAL)]
        assert (await client.evals.get("test.1")).eval_uuid == "test.1"
    assert server.lines == ["GET /v2/evals/test.1", "GET /v3/evals/x?a=b%20c"]
    assert server.requests[1].headers["x-api-key"] == KEY


@pytest.mark.parametrize("status", [307, 308])
async def test_write_is_followed_where_its_meaning_stays(status: int) -> None:
    async with FaultyServer(redirect(status, "/v3/score"), reply(200, RUN)) as server, client_of(server) as client:
        await client.evals.runs.score_responses(eval_uuid="test.1", responses=[{"prompt_uuid": "p", "content": "é"}])
    assert server.lines == ["POST /v2/eval-runs/-/score-responses", "POST /v3/score"]
    assert server.requests[0].body == server.requests[1].body != b""
    assert server.requests[1].headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_write_is_not_turned_into_a_read(status: int) -> None:
    async with FaultyServer(redirect(status, "/v3/score"), reply(200, RUN)) as server, client_of(server) as client:
        with pytest.raises(APIStatusError):
            await client.evals.runs.score_responses(eval_uuid="test.1", responses=[])
        with pytest.raises(APIStatusError):
            server.steps = [redirect(status, "/v3/score")]
            await client.evals.delete("test.1")
    assert len(server.requests) == 2


async def test_loop_ends() -> None:
    async with FaultyServer(redirect(307, "/v2/evals/test.1")) as server, client_of(server) as client:
        with pytest.raises(APIStatusError) as caught:
            await client.evals.get("test.1")
    assert len(server.requests) == 6
    assert caught.value.status_code == 307


async def test_upload_is_sent_whole_again_to_the_new_place() -> None:
    step = reply(200, {"file_uuid": "file.1"})
    async with FaultyServer(redirect(307, "/v3/files"), step) as server, client_of(server) as client:
        await client.files.upload(file=("a.txt", b"content of the file"))
    assert [b"content of the file" in request.body for request in server.requests] == [True, True]


async def test_stream_that_cannot_go_back_is_not_sent_half_to_the_new_place() -> None:
    class OneWay(io.BytesIO):
        def seekable(self) -> bool:
            return False

    async with FaultyServer(redirect(307, "/v3/files"), reply(200, {})) as server, client_of(server) as client:
        with pytest.raises(APIStatusError):
            await client.files.upload(file=("a.txt", OneWay(b"content")))
    assert len(server.requests) == 1


async def test_timeout_covers_all_hops() -> None:
    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.15)
        await redirect(307, "/v2/evals/test.1")(exchange)

    async with FaultyServer(slow) as server, client_of(server, timeout=0.4, max_retries=0) as client:
        with pytest.raises(APITimeoutError):
            await client.evals.get("test.1")
    assert len(server.requests) <= 3


async def test_redirect_without_a_location() -> None:
    async with FaultyServer(reply(302, b"")) as server, client_of(server) as client:
        with pytest.raises(APIStatusError, match="redirects to nowhere"):
            await client.evals.get("test.1")


async def test_not_modified_is_an_error_where_nothing_was_asked_under_conditions() -> None:
    async with FaultyServer(reply(304, b"")) as server, client_of(server) as client:
        with pytest.raises(APIStatusError) as caught:
            await client.evals.get("test.1")
    assert caught.value.status_code == 304


async def test_presigned_redirect_is_not_followed() -> None:
    async with FaultyServer(redirect(307, "/elsewhere"), reply()) as storage, client_of(storage) as client:
        with pytest.raises(APIStatusError):
            await client.files.put_presigned(f"{storage.url}/bucket", b"bytes")
    assert len(storage.requests) == 1
    assert "x-api-key" not in storage.requests[0].headers


@pytest.mark.parametrize("target", ["/v3/with space", "/v3/ümlaut", "/v3/%zz"])
async def test_sloppy_location_makes_a_request_by_the_book(target: str) -> None:
    location = target.encode().decode("latin-1")
    async with FaultyServer(redirect(302, location), reply(200, EVAL)) as server, client_of(server) as client:
        assert (await client.evals.get("test.1")).eval_uuid == "test.1"
    assert server.requests[1].target in {"/v3/with%20space", "/v3/%C3%BCmlaut", "/v3/%zz", "/v3/%25zz"}
