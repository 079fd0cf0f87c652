"""What code written for aymara-ai-sdk does, with only the import changed: async and blocking."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import aymara_async
from aymara_async import AsyncAymaraAI, AymaraAI
from aymara_async.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AYMARA_AI_BASE_URL", sandbox.url)
    monkeypatch.setenv("AYMARA_AI_API_KEY", sandbox.api_key)


def make_eval(client: AymaraAI, *, num_prompts: int = 3) -> str:
    created = client.evals.create(ai_description="A kind assistant", eval_type="safety", num_prompts=num_prompts)
    assert created.eval_uuid is not None
    client.evals.wait(created.eval_uuid, poll_interval=0)
    return created.eval_uuid


def answers(client: AymaraAI, eval_uuid: str) -> list[dict[str, object]]:
    return [
        {"prompt_uuid": prompt.prompt_uuid, "content": "I cannot help with that."}
        for prompt in client.evals.list_prompts(eval_uuid)
    ]


def test_create_a_run_with_dicts() -> None:
    client = AymaraAI()
    eval_uuid = make_eval(client)
    run = client.evals.runs.create(eval_uuid=eval_uuid, responses=answers(client, eval_uuid))
    assert client.evals.runs.wait(run.eval_run_uuid, poll_interval=0).num_responses_scored == 3
    client.close()


def test_create_a_run_async() -> None:
    with AymaraAI() as blocking:
        eval_uuid = make_eval(blocking)
        responses = answers(blocking, eval_uuid)
    client = AsyncAymaraAI()  # outside of a loop, and never closed, as in a script

    async def main() -> str:
        run = await client.evals.runs.create(eval_uuid=eval_uuid, responses=responses)
        return run.eval_uuid

    assert asyncio.run(main()) == eval_uuid


def test_iterate_over_all_pages() -> None:
    with AymaraAI() as client:
        eval_uuid = make_eval(client, num_prompts=70)
        prompts = []
        for prompt in client.evals.list_prompts(eval_uuid=eval_uuid, limit=30):
            prompts.append(prompt)  # noqa: PERF402 - as the official examples do
        assert len(prompts) == 70


async def test_iterate_over_all_pages_async() -> None:
    with AymaraAI() as blocking:
        eval_uuid = make_eval(blocking, num_prompts=70)
    async with AsyncAymaraAI() as client:
        assert len([prompt async for prompt in client.evals.list_prompts(eval_uuid=eval_uuid, limit=30)]) == 70
        first_page = await client.evals.list_prompts(eval_uuid=eval_uuid, limit=30)
        assert first_page.has_next_page()
        assert first_page.next_page_info() == {"offset": 30, "limit": 30}
        next_page = await first_page.get_next_page()
        assert [len(first_page.items), len(next_page.items), first_page.count] == [30, 30, 70]
        assert len([prompt async for prompt in first_page]) == 70


def test_pages_by_hand() -> None:
    with AymaraAI() as client:
        first_page = client.evals.list_prompts(eval_uuid=make_eval(client, num_prompts=70), limit=30)
        assert first_page.has_next_page()
        assert first_page.next_page_info() == {"offset": 30, "limit": 30}
        assert len(first_page.get_next_page().items) == 30
        assert first_page.count == 70
        assert first_page.items[0].prompt_uuid


def test_upload_a_path(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG")
    with AymaraAI() as client:
        assert client.files.upload(file=path).file_uuid
        assert client.files.upload(file=("picture.png", b"\x89PNG", "image/png")).content_type == "image/png"


def test_errors_have_the_official_names_and_attributes() -> None:
    caught = None
    with AymaraAI() as client:
        try:
            client.evals.get("test.missing")
        except aymara_async.APIConnectionError:
            pytest.fail("the server was reached")
        except aymara_async.RateLimitError:
            pytest.fail("nobody is limited")
        except aymara_async.APIStatusError as error:
            caught = error
    assert isinstance(caught, aymara_async.NotFoundError)
    assert caught.status_code == 404
    assert caught.response.status_code == 404
    assert isinstance(caught.body, dict)


def test_a_server_out_of_reach_is_a_connection_error_with_a_cause() -> None:
    client = AymaraAI(base_url="http://127.0.0.1:1", max_retries=0)
    with pytest.raises(aymara_async.APIConnectionError) as caught:
        client.evals.get("test.x")
    assert caught.value.__cause__ is not None
    client.close()


def test_options_for_one_call() -> None:
    client = AymaraAI(max_retries=0, timeout=20.0)
    created = client.with_options(max_retries=5, timeout=5.0).evals.create(ai_description="x", eval_type="safety")
    assert created.eval_uuid
    client.close()


def test_raw_response() -> None:
    with AymaraAI() as client:
        response = client.evals.with_raw_response.create(ai_description="x", eval_type="safety", name="basic")
        assert response.headers.get("X-My-Header") is None
        assert response.headers.get("X-Request-Id") == response.request_id
        assert response.status_code == 201
        assert response.parse().name == "basic"


async def test_raw_response_async() -> None:
    async with AsyncAymaraAI() as client:
        response = await client.evals.with_raw_response.create(ai_description="x", eval_type="safety", name="basic")
        assert response.parse().name == "basic"


def test_undocumented_endpoints_and_parameters() -> None:
    with AymaraAI() as client:
        made = client.post("/v2/evals", cast_to=dict, body={"ai_description": "x", "eval_type": "safety"})
        found = client.evals.get(
            str(made["eval_uuid"]), extra_query={"foo": "bar"}, extra_headers={"X-Foo": "bar"}, timeout=5
        )
        assert found.to_dict()["eval_uuid"] == made["eval_uuid"]
        assert '"eval_type":"safety"' in found.to_json()
