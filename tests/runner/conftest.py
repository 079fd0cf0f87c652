"""Evals in a sandbox, run against models of all kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from aymara_async import AsyncAymaraAI
from aymara_async.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox
from tests.environment import clean_environment

__all__ = ["clean_environment"]

PARAMS: dict[str, Any] = {"ai_description": "A shop assistant", "eval_type": "safety"}


def params(num_prompts: int, **more: object) -> dict[str, Any]:
    """Say which eval to make."""
    return PARAMS | {"num_prompts": num_prompts} | more


async def make_exact_eval(client: AsyncAymaraAI, *contents: str) -> str:
    """Make an eval that holds exactly these prompts."""
    return (await AsyncEvalRunner(client, str).start(PARAMS, prompts=contents)).eval_uuid


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncAymaraAI]:
    async with AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
        yield client
