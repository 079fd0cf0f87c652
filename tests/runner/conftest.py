"""Evals in a sandbox, run against models of all kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from aymara_async import AsyncAymaraAI
from aymara_async.sandbox import Sandbox
from aymara_async.scoring.exact_eval import create_eval, fill_eval
from aymara_async.scoring.rows import PromptRow
from tests.environment import clean_environment

__all__ = ["clean_environment"]

PARAMS: dict[str, Any] = {"ai_description": "A shop assistant", "eval_type": "safety"}


def params(num_prompts: int, **more: object) -> dict[str, Any]:
    """Say which eval to make."""
    return PARAMS | {"num_prompts": num_prompts} | more


async def make_exact_eval(client: AsyncAymaraAI, *contents: str) -> str:
    """Make an eval that holds exactly these prompts."""
    rows = [PromptRow(prompt_uuid=str(number), content=content) for number, content in enumerate(contents)]
    eval_uuid = await create_eval(client, name="Exact", ai_description="A test subject", eval_type="safety")
    await fill_eval(client, eval_uuid, rows, timeout=30)
    return eval_uuid


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncAymaraAI]:
    async with AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
        yield client
