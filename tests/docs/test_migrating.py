"""The page for those who come from aymara-ai-sdk leaves out nothing, and its code passes a type checker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import aymara_async

PAGE = (Path(__file__).parents[2] / "docs" / "migrating.md").read_text(encoding="utf-8")

# What aymara-ai-sdk 1.2.1 exports and this package does not, and what its clients and raw responses have.
NOT_HERE = (
    "AsyncClient",
    "AsyncStream",
    "BaseModel",
    "Client",
    "DEFAULT_CONNECTION_LIMITS",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "DefaultAioHttpClient",
    "DefaultAsyncHttpxClient",
    "DefaultHttpxClient",
    "ENVIRONMENTS",
    "NOT_GIVEN",
    "NoneType",
    "NotGiven",
    "Omit",
    "ProxiesTypes",
    "Stream",
    "Timeout",
    "Transport",
    "__title__",
    "file_from_path",
    "not_given",
    "omit",
)
CLIENT_ATTRIBUTES = (
    "api_key",
    "bearer_token",
    "default_headers",
    "default_query",
    "max_retries",
    "timeout",
    "use_sandbox",
    "user_agent",
)
RESPONSE_ATTRIBUTES = ("elapsed", "http_request", "http_response", "http_version", "retries_taken")
VIEW_ARGUMENTS = ("base_url", "environment", "http_client", "set_default_headers", "set_default_query")


@pytest.mark.parametrize("name", NOT_HERE)
def test_a_name_that_is_not_here_is_on_the_page(name: str) -> None:
    assert not hasattr(aymara_async, name)
    assert re.search(rf"`{name}`", PAGE)


@pytest.mark.parametrize("name", CLIENT_ATTRIBUTES)
def test_what_a_client_does_not_tell_is_on_the_page(name: str) -> None:
    for client in (aymara_async.AymaraAI, aymara_async.AsyncAymaraAI):
        assert not hasattr(client(api_key="key"), name)
    assert re.search(rf"`(client\.)?{name}`", PAGE)


@pytest.mark.parametrize("name", RESPONSE_ATTRIBUTES)
def test_what_a_raw_response_does_not_tell_is_on_the_page(name: str) -> None:
    assert not hasattr(aymara_async.APIResponse, name)
    assert f"`response.{name}`" in PAGE


@pytest.mark.parametrize("name", VIEW_ARGUMENTS)
def test_what_a_view_cannot_change_is_on_the_page(name: str) -> None:
    arguments: dict[str, object] = {name: None}
    with pytest.raises(TypeError, match=name):
        aymara_async.AymaraAI(api_key="key").with_options(**arguments)
    assert re.search(rf"`(with_options\()?{name}(=…\))?`", PAGE)


@pytest.mark.timeout(180)
def test_the_code_passes_pyright(tmp_path: Path) -> None:
    code = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "migrated.py").write_text("\n".join(code), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "migrated.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
