"""Defaults of a client, of a view and of a call: how they add up, and what a view shares."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from aymara_async import AsyncAymaraAI, AymaraAIError, ConfigurationError
from tests.answers import EVAL, page
from tests.faulty_server import KEY, FaultyServer, client_of, reply


class TestDefaults:
    async def test_headers_add_up_and_the_nearest_wins(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server:
            async with client_of(server, default_headers={"X-A": "client", "X-B": "client", "X-C": "client"}) as client:
                view = client.with_options(default_headers={"x-b": "view", "X-C": "view"})
                await view.evals.get("test.1", extra_headers={"x-c": "call", "X-D": "call"})
                sent = server.last_headers
                assert [sent[f"x-{name}"] for name in "abcd"] == ["client", "view", "call", "call"]
                await client.evals.get("test.1")
                sent = server.last_headers
                assert [sent.get(f"x-{name}") for name in "abcd"] == ["client"] * 3 + [None]

    async def test_query_adds_up_and_the_nearest_wins(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server:
            async with client_of(server, default_query={"a": "client", "b": "client", "c": "client"}) as client:
                view = client.with_options(default_query={"b": "view", "c": "view"})
                await view.evals.get("test.1", workspace_uuid="w", extra_query={"c": "call"})
                await client.evals.get("test.1")
        assert server.lines[0] == "GET /v2/evals/test.1?a=client&b=view&c=call&workspace_uuid=w"
        assert server.lines[1] == "GET /v2/evals/test.1?a=client&b=client&c=client"

    async def test_body_adds_up_and_may_hold_what_is_unknown(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
            await client.evals.update("test.1", name="a", extra_body={"name": "b", "new": {"x": [1, None]}})
        assert server.requests[0].json() == {"name": "b", "new": {"x": [1, None]}}

    async def test_agent_says_who_we_are(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
            await client.evals.get("test.1")
        assert server.last_headers["user-agent"].startswith("aymara-async/")
        assert server.last_headers["accept"] == "application/json"


class TestWorkspaceAndSandbox:
    async def test_workspace_of_the_client_the_view_and_the_call(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server, workspace_uuid="client") as client:
            await client.evals.get("test.1")
            await client.evals.get("test.1", workspace_uuid="call")
            await client.with_options(workspace_uuid="view").evals.get("test.1")
            await client.with_options(workspace_uuid=None).evals.get("test.1")
            await client.with_options(timeout=5).evals.get("test.1")
            await client.evals.create(ai_description="a", eval_type="b")
            await client.eval_types.with_raw_response.get("t")
        assert [line.partition("?")[2] for line in server.lines] == [
            "workspace_uuid=client",
            "workspace_uuid=call",
            "workspace_uuid=view",
            "",
            "workspace_uuid=client",
            "",
            "",
        ]
        assert server.requests[5].json() == {"ai_description": "a", "eval_type": "b", "workspace_uuid": "client"}

    @pytest.mark.parametrize("variable", ["true", "1", "YES", " on "])
    async def test_sandbox_by_variable(self, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AYMARA_AI_USE_SANDBOX", variable)
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
            await client.evals.create(ai_description="a", eval_type="b")
        assert server.requests[0].json() == {"ai_description": "a", "eval_type": "b", "is_sandbox": True}
        assert server.last_headers["x-use-sandbox"] == "True"

    @pytest.mark.parametrize("variable", ["false", "0", "", "no"])
    async def test_no_sandbox_by_variable(self, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AYMARA_AI_USE_SANDBOX", variable)
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
            await client.evals.create(ai_description="a", eval_type="b")
        assert server.requests[0].json() == {"ai_description": "a", "eval_type": "b"}
        assert "x-use-sandbox" not in server.last_headers

    def test_sandbox_by_a_variable_that_makes_no_sense(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AYMARA_AI_USE_SANDBOX", "maybe")
        with pytest.raises(ConfigurationError, match="AYMARA_AI_USE_SANDBOX"):
            AsyncAymaraAI(api_key=KEY)

    async def test_sandbox_of_the_client_the_view_and_the_call(self) -> None:
        async with FaultyServer(reply(200, page())) as server, client_of(server, use_sandbox=True) as client:
            run = {"eval_uuid": "t", "responses": []}
            for caller, options in (
                (client, {}),
                (client, {"is_sandbox": False}),
                (client.with_options(use_sandbox=None), {}),
                (client.with_options(use_sandbox=False), {}),
                (client.with_options(use_sandbox=None), {"is_sandbox": True}),
            ):
                await caller.evals.runs.with_raw_response.create(**run, **options)  # type: ignore[arg-type]
        assert [line.partition("?")[2] for line in server.lines] == [
            "is_sandbox=true",
            "is_sandbox=false",
            "",
            "is_sandbox=false",
            "is_sandbox=true",
        ]
        assert [request.headers.get("x-use-sandbox") for request in server.requests] == [
            "True",
            "True",
            None,
            "False",
            None,
        ]


@pytest.fixture
def quiet_again() -> Iterator[logging.Logger]:
    logger = logging.getLogger("aymara_async")
    handlers, level = list(logger.handlers), logger.level
    yield logger
    logger.handlers[:], logger.level = handlers, level


class TestViews:
    async def test_view_shares_the_connections_and_closes_with_the_client(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
            view = client.with_options(timeout=3).with_options(workspace_uuid="w")
            await client.evals.get("test.1")
            await view.evals.get("test.1")
            assert server.connections == 1
            assert isinstance(view, AsyncAymaraAI)
            assert not view.is_closed
        assert view.is_closed

    async def test_copy_is_another_name(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
            await client.copy(workspace_uuid="w").evals.get("test.1")
        assert server.lines == ["GET /v2/evals/test.1?workspace_uuid=w"]

    async def test_closed_client(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server:
            client = client_of(server)
            await client.evals.get("test.1")
            await client.close()
            await client.close()
            assert client.is_closed
            with pytest.raises(AymaraAIError, match="closed, so nothing was sent"):
                await client.evals.get("test.1")
        assert len(server.requests) == 1

    @pytest.mark.parametrize(("variable", "level"), [("info", logging.INFO), ("DEBUG", logging.DEBUG)])
    def test_log_by_variable(
        self, variable: str, level: int, monkeypatch: pytest.MonkeyPatch, quiet_again: logging.Logger
    ) -> None:
        monkeypatch.setenv("AYMARA_AI_LOG", variable)
        AsyncAymaraAI(api_key=KEY)
        AsyncAymaraAI(api_key=KEY)
        assert quiet_again.level == level
        assert len(quiet_again.handlers) <= 1
