"""What a client is told, by arguments and by the environment, and what it refuses to be told."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator

import pytest

from aymara_async import AsyncAymaraAI, AymaraAIError, ConfigurationError, RequestValidationError, RetryPolicy
from tests.answers import EVAL, page
from tests.faulty_server import KEY, FaultyServer, client_of, reply

NAN, INFINITY = math.nan, math.inf


def headers_of(server: FaultyServer) -> dict[str, str]:
    return dict(server.requests[-1].headers)


class TestKeys:
    async def test_key_by_argument(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server, api_key="a-key") as client:
            await client.evals.get("test.1")
        assert headers_of(server)["x-api-key"] == "a-key"
        assert "authorization" not in headers_of(server)

    async def test_key_by_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AYMARA_AI_API_KEY", "from-environment")
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server, api_key=None) as client:
            await client.evals.get("test.1")
        assert headers_of(server)["x-api-key"] == "from-environment"

    async def test_argument_goes_before_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AYMARA_AI_API_KEY", "from-environment")
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server, api_key="argument") as client:
            await client.evals.get("test.1")
        assert headers_of(server)["x-api-key"] == "argument"

    async def test_token_by_argument_or_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with FaultyServer(reply(200, EVAL)) as server:
            async with client_of(server, api_key=None, bearer_token="token") as client:
                await client.evals.get("test.1")
            assert headers_of(server)["authorization"] == "Bearer token"
            assert "x-api-key" not in headers_of(server)
            monkeypatch.setenv("AYMARA_AI_BEARER_TOKEN", "token-2")
            async with client_of(server) as client:
                await client.evals.get("test.1")
            assert headers_of(server)["authorization"] == "Bearer token-2"
            assert headers_of(server)["x-api-key"] == KEY

    def test_neither(self) -> None:
        with pytest.raises(ConfigurationError, match="AYMARA_AI_API_KEY"):
            AsyncAymaraAI()

    def test_empty_variable_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AYMARA_AI_API_KEY", "")
        AsyncAymaraAI(bearer_token="token")
        with pytest.raises(ConfigurationError, match="There is no API key"):
            AsyncAymaraAI()

    @pytest.mark.parametrize("name", ["api_key", "bearer_token"])
    @pytest.mark.parametrize("value", ["", " ", "two words", "line\nend", "clé-secrète", "tab\t", "nul\0", "x\r\nHost: y", 5, b"x"])
    def test_value_that_is_no_key(self, name: str, value: object) -> None:
        for make in (AsyncAymaraAI, AsyncAymaraAI(api_key=KEY).with_options):
            with pytest.raises(ConfigurationError, match=name) as caught:
                make(**{name: value})  # type: ignore[arg-type]  # the point of it
            assert not str(value).strip() or len(str(value)) < 2 or str(value) not in str(caught.value)

    async def test_view_with_another_key(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
            await client.with_options(api_key="other").evals.get("test.1")
            assert headers_of(server)["x-api-key"] == "other"
            await client.evals.get("test.1")
            assert headers_of(server)["x-api-key"] == KEY

    async def test_key_of_one_call_by_header(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
            await client.evals.get("test.1", extra_headers={"X-API-KEY": "other"})
        assert headers_of(server)["x-api-key"] == "other"


class TestAddress:
    @pytest.mark.parametrize(
        ("environment", "url"),
        [
            (None, "https://api.aymara.ai"),
            ("production", "https://api.aymara.ai"),
            ("staging", "https://staging-api.aymara.ai"),
            ("development", "http://localhost:8000"),
        ],
    )
    def test_environment(self, environment: str | None, url: str) -> None:
        assert AsyncAymaraAI(api_key=KEY, environment=environment).base_url == url  # type: ignore[arg-type]

    def test_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AYMARA_AI_BASE_URL", "https://gateway.example/aymara/")
        assert AsyncAymaraAI(api_key=KEY).base_url == "https://gateway.example/aymara"
        assert AsyncAymaraAI(api_key=KEY, base_url="https://b.example").base_url == "https://b.example"
        with pytest.raises(ConfigurationError, match="AYMARA_AI_BASE_URL"):
            AsyncAymaraAI(api_key=KEY, environment="staging")

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "api.aymara.ai",
            "ftp://api.aymara.ai",
            "https://",
            "https://host?x=1",
            "https://host#x",
            "https://host:port",
            "https://host:99999",
            "https://[bad",
            "https://user:password@host",
            "https://host/a b",
            "https://hôst",
            "https://host/\n",
            "file:///etc/passwd",
            5,
            b"https://host",
        ],
    )
    def test_what_is_no_address(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="base_url") as caught:
            AsyncAymaraAI(api_key=KEY, base_url=url)
        assert "password" not in str(caught.value).replace("user name or password", "")

    def test_unknown_environment(self) -> None:
        with pytest.raises(ConfigurationError, match="There is no environment 'moon'"):
            AsyncAymaraAI(api_key=KEY, environment="moon")  # type: ignore[arg-type]


WRONG_NUMBERS = [
    ("timeout", 0),
    ("timeout", -1),
    ("timeout", NAN),
    ("timeout", "60"),
    ("timeout", True),
    ("timeout", INFINITY),
    ("deadline", INFINITY),
    ("deadline", 0),
    ("deadline", -0.5),
    ("deadline", NAN),
    ("deadline", [1]),
    ("max_retries", -1),
    ("max_retries", 1.5),
    ("max_retries", "3"),
    ("max_connections", 0),
    ("max_connections", -1),
    ("max_connections", 2.5),
    ("max_response_bytes", 0),
    ("max_response_bytes", -1),
    ("max_response_bytes", INFINITY),
]
WRONG_REST: list[tuple[str, object]] = [
    ("default_headers", {"X-A": "line\nend"}),
    ("default_headers", {"X-A": "line\r\nX-B: 1"}),
    ("default_headers", {"X\n": "a"}),
    ("default_headers", {"": "a"}),
    ("default_headers", {"X A:": "a"}),
    ("default_headers", {"X-A": 5}),
    ("default_headers", {"X-A": b"bytes"}),
    ("default_headers", {"X-A": "nul\0"}),
    ("default_headers", {"X-A": "\ud800"}),
    ("default_headers", {5: "a"}),
    ("default_headers", "text"),
    ("default_query", {"a": object()}),
    ("default_query", {"a": {"b": 1}}),
    ("default_query", {"a": NAN}),
    ("default_query", "a=b"),
    ("workspace_uuid", 5),
    ("workspace_uuid", ""),
    ("retry", 3),
    ("use_sandbox", "no"),
    ("use_sandbox", 1),
]


@pytest.mark.parametrize(("name", "value"), [*WRONG_NUMBERS, *WRONG_REST])
def test_argument_that_makes_no_sense(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=name):
        AsyncAymaraAI(api_key=KEY, **{name: value})  # type: ignore[arg-type]  # the point of it


@pytest.mark.parametrize(
    ("name", "value"), [pair for pair in [*WRONG_NUMBERS, *WRONG_REST] if pair[0] not in {"max_connections", "max_response_bytes"}]
)
def test_option_that_makes_no_sense(name: str, value: object) -> None:
    client = AsyncAymaraAI(api_key=KEY)
    with pytest.raises(ConfigurationError, match=name):
        client.with_options(**{name: value})  # type: ignore[arg-type]  # the point of it


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", NAN),
        ("timeout", "60"),
        ("timeout", INFINITY),
        ("extra_headers", {"X-A": "line\nend"}),
        ("extra_headers", {"X\r\n": "a"}),
        ("extra_headers", {"X-A": 5}),
        ("extra_headers", {"X-A": None}),
        ("extra_headers", {"X-A": "\ud800"}),
        ("extra_headers", {5: "a"}),
        ("extra_headers", "text"),
        ("extra_query", "a=b"),
        ("extra_query", {5: "a"}),
        ("extra_body", "text"),
        ("extra_body", [1]),
        ("extra_body", {"a": object()}),
        ("extra_body", {"a": NAN}),
    ],
)
async def test_option_of_one_call_that_makes_no_sense(name: str, value: object) -> None:
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
        for make in (client.evals.update, client.evals.with_raw_response.update):
            with pytest.raises(RequestValidationError, match="Nothing was sent"):
                await make("test.1", **{name: value})  # type: ignore[arg-type]  # the point of it
    assert server.connections == 0


async def test_option_that_does_not_exist() -> None:
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
        with pytest.raises(TypeError, match="unexpected keyword argument 'time_out'"):
            await client.evals.get("test.1", time_out=3)  # type: ignore[call-arg]  # the point of it
        with pytest.raises(TypeError, match="unexpected keyword argument 'time_out'"):
            await client.evals.list(time_out=3)  # type: ignore[call-arg]
    assert server.connections == 0


class TestRetryPolicy:
    @pytest.mark.parametrize("name", ["initial_wait", "max_wait", "max_retry_after"])
    @pytest.mark.parametrize("value", [-1.0, NAN, "1"])
    def test_waits_are_not_negative(self, name: str, value: object) -> None:
        with pytest.raises((ValueError, TypeError)):
            RetryPolicy(**{name: value})  # type: ignore[arg-type]  # the point of it

    def test_number_alone_keeps_the_rest(self) -> None:
        client = AsyncAymaraAI(api_key=KEY, retry=RetryPolicy(max_wait=3), max_retries=7)
        assert client._settings.call.retry == RetryPolicy(max_wait=3, max_retries=7)
        view = client.with_options(max_retries=0)
        assert view._settings.call.retry == RetryPolicy(max_wait=3, max_retries=0)
        assert client._settings.call.retry.max_retries == 7


class TestDefaults:
    async def test_headers_add_up_and_the_nearest_wins(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server:
            async with client_of(server, default_headers={"X-A": "client", "X-B": "client", "X-C": "client"}) as client:
                view = client.with_options(default_headers={"x-b": "view", "X-C": "view"})
                await view.evals.get("test.1", extra_headers={"x-c": "call", "X-D": "call"})
                sent = headers_of(server)
                assert [sent[f"x-{name}"] for name in "abcd"] == ["client", "view", "call", "call"]
                await client.evals.get("test.1")
                sent = headers_of(server)
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
        assert headers_of(server)["user-agent"].startswith("aymara-async/")
        assert headers_of(server)["accept"] == "application/json"


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
        assert headers_of(server)["x-use-sandbox"] == "True"

    @pytest.mark.parametrize("variable", ["false", "0", "", "no"])
    async def test_no_sandbox_by_variable(self, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AYMARA_AI_USE_SANDBOX", variable)
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
            await client.evals.create(ai_description="a", eval_type="b")
        assert server.requests[0].json() == {"ai_description": "a", "eval_type": "b"}
        assert "x-use-sandbox" not in headers_of(server)

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
