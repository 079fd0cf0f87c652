"""Each operation once against the sandbox, which behaves as the API does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from aymara_async import APIResponse, AsyncAymaraAI, NotFoundError, PermissionDeniedError
from aymara_async.sandbox import Sandbox
from tests.faulty_server import Exchange, FaultyServer, client_of, message
from tests.resources.operations import operations


class Driver:
    """Call operations by their names and remember which."""

    def __init__(self, client: AsyncAymaraAI) -> None:
        self.client = client
        self.called: set[str] = set()

    async def call(self, operation_name: str, /, *ids: str, **fields: Any) -> Any:
        """Call an operation; lists give all items."""
        operation = next(each for each in operations() if each.name == operation_name)
        self.called.add(operation_name)
        result = operation.find(self.client)(*ids, **fields)
        return [item async for item in result] if operation.is_list else await result


class RawDriver(Driver):
    """The same through ``with_raw_response``."""

    async def call(self, operation_name: str, /, *ids: str, **fields: Any) -> Any:
        operation = next(each for each in operations() if each.name == operation_name)
        self.called.add(operation_name)
        response = await operation.find(self.client.with_raw_response)(*ids, **fields)
        assert isinstance(response, APIResponse)
        assert response.status_code == operation.status
        assert response.request_id is not None
        parsed = response.parse()
        return parsed.items if operation.is_list else parsed


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("kind", [Driver, RawDriver])
async def test_every_operation(sandbox: Sandbox, kind: type[Driver]) -> None:
    async with AsyncAymaraAI(api_key=sandbox.api_key, base_url=sandbox.url) as client:
        driver = kind(client)
        await evals(driver)
        await files(driver)
        await eval_types(driver)
    assert driver.called == {operation.name for operation in operations()}
    assert {request.operation for request in sandbox.requests if request.origin == "api"} == driver.called


async def evals(driver: Driver) -> None:
    call = driver.call
    await call("health.check")
    made = await call("evals.create", ai_description="A bot", eval_type="safety", num_prompts=0, name="First")
    updated = await call(
        "evals.update", made.eval_uuid, prompt_creates=[{"content": "Hi?"}, {"content": "How?", "category": "a"}]
    )
    assert updated.num_prompts == 2
    assert (await call("evals.get", made.eval_uuid)).name == "First"
    assert [each.eval_uuid for each in await call("evals.list")] == [made.eval_uuid]
    prompts = await call("evals.list_prompts", made.eval_uuid)
    assert {prompt.content for prompt in prompts} == {"Hi?", "How?"}
    responses = [{"prompt_uuid": prompt.prompt_uuid, "content": "I cannot help with that."} for prompt in prompts]
    scored = await call("evals.runs.score_responses", eval_uuid=made.eval_uuid, responses=responses, name="Run")
    assert [response.is_passed is None for response in scored.responses] == [False, False]
    run = await call("evals.runs.create", eval_uuid=made.eval_uuid, responses=responses)
    assert (await driver.client.evals.runs.wait(run.eval_run_uuid)).num_responses_scored == 2
    assert (await call("evals.runs.get", scored.eval_run_uuid)).name == "Run"
    assert len(await call("evals.runs.list", eval_uuid=made.eval_uuid)) == 2
    listed = await call("evals.runs.list_responses", scored.eval_run_uuid)
    where = {"eval_run_uuid": scored.eval_run_uuid}
    changed = await call(
        "evals.runs.update_response", listed[0].response_uuid, **where, is_passed=not listed[0].is_passed
    )
    assert changed.is_passed is not listed[0].is_passed
    history = await call("evals.runs.get_response_history", listed[0].response_uuid, **where)
    assert history[0].previous_is_passed is listed[0].is_passed
    found = await call("evals.analyze", name="fir", limit=5)
    assert found.results[0].stats.total_score_runs == 2
    report = await call("reports.create", eval_run_uuids=[scored.eval_run_uuid])
    await driver.client.reports.wait(report.eval_suite_report_uuid)
    assert (await call("reports.get", report.eval_suite_report_uuid)).status == "finished"
    assert len(await call("reports.list")) == 1
    await call("reports.delete", report.eval_suite_report_uuid)
    await call("evals.runs.delete", run.eval_run_uuid)
    await call("evals.delete", made.eval_uuid)
    with pytest.raises(NotFoundError):
        await driver.client.evals.get(made.eval_uuid)


async def files(driver: Driver) -> None:
    call = driver.call
    created = await call("files.create", files=[{"local_file_path": "a.mp4", "content_type": "video/mp4"}])
    upload = created.files[0]
    await driver.client.files.put_presigned(upload.file_url, b"bytes of a video", content_type="video/mp4")
    uploaded = await call("files.upload", file=("b.txt", b"text"))
    await driver.client.files.wait(upload.file_uuid)
    assert (await call("files.get_status", upload.file_uuid)).processing_status == "completed"
    assert (await call("files.get", upload.file_uuid)).file_type == "video"
    assert (await call("files.get_frames", upload.file_uuid)).file_uuid == upload.file_uuid
    assert {each.file_uuid for each in await call("files.list")} >= {upload.file_uuid, uploaded.file_uuid}
    await call("files.delete", upload.file_uuid)


async def eval_types(driver: Driver) -> None:
    call = driver.call
    kinds = await call("eval_types.list")
    assert (await call("eval_types.get", kinds[0].eval_type_uuid)).slug == kinds[0].slug
    by_slug = await call("eval_types.find_instructions", eval_type_slug=kinds[0].slug)
    assert by_slug == await call("eval_types.list_instructions", kinds[0].eval_type_uuid)


async def test_list_of_many_pages_is_read_whole(sandbox: Sandbox) -> None:
    async with AsyncAymaraAI(api_key=sandbox.api_key, base_url=sandbox.url) as client:
        made = await client.evals.create(ai_description="A bot", eval_type="safety", num_prompts=0)
        creates = [{"content": f"Question {number}"} for number in range(1234)]
        await client.evals.update(made.eval_uuid or "", prompt_creates=creates)
        for limit in (100, 1000, 7 * 31):
            found = [prompt.content async for prompt in client.evals.list_prompts(made.eval_uuid or "", limit=limit)]
            assert sorted(found) == sorted(prompt["content"] for prompt in creates), "the server caps limit at 100"


async def test_20000_responses_are_all_read() -> None:
    total = 20_000

    async def give(exchange: Exchange) -> None:
        query = dict(parse_qsl(urlsplit(exchange.request.target).query))
        offset, limit = int(query["offset"]), min(100, int(query["limit"]))
        items = [
            {"prompt_uuid": "p", "response_uuid": f"answer.{n}"} for n in range(offset, min(total, offset + limit))
        ]
        await exchange.send(message(200, json.dumps({"items": items, "count": total}).encode()))

    async with FaultyServer(give) as server, client_of(server) as client:
        found = [response.response_uuid async for response in client.evals.runs.list_responses("score_run.1")]
    assert found == [f"answer.{number}" for number in range(total)]
    assert len(server.requests) == 201, "the last page is full, so what the server counts is checked"


async def test_read_only_key(sandbox: Sandbox) -> None:
    async with AsyncAymaraAI(api_key=sandbox.read_only_api_key, base_url=sandbox.url) as client:
        assert [each async for each in client.evals.list()] == []
        with pytest.raises(PermissionDeniedError):
            await client.evals.create(ai_description="A bot", eval_type="safety")
