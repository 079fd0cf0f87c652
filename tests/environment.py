"""The environment variables that the SDK reads, taken out of the tests' way."""

from __future__ import annotations

import os

import pytest

READ = ("AYMARA_AI_", "SSL_CERT_")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(READ) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
