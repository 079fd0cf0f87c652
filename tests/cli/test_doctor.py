"""``aymara-async doctor`` in a real process, against real servers that are well or not."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
import trustme

from aymara_async.cli.checking import finding
from aymara_async.cli.checking import installation as installation_checks
from aymara_async.cli.checking import network as network_checks
from aymara_async.cli.checking.finding import Finding, Patient
from aymara_async.sandbox import Sandbox
from tests.cli.process import run
from tests.faulty_server import (
    Exchange,
    FaultyServer,
    Step,
    error,
    never_speak,
    private_tls,
    reply,
    stall,
)
from tests.transport.proxy_server import ProxyServer

KEY = "a-key-that-must-not-show"
NAMES = [
    *("python", "packages", "extras", "key", "address", "results", "certificates", "proxy", "dns", "connection"),
    *("encryption", "health", "acceptance", "clock"),
]
NO_PROXY = {"http_proxy": "", "https_proxy": "", "HTTP_PROXY": "", "HTTPS_PROXY": "", "all_proxy": "", "ALL_PROXY": ""}
EMPTY_LIST = {"items": [], "count": 0}


@attrs.frozen
class Examined:
    code: int
    findings: dict[str, dict[str, Any]]
    stderr: str

    def of(self, status: str) -> list[str]:
        """Name the checks with that status."""
        return [name for name, one in self.findings.items() if one["status"] == status]


async def examine(url: str | None, *arguments: object, **env: str) -> Examined:
    """Run it, and see to what holds always: every check is told, and the key is not."""
    settings = NO_PROXY | {"AYMARA_AI_API_KEY": KEY} | ({} if url is None else {"AYMARA_AI_BASE_URL": url}) | env
    ended = await run("doctor", *arguments, "--format", "json", env=settings)
    assert KEY not in ended.stdout + ended.stderr
    findings = {one["check"]: one for one in ended.json()}
    assert list(findings) == NAMES
    assert all(one["advice"] for one in findings.values() if one["status"] in ("warning", "failure"))
    examined = Examined(ended.code, findings, ended.stderr)
    assert ended.code == (3 if examined.of("failure") else 0)
    return examined


def answering(health: Step, evals: Step) -> FaultyServer:
    async def step(exchange: Exchange) -> None:
        await (health if exchange.request.target == "/health/" else evals)(exchange)

    return FaultyServer(step)


async def test_all_is_well(sandbox: Sandbox) -> None:
    examined = await examine(sandbox.url, AYMARA_AI_API_KEY=sandbox.api_key)
    assert examined.of("ok") == [name for name in NAMES if name != "encryption"]
    assert examined.code == 0
    assert examined.stderr == "No check failed.\n"
    assert [request.operation for request in sandbox.requests] == ["health.check", "evals.list"]


async def test_table_in_80_columns(sandbox: Sandbox) -> None:
    env = NO_PROXY | {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": "wrong"}
    ended = await run("doctor", env=env)
    assert ended.code == 3
    assert [line.split()[0] for line in ended.stdout.splitlines()[2:] if not line.startswith(" ")] == NAMES
    assert all(len(line) <= 80 for line in ended.stdout.splitlines())
    assert "1 of 14 checks failed." in ended.stderr


async def test_wrong_key(sandbox: Sandbox) -> None:
    examined = await examine(sandbox.url)
    assert examined.of("failure") == ["acceptance"]
    assert "401 auth.invalid_key, request id req_" in examined.findings["acceptance"]["message"]
    assert examined.findings["clock"]["status"] == "ok"


async def test_key_is_not_shown_to_the_health_operation() -> None:
    async with answering(reply(200, {}), reply(200, EMPTY_LIST)) as server:
        await examine(server.url)
    assert [request.headers["x-api-key"] == KEY for request in server.requests] == [False, True]


async def test_key_may_not_read(sandbox: Sandbox) -> None:
    async with answering(reply(200, {}), error(403, "auth.insufficient_permissions")) as server:
        examined = await examine(server.url, "--workspace", "w1")
    assert examined.of("failure") == ["acceptance"]
    assert "--workspace" in examined.findings["acceptance"]["advice"]
    assert "workspace_uuid=w1" in server.requests[-1].target


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"AYMARA_AI_API_KEY": ""}, "AYMARA_AI_API_KEY is set, but empty."),
        ({"AYMARA_AI_API_KEY": f" {KEY}"}, "begins or ends with white space"),
        ({"AYMARA_AI_API_KEY": f"{KEY}\n"}, "begins or ends with white space"),
        ({"AYMARA_AI_API_KEY": f'"{KEY}"'}, "has quotes around it"),
        ({"AYMARA_AI_API_KEY": f"Bearer {KEY}"}, "begins with the word Bearer"),
        ({"AYMARA_AI_API_KEY": "<your key>"}, "holds white space or a placeholder"),
        ({"AYMARA_AI_API_KEY": "your key"}, "holds white space or a placeholder"),
        ({"AYMARA_AI_API_KEY": f"{KEY}–"}, "holds characters that no key has"),
        ({"AYMARA_AI_API_KEY": "", "AYMARA_AI_BEARER_TOKEN": "'x"}, "AYMARA_AI_BEARER_TOKEN has quotes"),
    ],
)
async def test_key_of_the_wrong_form(env: dict[str, str], said: str, sandbox: Sandbox) -> None:
    examined = await examine(sandbox.url, **env)
    assert examined.of("failure") == ["key"]
    assert said in examined.findings["key"]["message"]
    assert examined.findings["acceptance"]["status"] == "skipped"
    assert examined.findings["health"]["status"] == "ok"


async def test_key_under_another_name(sandbox: Sandbox) -> None:
    env = NO_PROXY | {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_API_KEY": KEY}
    ended = await run("doctor", "--format", "json", env=env)
    key = next(one for one in ended.json() if one["check"] == "key")
    assert key["message"] == "AYMARA_AI_API_KEY is not set."
    assert "AYMARA_API_KEY is set, but not read." in key["advice"]
    assert KEY not in ended.stdout


async def test_two_keys(sandbox: Sandbox) -> None:
    examined = await examine(sandbox.url, AYMARA_AI_API_KEY=sandbox.api_key, AYMARA_AI_BEARER_TOKEN=sandbox.api_key)
    assert examined.of("warning") == ["key"]


async def test_no_server() -> None:
    examined = await examine("http://127.0.0.1:9")
    assert examined.of("failure") == ["connection"]
    assert examined.findings["connection"]["message"] == "Port 9 takes no connection: Connection refused."
    assert examined.of("skipped") == ["encryption", "health", "acceptance", "clock"]


async def test_name_without_an_address() -> None:
    examined = await examine("https://api.invalid")
    assert examined.of("failure") == ["dns"]
    assert "api.invalid has no address" in examined.findings["dns"]["message"]
    assert examined.of("skipped") == ["connection", "encryption", "health", "acceptance", "clock"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://x", "must look like https://host"),
        ("http://example.com", "unencrypted"),
        ("https://user:secret@example.com", "holds a user name or password"),
        ("https://x y", "holds spaces"),
    ],
)
async def test_unusable_address(url: str, said: str) -> None:
    examined = await examine(url)
    assert examined.of("failure") == ["address"]
    assert said in examined.findings["address"]["message"]
    assert "secret" not in examined.findings["address"]["message"]
    assert examined.of("skipped") == NAMES[NAMES.index("proxy") :]


async def test_address_that_is_odd(sandbox: Sandbox) -> None:
    examined = await examine(f"{sandbox.url}/v2/", AYMARA_AI_API_KEY=sandbox.api_key)
    assert examined.of("failure") == []
    examined = await examine("http://api.invalid", "--allow-http")
    assert examined.of("warning") == ["address"]


async def test_base_url_goes_before_the_environment(sandbox: Sandbox) -> None:
    examined = await examine("https://api.invalid", "--base-url", sandbox.url, AYMARA_AI_API_KEY=sandbox.api_key)
    assert examined.code == 0
    assert examined.findings["address"]["message"] == f"{sandbox.url}, by --base-url."


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, "ok"), (-60, "warning"), (60, "warning"), (-7200, "failure"), (7200, "failure")]
)
async def test_clock(seconds: int, status: str) -> None:
    date = {"Date": format_datetime(datetime.now(UTC) - timedelta(seconds=seconds), usegmt=True)}
    async with answering(reply(200, {}, date), reply(200, EMPTY_LIST, date)) as server:
        examined = await examine(server.url)
    assert examined.findings["clock"]["status"] == status
    if seconds:
        told = re.search(r"clock is (\d+) s (fast|slow)", examined.findings["clock"]["message"])
        assert told
        assert abs(int(told[1]) - abs(seconds)) < 30
        assert told[2] == ("fast" if seconds > 0 else "slow")


@pytest.mark.parametrize("date", [{}, {"Date": "soon"}])
async def test_server_without_a_clock(date: dict[str, str]) -> None:
    async with answering(reply(200, {}, date), reply(200, EMPTY_LIST, date)) as server:
        examined = await examine(server.url)
    assert examined.findings["clock"]["status"] == "skipped"


async def test_server_that_is_not_the_api() -> None:
    page = reply(200, b"<html>Log in</html>", {"Content-Type": "text/html"})
    async with FaultyServer(page) as server:
        examined = await examine(server.url)
    assert examined.of("failure") == ["health", "acceptance"]
    assert examined.findings["health"]["message"] == "A web page answered in place of the API."
    assert examined.findings["acceptance"]["message"] == "What answered is not the Aymara API."


async def test_server_that_is_ill() -> None:
    async with FaultyServer(error(503)) as server:
        examined = await examine(server.url)
    assert examined.of("failure") == ["health", "acceptance"]
    assert examined.findings["health"]["message"] == "The health operation answered 503."
    assert examined.findings["acceptance"]["advice"] == "Try again later."
    assert len(server.requests) == 2


async def test_server_that_never_answers_holds_nothing_up() -> None:
    async with FaultyServer(stall) as server:
        examined = await examine(server.url, "--timeout", "0.3")
    assert examined.of("failure") == ["health"]
    assert examined.of("skipped") == ["encryption", "acceptance", "clock"]


async def test_certificate_of_its_own(tmp_path: Path) -> None:
    authority = trustme.CA()
    tls, _ = private_tls(authority=authority)
    async with FaultyServer(reply(200, EMPTY_LIST), tls=tls) as server:
        examined = await examine(server.url)
        assert examined.of("failure") == ["encryption"]
        assert "is not trusted" in examined.findings["encryption"]["message"]
        assert "SSL_CERT_FILE" in examined.findings["encryption"]["advice"]
        assert not server.requests
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        examined = await examine(server.url, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
        assert not examined.of("failure")
        assert "certificate valid until" in examined.findings["encryption"]["message"]


async def test_certificate_for_another_name(tmp_path: Path) -> None:
    authority = trustme.CA()
    tls, _ = private_tls("example.com", authority)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with FaultyServer(reply(200, EMPTY_LIST), tls=tls) as server:
        examined = await examine(server.url, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
    assert examined.of("failure") == ["encryption"]


async def test_certificate_that_ends_soon(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", not_after=datetime.now(UTC) + timedelta(days=3))
    tls, _ = private_tls(authority=authority)
    certificate.configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with FaultyServer(reply(200, EMPTY_LIST), tls=tls) as server:
        examined = await examine(server.url, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
    assert examined.findings["encryption"]["status"] == "warning"


async def test_plain_server_where_tls_is_expected(sandbox: Sandbox) -> None:
    examined = await examine(sandbox.url.replace("http:", "https:"))
    assert examined.of("failure") == ["encryption"]
    assert "may begin with http" in examined.findings["encryption"]["advice"]


async def test_handshake_that_never_ends() -> None:
    async with FaultyServer(stall, accept=never_speak) as server:
        examined = await examine(server.url.replace("http:", "https:"), "--timeout", "0.3")
    assert examined.of("failure") == ["encryption"]
    assert examined.findings["encryption"]["message"] == "No answer within 0.3 s."


@pytest.mark.parametrize(
    ("variable", "content", "said"),
    [
        ("SSL_CERT_FILE", None, "which cannot be read: No such file"),
        ("SSL_CERT_FILE", "no certificate", "which holds no certificate in PEM form"),
        ("SSL_CERT_DIR", None, "which is no folder"),
    ],
)
async def test_certificates_that_are_not_there(variable: str, content: str | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    examined = await examine("https://127.0.0.1:9", **{variable: str(tmp_path / "ca.pem")})
    assert examined.of("failure") == ["certificates", "connection"]
    assert said in examined.findings["certificates"]["message"]


async def test_variable_for_certificates_that_is_not_read(tmp_path: Path) -> None:
    examined = await examine("https://127.0.0.1:9", REQUESTS_CA_BUNDLE="ca.pem", SSL_CERT_FILE="")
    assert examined.findings["certificates"]["status"] == "warning"
    assert "REQUESTS_CA_BUNDLE is not read" in examined.findings["certificates"]["advice"]


async def test_proxy_that_is_not_there(sandbox: Sandbox) -> None:
    examined = await examine(sandbox.url, HTTP_PROXY="http://me:secret@127.0.0.1:9", http_proxy="http://127.0.0.1:9")
    assert examined.of("failure") == ["proxy"]
    assert "Connection refused" in examined.findings["proxy"]["message"]
    assert "NO_PROXY" in examined.findings["proxy"]["advice"]
    assert "secret" not in json.dumps(examined.findings)


async def test_proxy_that_is_no_http_proxy(sandbox: Sandbox) -> None:
    examined = await examine(sandbox.url, http_proxy="socks5://127.0.0.1:9")
    assert examined.of("failure") == ["proxy"]


async def test_proxy_that_works(sandbox: Sandbox) -> None:
    async with ProxyServer() as proxy:
        login = f"http://me:secret@{proxy.address}"
        examined = await examine(sandbox.url, AYMARA_AI_API_KEY=sandbox.api_key, http_proxy=login)
        assert examined.code == 0
        assert len(proxy.heads) == 2
        assert examined.of("skipped") == ["dns", "connection", "encryption"]
        assert proxy.address in examined.findings["proxy"]["message"]
        assert "secret" not in json.dumps(examined.findings)
        env = {"http_proxy": login, "no_proxy": "127.0.0.1"}
        examined = await examine(sandbox.url, AYMARA_AI_API_KEY=sandbox.api_key, **env)
        assert len(proxy.heads) == 2
        assert "not for this server" in examined.findings["proxy"]["message"]


async def test_made_up_results(sandbox: Sandbox) -> None:
    key = sandbox.api_key
    assert (await examine(sandbox.url, AYMARA_AI_API_KEY=key, AYMARA_AI_USE_SANDBOX="1")).of("warning") == ["results"]
    examined = await examine(sandbox.url, AYMARA_AI_API_KEY=key, AYMARA_AI_USE_SANDBOX="perhaps")
    assert "results" in examined.of("failure")


def patient_of(url: str = "https://example.com") -> Patient:
    return Patient(base_url=None, workspace_uuid=None, allow_http=False, timeout=0.05, url=url)


async def test_name_service_that_hangs_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(*_: object, **__: object) -> object:
        return asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    monkeypatch.setattr(network_checks.socket, "getaddrinfo", hang)
    found = await finding.examine("dns", network_checks.check_dns, patient_of())
    assert (found.status, found.message) == ("failure", "No answer within 0.05 s.")
    release.set()


async def test_check_that_breaks_stops_no_other() -> None:
    async def break_down(_: Patient) -> Finding:
        raise RuntimeError("odd")

    found = await finding.examine("dns", break_down, patient_of())
    assert (found.status, found.message) == ("failure", "Unexpected RuntimeError: odd")


REQUIREMENTS = [
    "attrs>=24.2",
    "click>=8.1; extra == 'cli'",
    "rich>=13.9; extra == 'cli'",
    "nothing-like-it>=1; extra == 'made-up'",
    "click>=99; extra == 'half'",
    "nothing-like-it; extra == 'dev'",
]


async def test_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation_checks, "requires", lambda _: REQUIREMENTS)
    found = await installation_checks.check_extras(patient_of())
    assert found.status == "warning"
    assert found.message.startswith("Installed: cli. Not installed: made-up. In part: half: click ")
    assert found.message.endswith(" is older than 99.")
    assert found.advice == "Run: pip install --upgrade 'aymara-async[half]'"


async def test_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation_checks, "requires", lambda _: [*REQUIREMENTS, "aiohttp>=99.1", "absent>=1"])
    found = await installation_checks.check_packages(patient_of())
    assert found.status == "failure"
    assert re.fullmatch(r"aiohttp \S+ is older than 99\.1; absent is not installed\.", found.message)
    monkeypatch.setattr(installation_checks.sys, "version_info", (3, 10, 2))
    assert (await installation_checks.check_python(patient_of())).status == "failure"
