"""Fixtures for tests of code that uses the API; pytest finds them once the package is installed.

``aymara_sandbox`` is a fresh sandbox for every test; ``aymara_environment`` also leads clients to it that take their
settings from the environment. ``@pytest.mark.aymara_sandbox(delay=2)`` passes settings to ``Sandbox``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aymara_async.sandbox.server import Sandbox

_OTHER_VARIABLES = ("AYMARA_AI_BEARER_TOKEN", "AYMARA_AI_USE_SANDBOX")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "aymara_sandbox(**settings): settings for the fixture aymara_sandbox")


@pytest.fixture
def aymara_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Start a sandbox on a thread of its own, with a fresh state; for tests of both kinds, async or not."""
    from aymara_async.sandbox.server import Sandbox

    marker = request.node.get_closest_marker("aymara_sandbox")
    with Sandbox(**(marker.kwargs if marker else {})) as sandbox:
        yield sandbox


@pytest.fixture
def aymara_environment(aymara_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Lead ``AymaraAI()`` and ``AsyncAymaraAI()`` without arguments to the sandbox."""
    monkeypatch.setenv("AYMARA_AI_BASE_URL", aymara_sandbox.url)
    monkeypatch.setenv("AYMARA_AI_API_KEY", aymara_sandbox.api_key)
    for name in _OTHER_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    # A proxy that the environment names could not reach the sandbox.
    monkeypatch.setenv("no_proxy", ",".join(filter(None, (os.environ.get("no_proxy"), "127.0.0.1"))))
    return aymara_sandbox
