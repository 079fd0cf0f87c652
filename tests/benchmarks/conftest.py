"""The canned server, on the test's own loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from benchmarks.server import Answering, listen
from tests.environment import clean_environment

__all__ = ["canned_url", "clean_environment"]


@pytest.fixture
async def canned_url() -> AsyncIterator[str]:
    url, server = await listen(Answering)
    yield url
    server.close()
