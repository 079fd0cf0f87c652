"""The fixtures that users get by installing the package, in a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import asyncio, os, threading
from urllib.request import Request, urlopen

import aiohttp
import pytest


def test_a_sandbox_for_each_test(aymara_sandbox):
    assert aymara_sandbox.requests == []
    urlopen(aymara_sandbox.url + "/health/").close()
    assert len(aymara_sandbox.requests) == 1


@pytest.mark.aymara_sandbox(api_key="mine", faults=["error@evals.list:status=503"])
def test_settings(aymara_sandbox):
    assert aymara_sandbox.requests == []
    assert aymara_sandbox.api_key == "mine"


def test_the_environment(aymara_environment):
    assert os.environ["AYMARA_AI_BASE_URL"] == aymara_environment.url
    assert os.environ["AYMARA_AI_API_KEY"] == aymara_environment.api_key
    assert "AYMARA_AI_BEARER_TOKEN" not in os.environ
    assert "127.0.0.1" in os.environ["no_proxy"]


async def test_an_async_test(aymara_sandbox):
    async with aiohttp.ClientSession() as session, session.get(aymara_sandbox.url + "/health/") as answer:
        assert answer.status == 200


def test_nothing_is_left():
    assert os.environ["AYMARA_AI_API_KEY"] == "real"
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
"""


def test_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(TESTS, encoding="utf-8")
    environment = os.environ | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "AYMARA_AI_API_KEY": "real",
        "AYMARA_AI_BEARER_TOKEN": "real",
    }
    options = ["-p", "pytest_asyncio.plugin", "-p", "aymara_async.sandbox.pytest_plugin", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "--strict-markers", "-o", "asyncio_mode=auto"]
    command += ["-o", "asyncio_default_fixture_loop_scope=function"]
    done = subprocess.run(
        [*command, *options, str(tmp_path)], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )
    assert "5 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_costs_a_test_run_nothing_until_it_is_used() -> None:
    code = "import sys, pytest, aymara_async.sandbox.pytest_plugin; print('aiohttp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
