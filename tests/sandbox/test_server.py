"""Starting, stopping, and what is left afterwards."""

from __future__ import annotations

import asyncio
import gc
import socket
import sqlite3
import threading
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import aiohttp
import pytest
import yaml

import aymara_async.sandbox
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.api import all_routes
from tests.sandbox.conftest import CONTRACT


def is_listening(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


def get(sandbox: Sandbox, path: str) -> int:
    try:
        with urlopen(Request(sandbox.url + path, headers={"x-api-key": sandbox.api_key})) as answer:
            return answer.status
    except HTTPError as error:
        with error:
            return error.code


def test_it_plays_every_operation_of_the_contract() -> None:
    document: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    operations = {
        (operation["operationId"], method.upper(), path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    assert {(route.operation, route.method, route.template) for route in all_routes()} == operations
    assert len(operations) == 31


@pytest.mark.parametrize("setting", ["latency", "delay"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_times_are_not_negative_and_end(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match="seconds from 0 on"):
        Sandbox(**{setting: value})  # type: ignore[arg-type]


def test_settings_that_cannot_work() -> None:
    with pytest.raises(ValueError, match="from 0 to 65535, not 99999"):
        Sandbox(port=99_999)
    with pytest.raises(TypeError, match="a function, not 'strict'"):
        Sandbox(judge="strict")  # type: ignore[arg-type]


async def test_nothing_is_left_when_it_has_stopped() -> None:
    threads, tasks = threading.enumerate(), asyncio.all_tasks()
    async with aiohttp.ClientSession() as session:
        async with Sandbox() as sandbox:
            async with session.get(f"{sandbox.url}/health/") as answer:
                assert answer.status == 200
            assert threading.enumerate() == threads
            urls = (sandbox.url, sandbox.storage_url)
            assert all(is_listening(url) for url in urls)
        assert not any(is_listening(url) for url in urls)
    assert asyncio.all_tasks() == tasks
    assert [request.path for request in sandbox.requests] == ["/health/"]
    gc.collect()


def test_a_blocking_sandbox_has_a_thread_of_its_own_and_leaves_none() -> None:
    threads = threading.enumerate()
    with Sandbox() as sandbox:
        assert get(sandbox, "/v2/evals") == 200
        assert get(sandbox, "/v2/evals/x") == 404
        url = sandbox.url
    assert threading.enumerate() == threads
    assert not is_listening(url)
    gc.collect()


async def test_a_blocking_sandbox_works_inside_a_running_loop() -> None:
    with Sandbox() as sandbox:
        async with aiohttp.ClientSession() as session, session.get(f"{sandbox.url}/health/") as answer:
            assert answer.status == 200


def test_it_runs_on_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        async with aiohttp.ClientSession() as session, Sandbox(faults=["reset@evals.get"]) as sandbox:
            async with session.get(f"{sandbox.url}/health/") as answer:
                assert answer.status == 200
            with pytest.raises(aiohttp.ClientOSError):
                await session.get(f"{sandbox.url}/v2/evals/x")

    uvloop.run(main())


def test_many_at_once_do_not_share_state() -> None:
    with Sandbox() as one, Sandbox() as two:
        assert get(one, "/v2/evals") == 200
        assert (len(one.requests), len(two.requests)) == (1, 0)
        assert one.url != two.url


def test_a_port_that_is_taken() -> None:
    threads = threading.enumerate()
    with Sandbox() as sandbox:
        with pytest.raises(OSError, match="in use"), Sandbox(port=urlsplit(sandbox.url).port or 0):
            pass
        assert get(sandbox, "/health/") == 200
    assert threading.enumerate() == threads


async def test_a_sandbox_runs_once_at_a_time_but_may_run_again() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.scored
    for _ in range(2):
        async with sandbox:
            with pytest.raises(RuntimeError, match="already running"):
                async with sandbox:
                    pass
            assert is_listening(sandbox.url)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be taken for one " * 20, encoding="utf-8")
    with pytest.raises(sqlite3.DatabaseError), Sandbox(database=path):
        pass
    assert path.read_text(encoding="utf-8").startswith("not a database")


def test_the_package_is_loaded_lazily() -> None:
    assert sorted(aymara_async.sandbox.__all__) == aymara_async.sandbox.__all__
    for name in aymara_async.sandbox.__all__:
        assert getattr(aymara_async.sandbox, name)
    assert set(aymara_async.sandbox.__all__) <= set(dir(aymara_async.sandbox))
    with pytest.raises(AttributeError, match="nothing"):
        _ = aymara_async.sandbox.nothing
