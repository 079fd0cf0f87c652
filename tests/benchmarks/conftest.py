"""The canned server, on the test's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from benchmarks.server import Answering
from tests.environment import clean_environment

__all__ = ["canned_url", "clean_environment"]


@pytest.fixture
async def canned_url() -> AsyncIterator[str]:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
