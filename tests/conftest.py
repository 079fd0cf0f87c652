"""What every test needs."""

from __future__ import annotations

import functools
import inspect
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest


@pytest.fixture(autouse=True, scope="session")
def aioresponses_on_current_aiohttp() -> Any:
    """Let aioresponses 0.7.9 build responses on aiohttp >= 3.14, whose ClientResponse also wants a stream writer."""
    if "stream_writer" not in inspect.signature(aiohttp.ClientResponse).parameters:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            aioresponses.core,
            "ClientResponse",
            functools.partial(aiohttp.ClientResponse, stream_writer=Mock(output_size=0)),
        )
        yield
