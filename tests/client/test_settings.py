"""What a client is told, by arguments and by the environment, and what it refuses to be told."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from aymara_async import AsyncAymaraAI, ConfigurationError, RequestValidationError, RetryPolicy
from tests.answers import EVAL
from tests.faulty_server import KEY, FaultyServer, client_of, reply

NAN, INFINITY = math.nan, math.inf


class TestKeys:
    async def test_key_by_argument(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server, api_key="a-key") as client:
            await client.evals.get("test.1")
        assert server.last_headers["x-api-key"] == "a-key"
        assert "authorization" not in server.last_headers

    async def test_key_by_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AYMARA_AI_API_KEY", "from-environment")
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server, api_key=None) as client:
            await client.evals.get("test.1")
        assert server.last_headers["x-api-key"] == "from-environment"

    async def test_argument_goes_before_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AYMARA_AI_API_KEY", "from-environment")
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server, api_key="argument") as client:
            await client.evals.get("test.1")
        assert server.last_headers["x-api-key"] == "argument"

    async def test_token_by_argument_or_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with FaultyServer(reply(200, EVAL)) as server:
            async with client_of(server, api_key=None, bearer_token="token") as client:
                await client.evals.get("test.1")
            assert server.last_headers["authorization"] == "Bearer token"
            assert "x-api-key" not in server.last_headers
            monkeypatch.setenv("AYMARA_AI_BEARER_TOKEN", "token-2")
            async with client_of(server) as client:
                await client.evals.get("test.1")
            assert server.last_headers["authorization"] == "Bearer token-2"
            assert server.last_headers["x-api-key"] == KEY

    def test_neither(self) -> None:
        with pytest.raises(ConfigurationError, match="AYMARA_AI_API_KEY"):
            AsyncAymaraAI()

    def test_empty_variable_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AYMARA_AI_API_KEY", "")
        AsyncAymaraAI(bearer_token="token")
        with pytest.raises(ConfigurationError, match="There is no API key"):
            AsyncAymaraAI()

    @pytest.mark.parametrize("name", ["api_key", "bearer_token"])
    @pytest.mark.parametrize(
        "value", ["", " ", "two words", "line\nend", "clé-secrète", "tab\t", "nul\0", "x\r\nHost: y", 5, b"x"]
    )
    def test_value_that_is_no_key(self, name: str, value: object) -> None:
        for make in (AsyncAymaraAI, AsyncAymaraAI(api_key=KEY).with_options):
            with pytest.raises(ConfigurationError, match=name) as caught:
                make(**{name: value})  # type: ignore[arg-type]  # the point of it
            assert not str(value).strip() or len(str(value)) < 2 or str(value) not in str(caught.value)

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            (b"key", "bytes.*decode it"),
            (5, "of type int"),
            ('"key"', "quotes"),
            ("key\n", "line end"),
            ("key\u2013", "outside ASCII"),
            ("my key", "spaces"),
        ],
    )
    def test_what_is_wrong_with_a_key_is_said(self, value: object, said: str) -> None:
        with pytest.raises(ConfigurationError, match=f"The api_key.*{said}"):
            AsyncAymaraAI(api_key=value)  # type: ignore[arg-type]  # the point of it

    async def test_key_that_is_hidden(self) -> None:
        pydantic = pytest.importorskip("pydantic")
        async with FaultyServer(reply(200, EVAL)) as server:
            async with client_of(server, api_key=pydantic.SecretStr("hidden")) as client:
                await client.evals.get("test.1")
        assert server.last_headers["x-api-key"] == "hidden"
        with pytest.raises(ConfigurationError, match="line end"):
            AsyncAymaraAI(api_key=pydantic.SecretStr("hidden\n"))

    async def test_view_with_another_key(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
            await client.with_options(api_key="other").evals.get("test.1")
            assert server.last_headers["x-api-key"] == "other"
            await client.evals.get("test.1")
            assert server.last_headers["x-api-key"] == KEY

    async def test_key_of_one_call_by_header(self) -> None:
        async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
            await client.evals.get("test.1", extra_headers={"X-API-KEY": "other"})
        assert server.last_headers["x-api-key"] == "other"


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
    ("name", "value"),
    [pair for pair in [*WRONG_NUMBERS, *WRONG_REST] if pair[0] not in {"max_connections", "max_response_bytes"}],
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
        with pytest.raises(TypeError, match=r"argument 'time_out'. Did you mean 'timeout'\? Nothing was sent"):
            await client.evals.list(time_out=3)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match=r"'num_prompt'. Beside its own, a method takes extra_body, extra_headers"):
            await client.evals.create(ai_description="x", eval_type="safety", num_prompt=3)  # type: ignore[call-arg]
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


@pytest.mark.parametrize("end", ["/v2", "/v2/", "/"])
def test_address_may_hold_what_every_path_begins_with(end: str) -> None:
    assert AsyncAymaraAI(api_key=KEY, base_url=f"https://host/gateway{end}").base_url == "https://host/gateway"


@pytest.mark.parametrize("value", [True, -1, "3", 2.0])
def test_number_of_retries_that_is_none(value: object) -> None:
    with pytest.raises(ConfigurationError, match="max_retries"):
        AsyncAymaraAI(api_key=KEY, max_retries=value)  # type: ignore[arg-type]  # the point of it


def test_without_metadata_the_version_is_unknown() -> None:
    code = (
        "import importlib.metadata as m\ndef version(name): raise m.PackageNotFoundError(name)\nm.version = version\n"
    )
    code += "import aymara_async as a; a.AsyncAymaraAI(api_key='k'); print(a.__version__)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "unknown\n"
