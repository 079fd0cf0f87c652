"""A client of aiohttp's alone, every answer of which an independent library holds against the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from aymara_async.sandbox import Sandbox

CONTRACT = Path(__file__).parents[1] / "contract" / "openapi.yaml"
PRODUCTION = "https://api.aymara.ai"


@cache
def contract() -> OpenAPI:
    return OpenAPI.from_dict(yaml.safe_load(CONTRACT.read_text(encoding="utf-8")))


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class CheckedApi:
    """Call the sandbox; every answer is held against the contract."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.answer: aiohttp.ClientResponse

    async def call(self, method: str, path: str, json: object = None, *, status: int = 200, **options: Any) -> Any:
        headers = {"x-api-key": self.sandbox.api_key} | options.pop("headers", {})
        if json is not None:
            options["json"] = json
        async with self.session.request(method, self.sandbox.url + path, headers=headers, **options) as answer:
            body = await answer.read()
            self.answer = answer
        assert answer.status == status, (answer.status, body)
        assert answer.headers["x-request-id"].startswith("req_")
        if path != "/health/":
            request = MockRequest(PRODUCTION, method.lower(), path.partition("?")[0])
            response = MockResponse(body, status_code=answer.status, content_type=answer.content_type)
            contract().validate_response(request, response)
        return await answer.json() if body else None

    async def refused(
        self, method: str, path: str, json: object = None, *, status: int, code: str, **options: Any
    ) -> Any:
        body = await self.call(method, path, json, status=status, **options)
        assert body["error"]["code"] == code
        assert body["error"]["message"]
        assert body["request_id"] == self.answer.headers["x-request-id"]
        return body["error"]

    async def eval(self, *contents: str, **fields: object) -> dict[str, Any]:
        """Create an eval that holds exactly these prompts."""
        document = {"ai_description": "A test subject", "eval_type": "safety", "num_prompts": 0} | fields
        created = await self.call("POST", "/v2/evals", document, status=201)
        prompts = [{"content": content, "category": "test"} for content in contents]
        return await self.call("PUT", f"/v2/evals/{created['eval_uuid']}", {"prompt_creates": prompts})

    async def prompts(self, eval_uuid: str) -> list[dict[str, Any]]:
        return (await self.call("GET", f"/v2/evals/{eval_uuid}/prompts"))["items"]

    async def score(self, eval_uuid: str, *answers: str, **fields: object) -> dict[str, Any]:
        """Score answers to the eval's first prompts."""
        prompts = await self.prompts(eval_uuid)
        responses = [
            {"prompt_uuid": prompt["prompt_uuid"], "content": answer}
            for prompt, answer in zip(prompts, answers, strict=False)
        ]
        body = {"eval_uuid": eval_uuid, "responses": responses} | fields
        return await self.call("POST", "/v2/eval-runs/-/score-responses", body)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Any]]:
    """Start a sandbox with settings of one's own: ``api = await start(delay=3)``."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def start_one(**settings: Any) -> CheckedApi:
            return CheckedApi(await stack.enter_async_context(Sandbox(**settings)), session)

        yield start_one


@pytest.fixture
async def api(start: Callable[..., Any]) -> CheckedApi:
    """A sandbox with its default settings."""
    return await start()
