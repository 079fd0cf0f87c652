"""The proxy that the environment names: used, logged in to, and not shown the key if it need not be."""

from __future__ import annotations

import pickle
import traceback

import pytest

from aymara_async import APIConnectionError, AymaraAIError, ConfigurationError
from aymara_async.transport.proxy import proxy_for
from tests.answers import EVAL, RUN
from tests.faulty_server import KEY, FaultyServer, client_of, private_tls, reply
from tests.transport.proxy_server import ProxyServer

LOGIN = "user:p@ss-of-proxy"
IN_URL = "user:p%40ss-of-proxy"
IN_HEADER = "dXNlcjpwQHNzLW9mLXByb3h5"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_http_goes_through_the_proxy(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ProxyServer() as proxy, FaultyServer(reply(200, EVAL)) as server:
        monkeypatch.setenv(variable, f"http://{proxy.address}")
        async with client_of(server) as client:
            assert (await client.evals.get("test.1")).eval_uuid == "test.1"
    assert proxy.heads[0].startswith(f"GET {server.url}/v2/evals/test.1 HTTP/1.1\r\n")
    assert len(server.requests) == 1


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_https_goes_through_a_tunnel_that_shows_no_key(
    variable: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, trusting = private_tls()
    async with ProxyServer() as proxy, FaultyServer(reply(200, EVAL), tls=tls) as server:
        monkeypatch.setenv(variable, f"{scheme}{proxy.address}")
        async with client_of(server, ssl_context=trusting, bearer_token="token-that-must-not-show") as client:
            view = client.with_options(api_key="other-key-that-must-not-show")
            await client.evals.get("test.1")
            await view.evals.get("test.1")
    assert proxy.heads[0].startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n")
    assert "must-not-show" not in "".join(proxy.heads)
    assert [request.headers["x-api-key"] for request in server.requests] == [KEY, f"other-{KEY}"]


async def test_login_for_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    tls, trusting = private_tls()
    async with ProxyServer(LOGIN) as proxy, FaultyServer(reply(200, EVAL), tls=tls) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{IN_URL}@{proxy.address}")
        async with client_of(server, ssl_context=trusting) as client:
            await client.evals.get("test.1")
            await client.evals.update("test.1", name="New")
    assert len(server.requests) == 2
    assert all("proxy-authorization" not in request.headers for request in server.requests)
    assert KEY not in "".join(proxy.heads)


async def test_login_for_every_forwarded_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ProxyServer(LOGIN) as proxy, FaultyServer(reply(200, EVAL)) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://{IN_URL}@{proxy.address}")
        async with client_of(server) as client:
            for _ in range(3):
                await client.evals.get("test.1")
            server.steps = [reply(200, RUN)]
            await client.evals.runs.score_responses(eval_uuid="test.1", responses=[{"prompt_uuid": "p"}])
    assert len(server.requests) == 4
    assert len(proxy.heads) == 4


@pytest.mark.parametrize("scheme", ["HTTP", "HTTPS"])
async def test_login_that_is_refused_shows_in_no_error(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, trusting = private_tls()
    is_tls = scheme == "HTTPS"
    async with (
        ProxyServer("other:login") as proxy,
        FaultyServer(reply(200, EVAL), tls=tls if is_tls else None) as server,
    ):
        monkeypatch.setenv(f"{scheme}_PROXY", f"http://{IN_URL}@{proxy.address}")
        async with client_of(server, ssl_context=trusting, max_retries=0) as client:
            for make in (
                lambda: client.evals.get("test.1"),
                lambda: client.evals.runs.score_responses(eval_uuid="test.1", responses=[]),
                lambda: client.evals.delete("test.1"),
            ):
                with pytest.raises(AymaraAIError, match="407") as caught:
                    await make()
                shown = (
                    "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(vars(caught.value))
                )
                shown += repr(caught.value.__cause__) + repr(pickle.dumps(caught.value))
                for secret in ("p@ss-of-proxy", "p%40ss", IN_HEADER, KEY):
                    assert secret not in shown
                if is_tls:
                    assert isinstance(caught.value, APIConnectionError)
                    assert not isinstance(caught.value, AssertionError)
    assert server.requests == []


@pytest.mark.parametrize("value", ["127.0.0.1", "*", "localhost, 127.0.0.1"])
async def test_no_proxy(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ProxyServer() as proxy, FaultyServer(reply(200, EVAL)) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", value)
        async with client_of(server) as client:
            await client.evals.get("test.1")
    assert proxy.heads == []


async def test_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ProxyServer() as proxy:
        pass
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server, max_retries=1) as client:
        monkeypatch.setenv("HTTP_PROXY", f"http://{IN_URL}@{proxy.address}")
        with pytest.raises(APIConnectionError, match="Nothing was sent; check base_url, network and proxy") as caught:
            await client.evals.runs.score_responses(eval_uuid="test.1", responses=[])
    assert "ss-of-proxy" not in repr(caught.value) + repr(caught.value.__cause__)


@pytest.mark.parametrize("address", ["socks5://127.0.0.1:1", "http://", "ftp://127.0.0.1"])
async def test_proxy_of_a_kind_that_we_do_not_speak(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", address)
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
        with pytest.raises(ConfigurationError, match="proxy"):
            await client.evals.get("test.1")
    assert server.connections == 0


async def test_key_for_this_machine_does_not_leave_it_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http to loopback is allowed because it stays here; through a proxy elsewhere it would not."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server, max_retries=0) as client:
        assert (await client.evals.get("test.1")).eval_uuid == "test.1"
    assert len(server.requests) == 1


async def test_presigned_upload_goes_through_the_proxy_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ProxyServer() as proxy, FaultyServer(reply(200, b"")) as storage, FaultyServer(reply()) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        async with client_of(server) as client:
            await client.files.put_presigned(f"{storage.url}/bucket/x?signature=s", b"bytes")
    assert len(proxy.heads) == 1
    assert KEY not in proxy.heads[0]
    assert storage.requests[0].body == b"bytes"


@pytest.mark.parametrize(
    ("exempt", "is_exempt"),
    [
        ("10.0.0.0/8", True),
        ("other.example, 10.1.0.0/16", True),
        ("10.1.2.3/16", True),
        ("192.168.0.0/16", False),
        ("10.0.0.0/99,/,x/8", False),
        ("", False),
    ],
)
def test_networks_that_need_no_proxy(exempt: str, is_exempt: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exempt)
    assert (proxy_for("https://10.1.2.3/v2") is None) == is_exempt
    assert proxy_for("https://api.example.com") is not None
    monkeypatch.setenv("NO_PROXY", "2001:db8::/32")
    assert proxy_for("https://[2001:db8::1]/v2") is None


@pytest.mark.parametrize(
    "url",
    [
        "http://[bad",
        "http://user:p%40ss-of-proxy@host:port",
        "http://host:99999",
        "http://",
        "http://a b",
        "socks5://h:1",
        "://",
    ],
)
async def test_proxy_that_is_none_is_named_without_its_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    async with client_of("https://api.example.com") as client:
        with pytest.raises(ConfigurationError, match=r"HTTPS_PROXY.*NO_PROXY") as caught:
            await client.evals.get("test.1")
        with pytest.raises(ConfigurationError):
            await client.files.put_presigned("https://storage.example.com/x?signature=secret", b"x")
    assert "p%40ss-of-proxy" not in "".join(traceback.format_exception(caught.value))


async def test_base_url_in_capitals_does_not_show_the_login_to_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    tls, trusting = private_tls()
    async with ProxyServer(LOGIN) as proxy, FaultyServer(reply(200, EVAL), tls=tls) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{IN_URL}@{proxy.address}")
        url = server.url.replace("https:", "HTTPS:")
        async with client_of(url, ssl_context=trusting) as client:
            await client.evals.get("test.1")
            await client.files.put_presigned(f"{url}/x", b"x")
    assert all("proxy-authorization" not in request.headers for request in server.requests)
