"""Requests that nobody thought of: none may end in a fault of the server, and every answer keeps to the contract."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from hypothesis import HealthCheck, given, settings

from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.api import all_routes
from tests.sandbox.conftest import CONTRACT

EXAMPLES = int(os.environ.get("AYMARA_SANDBOX_EXAMPLES", "20"))
"""Made-up requests for each operation, each of them sent twice."""


class World:
    """A sandbox in which one of everything exists."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.url
        self.headers = {"x-api-key": sandbox.api_key}
        stored = self.post("/v2/evals", {"ai_description": "x", "eval_type": "safety", "num_prompts": 2})
        prompts = self.get(f"/v2/evals/{stored['eval_uuid']}/prompts")["items"]
        responses = [{"prompt_uuid": prompt["prompt_uuid"], "content": "x"} for prompt in prompts]
        body = {"eval_uuid": stored["eval_uuid"], "responses": responses}
        run = self.post("/v2/eval-runs/-/score-responses", body)
        report = self.post("/v2/eval-reports", {"eval_run_uuids": [run["eval_run_uuid"]]})
        [upload] = self.post("/v2/files", {"files": [{"remote_uri": "https://example.com/a.mp4"}]})["files"]
        self.uuids = {
            "eval_uuid": stored["eval_uuid"],
            "eval_run_uuid": run["eval_run_uuid"],
            "response_uuid": run["responses"][0]["response_uuid"],
            "prompt_uuid": prompts[0]["prompt_uuid"],
            "report_uuid": report["eval_suite_report_uuid"],
            "eval_type_uuid": self.get("/v2/eval-types")["items"][0]["eval_type_uuid"],
            "file_uuid": upload["file_uuid"],
        }

    def post(self, path: str, body: object) -> Any:
        headers = self.headers | {"Content-Type": "application/json"}
        with urlopen(Request(self.url + path, data=json.dumps(body).encode(), headers=headers)) as answer:
            return json.load(answer)

    def get(self, path: str) -> Any:
        with urlopen(Request(self.url + path, headers=self.headers)) as answer:
            return json.load(answer)

    def make_real(self, value: Any) -> Any:
        """Put identifiers of what exists in the place of those that were made up."""
        if isinstance(value, list):
            return [self.make_real(one) for one in value]
        if not isinstance(value, dict):
            return value
        real = {name: self.make_real(one) for name, one in value.items()} | {
            name: self.uuids[name] for name in value if name in self.uuids
        }
        return real | ({"eval_run_uuids": [self.uuids["eval_run_uuid"]]} if "eval_run_uuids" in value else {})


@pytest.fixture
def world() -> Iterator[World]:
    with Sandbox() as sandbox:
        yield World(sandbox)


@pytest.fixture(scope="module")
def schema() -> Any:
    # Imported by nobody who leaves out the slow tests: it takes seconds.
    return pytest.importorskip("schemathesis").openapi.from_path(str(CONTRACT))


@pytest.mark.slow
@pytest.mark.parametrize("operation", [route.operation for route in all_routes()])
def test_no_request_breaks_the_server_or_the_contract(operation: str, schema: Any, world: World) -> None:
    made_up = schema.find_operation_by_id(operation).as_strategy()

    @given(case=made_up)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any) -> None:
        call(case, world)
        case.path_parameters = world.make_real(case.path_parameters)
        case.body = world.make_real(case.body)
        call(case, world)

    send()


def call(case: Any, world: World) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    response = case.call(base_url=world.url, headers=world.headers)
    conformance = [
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
        checks.status_code_conformance,
    ]
    case.validate_response(response, checks=[not_a_server_error, *conformance])
