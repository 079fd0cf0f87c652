"""Waiting for jobs: done, failed, out of time, and never done by a status that nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import attrs
import pytest

from aymara_async import (
    APIStatusError,
    AsyncAymaraAI,
    JobFailedError,
    NotFoundError,
    RequestValidationError,
    WaitError,
    WaitTimeoutError,
)
from aymara_async.resources import waiting
from tests.answers import EVAL, REPORT, RUN, TIME
from tests.faulty_server import FaultyServer, client_of, error, reply, stall

STATUS = {"file_uuid": "file.1", "processing_status": "pending", "created_at": TIME, "updated_at": TIME}


@attrs.frozen
class Wait:
    name: str
    call: Callable[..., Awaitable[object]]
    answer: dict[str, object]
    field: str
    finished: str
    path: str
    again: str

    def saying(self, status: object) -> dict[str, object]:
        return {**self.answer, self.field: status}


def of(find: Callable[[AsyncAymaraAI], Callable[..., Awaitable[object]]]) -> Callable[..., Awaitable[object]]:
    return lambda client, *args, **options: find(client)(*args, **options)


WAITS = [
    Wait("eval", of(lambda c: c.evals.wait), EVAL, "status", "finished", "/v2/evals/x.1", "evals.wait('x.1')"),
    Wait(
        "run", of(lambda c: c.evals.runs.wait), RUN, "status", "finished", "/v2/eval-runs/x.1", "evals.runs.wait('x.1')"
    ),
    Wait(
        "report",
        of(lambda c: c.reports.wait),
        REPORT,
        "status",
        "finished",
        "/v2/eval-reports/x.1",
        "reports.wait('x.1')",
    ),
    Wait(
        "file",
        of(lambda c: c.files.wait),
        STATUS,
        "processing_status",
        "completed",
        "/v2/files/x.1/status",
        "files.wait('x.1')",
    ),
]
each_wait = pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.name)


@each_wait
async def test_done_at_once(wait: Wait) -> None:
    async with FaultyServer(reply(200, wait.saying(wait.finished))) as server, client_of(server) as client:
        found = await wait.call(client, "x.1")
    assert getattr(found, wait.field) == wait.finished
    assert server.lines == [f"GET {wait.path}"]


@each_wait
async def test_asked_until_done(wait: Wait) -> None:
    """A status that nobody knows, and none at all, are not done."""
    states = [
        "created",
        "processing",
        "pending",
        "paused",
        "Finished",
        "completed" if wait.name != "file" else "finished",
    ]
    steps = [reply(200, wait.saying(state)) for state in [*states, wait.finished]]
    async with FaultyServer(*steps) as server, client_of(server) as client:
        found = await wait.call(client, "x.1", poll_interval=0)
    assert getattr(found, wait.field) == wait.finished
    assert len(server.requests) == 7


async def test_eval_without_a_status_is_not_done() -> None:
    steps = [reply(200, {**EVAL, "status": None}), reply(200, EVAL)]
    async with FaultyServer(*steps) as server, client_of(server) as client:
        await client.evals.wait("x.1", poll_interval=0)
    assert len(server.requests) == 2


@each_wait
async def test_failed(wait: Wait) -> None:
    answer = {**wait.saying("failed"), "error_message": "The file is empty"}
    async with (
        FaultyServer(reply(200, wait.saying("processing")), reply(200, answer)) as server,
        client_of(server) as client,
    ):
        with pytest.raises(JobFailedError) as caught:
            await wait.call(client, "x.1", poll_interval=0)
    assert (caught.value.uuid, caught.value.status) == ("x.1", "failed")
    assert getattr(caught.value.resource, wait.field) == "failed"
    assert ("The file is empty" in caught.value.message) == (wait.name == "file")
    assert isinstance(caught.value, WaitError)


@each_wait
async def test_out_of_time(wait: Wait) -> None:
    async with FaultyServer(reply(200, wait.saying("processing"))) as server, client_of(server) as client:
        with pytest.raises(WaitTimeoutError) as caught:
            await wait.call(client, "x.1", timeout=0)
    message = caught.value.message
    assert "goes on at the server" in message
    assert wait.again in message
    assert "'processing'" in message
    assert (caught.value.uuid, caught.value.status) == ("x.1", "processing")
    assert getattr(caught.value.resource, wait.field) == "processing"
    assert isinstance(caught.value, TimeoutError)
    assert len(server.requests) == 1


@each_wait
async def test_last_look_is_at_the_end_of_the_time(wait: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeTime(monkeypatch)
    async with FaultyServer(reply(200, wait.saying("processing"))) as server, client_of(server) as client:
        with pytest.raises(WaitTimeoutError):
            await wait.call(client, "x.1", timeout=100)
    assert sum(clock.pauses) == pytest.approx(100)
    assert len(server.requests) == len(clock.pauses) + 1


@each_wait
async def test_workspace_goes_along(wait: Wait) -> None:
    if wait.name == "file":
        return
    async with (
        FaultyServer(reply(200, wait.saying("finished"))) as server,
        client_of(server, workspace_uuid="w") as client,
    ):
        await wait.call(client, "x.1")
        await wait.call(client, "x.1", workspace_uuid="v")
    assert server.lines == [f"GET {wait.path}?workspace_uuid=w", f"GET {wait.path}?workspace_uuid=v"]


async def test_errors_of_the_server_end_the_wait() -> None:
    async with FaultyServer(reply(200, {**RUN, "status": "processing"}), error(404)) as server:
        async with client_of(server) as client:
            with pytest.raises(NotFoundError):
                await client.evals.runs.wait("x.1", poll_interval=0)


async def test_passing_errors_do_not() -> None:
    async with FaultyServer(error(503), error(500), reply(200, RUN)) as server, client_of(server) as client:
        await client.evals.runs.wait("x.1", poll_interval=0)
    assert len(server.requests) == 3


async def test_lasting_errors_do() -> None:
    async with FaultyServer(error(500)) as server, client_of(server, max_retries=1) as client:
        with pytest.raises(APIStatusError):
            await client.evals.runs.wait("x.1", poll_interval=0)
    assert len(server.requests) == 2


@each_wait
async def test_server_that_does_not_answer_cannot_hold_up_the_wait(wait: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LAST_LOOK", 0.1)
    async with FaultyServer(stall) as server, client_of(server, timeout=None) as client:
        with pytest.raises(WaitTimeoutError, match="goes on at the server") as caught:
            await wait.call(client, "x.1", timeout=0)
        assert (caught.value.status, caught.value.resource) == ("unknown", None)
        server.steps = [reply(200, wait.saying("processing")), stall]
        with pytest.raises(WaitTimeoutError, match="still 'processing'") as caught:
            await wait.call(client, "x.1", timeout=0.1, poll_interval=0)
    assert getattr(caught.value.resource, wait.field) == "processing"


class FakeTime:
    """Time that passes only by the pauses of a wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        real_sleep = asyncio.sleep

        async def sleep(delay: float) -> None:
            self.pauses.append(delay)
            self.now += delay
            await real_sleep(0)

        monkeypatch.setattr(waiting, "monotonic", lambda: self.now)
        monkeypatch.setattr(waiting.asyncio, "sleep", sleep)


