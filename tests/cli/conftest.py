from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aymara_async import AsyncAymaraAI
from aymara_async.sandbox import Sandbox
from tests.cli.filled import Filled, fill


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def env(sandbox: Sandbox) -> dict[str, str]:
    """What leads the command line to the sandbox."""
    return {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}


@pytest.fixture
async def filled(sandbox: Sandbox) -> AsyncIterator[Filled]:
    async with AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
        yield await fill(sandbox, client)
