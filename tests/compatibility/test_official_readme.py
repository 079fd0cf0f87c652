"""The examples of aymara-ai-sdk's own README, run as they stand but for the import and the placeholders."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aymara_async.settings
from aymara_async import AymaraAI
from aymara_async.sandbox import Sandbox

pytestmark = pytest.mark.slow

ELSEWHERE = {
    "httpx": "httpx is not what this package is built on",
    "http_client": "there is one way to speak HTTP, and nothing to choose",
    "with_streaming_response": "answers are small; with_raw_response gives their bytes",
    "model_fields_set": "a field left out and a null both read as None",
}


@pytest.fixture(scope="module")
def readme(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("official")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "aymara-ai-sdk==1.2.1"]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        metadata = next(name for name in wheel.namelist() if name.endswith("METADATA"))
        return wheel.read(metadata).decode()


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        monkeypatch.setenv("AYMARA_AI_API_KEY", sandbox.api_key)
        for name in ("production", "staging"):
            monkeypatch.setitem(aymara_async.settings.ENVIRONMENTS, name, sandbox.url)  # type: ignore[arg-type]
        yield sandbox


def placeholders(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    with AymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
        made = client.evals.create(ai_description="x", eval_type="safety", num_prompts=70)
        prompt = client.evals.list_prompts(client.evals.wait(made.eval_uuid or "", poll_interval=0).eval_uuid or "")
        (tmp_path / "file").write_bytes(b"bytes")
        return {
            "your_eval_uuid_here": made.eval_uuid or "",
            "some-eval-uuid": made.eval_uuid or "",
            "some-prompt-uuid": prompt.items[0].prompt_uuid,
            "/path/to/file": str(tmp_path / "file"),
            '"My API Key"': repr(sandbox.api_key),
            "aymara_ai": "aymara_async",
        }


def test_every_example_runs(readme: str, sandbox: Sandbox, tmp_path: Path) -> None:
    ran = 0
    namespace: dict[str, Any] = {"__name__": "__main__"}
    values = placeholders(sandbox, tmp_path)
    for block in re.findall(r"^```py(?:thon)?\n(.*?)^```", readme, flags=re.DOTALL | re.MULTILINE):
        if any(word in block for word in ELSEWHERE):
            continue
        code = block
        for word, value in values.items():
            code = code.replace(word, value)
        if re.search(r"^\S.*\bawait\b", code, flags=re.MULTILINE):  # a notebook's cell, here for the blocking client
            code = code.replace("await ", "")
            namespace["client"] = AymaraAI()
        exec(compile(code, "README of aymara-ai-sdk", "exec"), namespace)
        ran += 1
    assert ran >= 10
