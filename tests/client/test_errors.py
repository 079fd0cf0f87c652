"""Exceptions: drawn as they are, pickled with all that they know, and told apart by those who catch them."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import re
from typing import Any

import attrs
import pytest
from multidict import CIMultiDict

import aymara_async
from aymara_async import errors
from aymara_async.errors import AymaraAIError
from aymara_async.models import EvalRunResult
from aymara_async.response import APIResponse
from aymara_async.transport import wire
from tests.answers import RUN
from tests.faulty_server import FaultyServer, client_of, error

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, AymaraAIError)]


def response() -> APIResponse[object]:
    return APIResponse(
        status_code=422,
        headers=CIMultiDict({"X-Request-Id": "req_1"}),
        content=b'{"error": {}}',
        method="GET",
        url="https://api.example/v2/evals?x=1",
        attempts=2,
        decode=wire.content_of,
    )


SAMPLES: dict[str, Any] = {
    "path": "$.a[1]",
    "uuid": "test.1",
    "status": "failed",
    "resource": wire.decode(attrs.evolve(response(), content=json.dumps(RUN).encode()), EvalRunResult),
    "eval_run_uuids": ["score_run.1"],
    "missing": ["question.1"],
    "method": "GET",
    "url": "https://api.example/v2/evals?x=1",
    "body": {"error": {"code": "a"}},
    "is_sent": False,
    "is_retryable": False,
    "code": "resource.not_found",
    "details": {"field": ["a"]},
    "request_id": "req_1",
    "retry_after": 3.5,
}


def sample(cls: type[AymaraAIError]) -> AymaraAIError:
    """Make one with every argument that its class takes."""
    arguments: dict[str, Any] = {}
    for name in inspect.signature(cls).parameters:
        if name == "response":
            arguments[name] = response()
        elif name != "message":
            arguments[name] = SAMPLES[name]
    return cls("What happened. What it means. What to do.", **arguments)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_round_trip_by_pickle(cls: type[AymaraAIError], protocol: int) -> None:
    found = sample(cls)
    found.add_note("seen in a worker")
    for again in (pickle.loads(pickle.dumps(found, protocol)), copy.copy(found), copy.deepcopy(found)):
        assert type(again) is cls
        assert str(again) == str(found) == "What happened. What it means. What to do."
        assert again.args == found.args
        assert vars(again) == vars(found)
        assert again.__notes__ == ["seen in a worker"]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_argument_is_an_attribute_with_a_docstring(cls: type[AymaraAIError]) -> None:
    found = sample(cls)
    for name in inspect.signature(cls).parameters:
        assert hasattr(found, name)
    assert cls.__doc__


def test_tree_is_as_it_is_drawn() -> None:
    drawing = (errors.__doc__ or "").partition("::")[2].partition("What a failure says")[0]
    path: list[str] = []
    drawn: dict[str, str | None] = {}
    for line in drawing.splitlines():
        if found := re.search(r"(\w+Error)\b", line):
            depth = (found.start() - 4) // 4
            path[depth:] = [found[1]]
            drawn[found[1]] = path[depth - 1] if depth else None
    real = {cls.__name__: _parent(cls) for cls in CLASSES}
    assert drawn == real


def _parent(cls: type) -> str | None:
    return next((base.__name__ for base in cls.__bases__ if issubclass(base, AymaraAIError)), None)


def test_every_error_is_exported() -> None:
    assert {cls.__name__ for cls in CLASSES} <= set(aymara_async.__all__)


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (errors.ConfigurationError, ValueError),
        (errors.RequestValidationError, ValueError),
        (errors.ClientClosedError, RuntimeError),
        (errors.WaitTimeoutError, TimeoutError),
    ],
)
def test_errors_are_also_what_python_calls_them(cls: type, builtin: type) -> None:
    assert issubclass(cls, builtin)


async def test_errors_of_calls_say_what_happened_and_what_to_do() -> None:
    for status, advice in {
        400: "correct the request",
        401: "check api_key or AYMARA_AI_API_KEY",
        403: "permissions of the key",
        404: "Check the id",
        409: "look at the resource's status",
        422: "`details` tells which field",
        429: "slow down",
        500: "Nothing was changed; try again later",
        503: "Nothing was changed; try again later",
    }.items():
        async with FaultyServer(error(status, text="The words of the server")) as server:
            async with client_of(server, max_retries=0) as client:
                with pytest.raises(errors.APIStatusError) as caught:
                    await client.evals.get("test.1")
        assert "The words of the server" in str(caught.value)
        assert advice in str(caught.value)
        assert str(caught.value) == caught.value.message


async def test_failed_write_says_to_look_first() -> None:
    async with FaultyServer(error(500)) as server, client_of(server) as client:
        with pytest.raises(errors.InternalServerError, match="may or may not have done the work; look before"):
            await client.evals.create(ai_description="A bot", eval_type="safety")