async def test_pauses_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeTime(monkeypatch)
    async with FaultyServer(*[reply(200, {**RUN, "status": "processing"})] * 15, reply(200, RUN)) as server:
        async with client_of(server) as client:
            await client.evals.runs.wait("x.1", timeout=None)
    assert clock.pauses[0] == 0.25
    assert all(later == min(earlier * 1.5, 10) for earlier, later in zip(clock.pauses, clock.pauses[1:], strict=False))
    assert clock.pauses[-1] == 10
    assert len(clock.pauses) == 15


async def test_pauses_can_be_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeTime(monkeypatch)
    async with FaultyServer(*[reply(200, {**RUN, "status": "processing"})] * 4, reply(200, RUN)) as server:
        async with client_of(server) as client:
            await client.evals.runs.wait("x.1", poll_interval=3)
    assert clock.pauses == [3, 3, 3, 3]


@each_wait
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", -1),
        ("timeout", float("nan")),
        ("timeout", "5"),
        ("poll_interval", -1),
        ("poll_interval", float("nan")),
        ("poll_interval", "5"),
        ("poll_interval", True),
    ],
)
async def test_times_that_make_no_sense(wait: Wait, name: str, value: object) -> None:
    async with FaultyServer(reply(200, wait.saying("processing"))) as server, client_of(server) as client:
        with pytest.raises(RequestValidationError, match=name):
            await wait.call(client, "x.1", **{name: value})
    assert server.requests == []
