"""A server that is killed starts again with everything it had acknowledged."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from aymara_async.sandbox import Sandbox
from tests.sandbox.conftest import CheckedApi

SERVER = """
import sys, threading
from aymara_async.sandbox import Sandbox

with Sandbox(database=sys.argv[1]) as sandbox:
    print(sandbox.url, flush=True)
    threading.Event().wait()
"""


@contextmanager
def killed_in_the_end(database: Path) -> Iterator[str]:
    """Run a server in a process of its own, and kill it."""
    with subprocess.Popen([sys.executable, "-c", SERVER, str(database)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


class Elsewhere:
    """What a checked client needs to know of a server in another process."""

    api_key = "sandbox-key"

    def __init__(self, url: str) -> None:
        self.url = url


async def read_all(api: CheckedApi, uuids: dict[str, str]) -> list[Any]:
    paths = [
        "/v2/evals",
        f"/v2/evals/{uuids['eval']}/prompts",
        "/v2/eval-runs",
        f"/v2/eval-runs/{uuids['run']}/responses",
        "/v2/eval-reports",
        f"/v2/files/{uuids['file']}/status",
    ]
    return [await api.call("GET", path) for path in paths]


async def test_a_killed_server_has_all_it_had_acknowledged(tmp_path: Path) -> None:
    database = tmp_path / "sandbox.db"
    async with aiohttp.ClientSession() as session:
        with killed_in_the_end(database) as url:
            api = CheckedApi(Elsewhere(url), session)  # type: ignore[arg-type]
            stored = await api.eval("one", "two")
            run = await api.score(stored["eval_uuid"], "x", "y", continue_thread=True)
            report = {"eval_run_uuids": [run["eval_run_uuid"]]}
            await api.call("POST", "/v2/eval-reports", report)
            form = aiohttp.FormData()
            form.add_field("file", b"0123456789" * 1000, filename="a.txt", content_type="text/plain")
            uploaded = await api.call("POST", "/v2/files/-/uploads", data=form)
            uuids = {"eval": stored["eval_uuid"], "run": run["eval_run_uuid"], "file": uploaded["file_uuid"]}
            before = await read_all(api, uuids)
        async with Sandbox(database=database) as sandbox:
            api = CheckedApi(sandbox, session)
            assert await read_all(api, uuids) == before
            assert sorted(sandbox.scored.values()) == [1, 1]
            detail = await api.call("GET", f"/v2/files/{uuids['file']}")
            async with session.get(detail["file_url"]) as answer:
                assert await answer.read() == b"0123456789" * 1000
            # It goes on where it stopped: a thread can be continued, an eval can be changed.
            next_prompt = run["responses"][0]["next_prompt"]["prompt_uuid"]
            body = {"eval_uuid": uuids["eval"], "eval_run_uuid": uuids["run"]}
            body["responses"] = [{"prompt_uuid": next_prompt, "content": "z"}]
            again = await api.call("POST", "/v2/eval-runs/-/score-responses", body)
            assert again["num_responses_scored"] == 3


async def test_every_acknowledged_scoring_survives_a_kill_in_the_midst_of_many(tmp_path: Path) -> None:
    database = tmp_path / "sandbox.db"
    acknowledged = 0
    async with aiohttp.ClientSession() as session:
        with killed_in_the_end(database) as url:
            api = CheckedApi(Elsewhere(url), session)  # type: ignore[arg-type]
            stored = await api.eval("one")
            for _ in range(50):
                await api.score(stored["eval_uuid"], "x")
                acknowledged += 1
    with Sandbox(database=database) as sandbox:
        assert sum(sandbox.scored.values()) == acknowledged


async def test_memory_is_forgotten() -> None:
    sandbox = Sandbox()
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with sandbox:
                api = CheckedApi(sandbox, session)
                assert (await api.call("GET", "/v2/evals"))["count"] == 0
                await api.eval("one")


async def test_an_upload_that_breaks_off_changes_nothing(
    start: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api = await start(database=tmp_path / "sandbox.db")
    [upload] = (await api.call("POST", "/v2/files", {"files": [{"local_file_path": "a.txt"}]}))["files"]
    address = urlsplit(upload["file_url"])
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n"
    writer.write(head.encode() + b"x" * 2_000_000)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    broken = None
    while broken is None or broken.status is None:
        await api.call("GET", "/health/")
        broken = next((request for request in api.sandbox.requests if request.origin == "storage"), None)
    status = await api.call("GET", f"/v2/files/{upload['file_uuid']}/status")
    assert (broken.status, status["processing_status"]) == (400, "pending")
    assert not caplog.records
    with closing(sqlite3.connect(tmp_path / "sandbox.db")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM chunks").fetchone() == (0,)
