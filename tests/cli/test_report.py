"""``aymara-async report`` in a real process, against a real sandbox; what is on the page is tested in tests/browser."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aymara_async.sandbox import Sandbox
from tests.cli.process import finish, line_with, own_environment, run, start
from tests.cli.scored_runs import client_of, make_eval, make_run, two_runs
from tests.cli.tampering import tampering


def png(shade: int) -> bytes:
    """An image of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes([0, shade]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def names_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_one_run(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    old, _ = await two_runs(sandbox, "PPF", "PPP")
    path = tmp_path / "r.html"
    ended = await run("report", old, "-o", path, env=env)
    assert (ended.code, ended.stdout) == (0, "")
    page = path.read_text(encoding="utf-8")
    size = path.stat().st_size
    assert ended.stderr == f"Reading run {old}\nWrote {path}: 1 run, {size / 1e3:.0f} kB\n"
    assert page.startswith("<!DOCTYPE html>")
    assert "<title>Exact</title>" in page
    assert "66.7%" in page
    assert "h-comparison" not in page
    assert 'class="badge' not in page


async def test_file_has_a_default_name_and_is_not_overwritten(
    sandbox: Sandbox, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = await two_runs(sandbox, "P", "F")
    monkeypatch.chdir(tmp_path)
    assert (await run("report", "-q", old, env=env)).stderr == ""
    path = tmp_path / "aymara-report.html"
    before = path.read_bytes()
    asked = len(sandbox.requests)
    ended = await run("report", new, env=env)
    assert ended.code == 2
    assert "aymara-report.html exists. Name another file with --output, or overwrite it with --force." in ended.stderr
    assert (path.read_bytes(), len(sandbox.requests)) == (before, asked)
    assert (await run("report", "--force", new, env=env)).code == 0
    assert path.read_bytes() != before
    assert names_in(tmp_path) == ["aymara-report.html"]


async def test_to_stdout(sandbox: Sandbox, env: dict[str, str]) -> None:
    old, _ = await two_runs(sandbox, "P", "P")
    ended = await run("report", "-q", "-o", "-", old, env=env)
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith("<!DOCTYPE html>")
    assert ended.stdout.rstrip().endswith("</html>")
    assert "-" not in names_in(Path())


async def test_several_runs_are_compared_with_the_first(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    async with client_of(sandbox) as client:
        one, prompts = await make_eval(client, [f"Q{number}" for number in range(8)])
        runs = [
            await make_run(client, one, prompts, outcomes, name)
            for name, outcomes in (("first", "PPPPPPPP"), ("second", "FFFFFFPP"), ("third", "PPPPPPPF"))
        ]
        other, prompts = await make_eval(client, ["something else"])
        runs.append(await make_run(client, other, prompts, "P", "apart"))
    path, junit = tmp_path / "r.html", tmp_path / "r.xml"
    ended = await run("report", *runs, "-o", path, "--junit", junit, "--title", "All <of> them", env=env)
    assert ended.code == 0
    assert f"Wrote {junit}\nWrote {path}: 4 runs, " in ended.stderr
    page = path.read_text(encoding="utf-8")
    assert "<title>All &lt;of&gt; them</title>" in page
    # The fourth has no prompt in common with the first.
    assert re.findall(r"<bdi>(\w+)</bdi> against <bdi>(\w+)</bdi>", page) == [("second", "first"), ("third", "first")]
    suites = ET.fromstring(junit.read_text(encoding="utf-8"))
    assert [suite.get("name") for suite in suites] == ["gates", "first", "second", "third", "apart"]
    assert [suite.get("failures") for suite in suites] == ["1", "0", "6", "1", "0"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--fail-under", "0.8"], 1, ["PASS", "FAIL"]),
        (["--fail-under", "0.9"], 1, ["INCONCLUSIVE", "FAIL"]),
        (["--fail-under", "5%"], 0, ["PASS", "PASS"]),
        (["--fail-under", "0.5"], 5, ["PASS", "INCONCLUSIVE"]),
        (["--fail-under", "0.5", "--strict"], 1, ["PASS", "FAIL"]),
        (["--fail-under", "5%", "--min-scored", "25"], 5, ["INCONCLUSIVE", "INCONCLUSIVE"]),
    ],
)
async def test_bar(
    options: list[str], code: int, words: list[str], sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    runs = await two_runs(sandbox, "P" * 24, "P" * 12 + "F" * 12)
    path, junit = tmp_path / "r.html", tmp_path / "r.xml"
    ended = await run("report", *runs, "-o", path, "--junit", junit, *options, env=env)
    assert ended.code == code
    told = [line.split()[0] for line in ended.stderr.splitlines() if " --fail-under " in line]
    assert told == words
    assert "old model: 24 of 24 scored responses passed" in ended.stderr
    badges = re.findall(r'<span class="badge (\w+)">', path.read_text(encoding="utf-8"))
    assert [badge.upper() for badge in badges[:2]] == words
    gates = ET.fromstring(junit.read_text(encoding="utf-8"))[0]
    assert [case.find("failure") is not None for case in gates][:2] == [word == "FAIL" for word in words]
    quiet = await run("report", "-q", *runs, "-o", "-", *options, env=env)
    assert quiet.code == code
    assert quiet.stderr.count("\n") == len([word for word in words if word != "PASS"])


async def test_summaries_of_a_suite_report_are_waited_for(tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    async with Sandbox(delay=10, clock=lambda: now[0]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        async with client_of(sandbox) as client:
            made = await client.evals.create(ai_description="x", eval_type="safety", num_prompts=2)
            assert made.eval_uuid
            now[0] += 20
            prompts = [prompt.prompt_uuid async for prompt in client.evals.list_prompts(made.eval_uuid)]
            eval_run_uuid = await make_run(client, made.eval_uuid, prompts, "PF", "run")
            now[0] += 20
            created = await client.reports.create(eval_run_uuids=[eval_run_uuid])
        path = tmp_path / "r.html"
        process = await start(
            "report", eval_run_uuid, "-o", path, "--suite-report", created.eval_suite_report_uuid, env=env
        )
        await line_with(process, "Waiting for suite report")
        now[0] += 20
        assert (await finish(process)).code == 0
        async with client_of(sandbox) as client:
            suite_report = await client.reports.get(created.eval_suite_report_uuid)
    advice = suite_report.eval_run_reports[0].improvement_advice
    assert advice.split("\n")[0][:40].replace("'", "&#39;") in path.read_text(encoding="utf-8")


async def test_images_are_shown(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    async with client_of(sandbox) as client:
        eval_uuid, prompts = await make_eval(client, ["Q1", "Q2", "Q3", "Q4"])
        uploads = [await client.files.upload(file=(f"{shade}.png", png(shade))) for shade in (10, 20)]
        references: list[dict[str, Any]] = [
            {"file_uuid": uploads[0].file_uuid},
            {"remote_file_path": uploads[1].remote_file_path},
            {"file_uuid": "file.gone"},
            {"remote_file_path": "no/such/file.png"},
        ]
        made = await client.evals.runs.create(
            eval_uuid=eval_uuid,
            responses=[
                {"prompt_uuid": prompt_uuid, "content": content, "content_type": "image"}
                for prompt_uuid, content in zip(prompts, references, strict=True)
            ],
        )
    path = tmp_path / "r.html"
    images = [b64encode(png(shade)).decode() for shade in (10, 20)]
    ended = await run("report", "-q", "--images", made.eval_run_uuid, "-o", path, env=env)
    assert ended.code == 0
    page = path.read_text(encoding="utf-8")
    assert [image in page for image in images] == [True, True]
    gone, unknown = sorted(ended.stderr.splitlines())
    assert gone.startswith("Image file.gone is not in the report: GET ")
    assert unknown == "Image no/such/file.png is not in the report: the server lists no such file"
    # The storage host gets no key.
    fetched = [request for request in sandbox.requests if request.method == "GET" and "/v2/" not in request.path]
    assert fetched
    assert all("x-api-key" not in {name.lower() for name in request.headers} for request in fetched)
    await run("report", "-q", made.eval_run_uuid, "-o", path, "--force", env=env)
    assert not any(image in path.read_text(encoding="utf-8") for image in images)


async def test_image_from_a_strange_place_is_left_out(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    async with client_of(sandbox) as client:
        eval_uuid, prompts = await make_eval(client, ["Q1", "Q2"])
        uploads = [await client.files.upload(file=(f"{shade}.png", png(shade))) for shade in (10, 20)]
        responses = [
            {"prompt_uuid": prompt, "content": {"file_uuid": upload.file_uuid}, "content_type": "image"}
            for prompt, upload in zip(prompts, uploads, strict=True)
        ]
        made = await client.evals.runs.create(eval_uuid=eval_uuid, responses=responses)
    secret = tmp_path / "secret"
    secret.write_bytes(png(10))

    def mislead(request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
        if request.path.endswith(str(uploads[0].file_uuid)):
            answered["file_url"] = secret.as_uri()
        elif request.path.startswith("/v2/files/"):
            answered["file_url"] = None
        return status, answered

    async with tampering(sandbox.url, mislead) as url:
        arguments = ["report", "-q", "--images", made.eval_run_uuid, "-o", tmp_path / "r.html"]
        ended = await run(*arguments, env=env | {"AYMARA_AI_BASE_URL": url})
    assert ended.code == 0
    assert "neither http nor https" in ended.stderr
    assert "gave no URL" in ended.stderr
    assert b64encode(png(10)).decode() not in (tmp_path / "r.html").read_text(encoding="utf-8")


async def test_browser_is_opened(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    old, _ = await two_runs(sandbox, "P", "P")
    opened, path = tmp_path / "opened", tmp_path / "r.html"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n', encoding="utf-8")
    browser.chmod(0o700)
    ended = await run("report", old, "-o", path, "--open", env=env | {"BROWSER": f"{browser} %s"})
    assert ended.code == 0
    assert opened.read_text(encoding="utf-8") == path.as_uri()
    ended = await run(
        "report", "-q", old, "-o", path, "--force", "--open", env=env | {"BROWSER": "false %s", "PATH": "/usr/bin"}
    )
    assert ended.code == 0
    assert ended.stderr == f"There is no browser to show it in; open {path} yourself.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument 'RUN...'"),
        (["a", "b", "a"], "Run a is named twice."),
        (["a", "--strict"], "--min-scored and --strict are about --fail-under"),
        (["a", "--min-scored", "3"], "--min-scored and --strict are about --fail-under"),
        (["a", "--fail-under", "2"], "'2' is no share"),
        (["a", "-o", "-", "--open"], "--open and --force need a file"),
        (["a", "-o", "-", "--force"], "--open and --force need a file"),
        (["a", "-o", "/no/such/folder/r.html"], "No such file or directory"),
        (["a", "-o", "x", "--junit", "x"], "name the same file"),
    ],
)
async def test_wrong_usage(arguments: list[str], said: str, sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("report", *arguments, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in " ".join(ended.stderr.split())
    assert not sandbox.requests


async def test_unknown_run_writes_nothing(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    old, _ = await two_runs(sandbox, "P", "P")
    ended = await run("report", old, "score_run.none", "-o", tmp_path / "r.html", env=env)
    assert ended.code == 3
    assert "Eval run not found: score_run.none" in ended.stderr
    assert not names_in(tmp_path)


@pytest.mark.parametrize("module", ["jinja2", "scipy"])
def test_missing_extra_is_told_before_anything_is_sent(module: str, sandbox: Sandbox, env: dict[str, str]) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from aymara_async.cli import main; main(['report', 'a'])"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, text=True, env=own_environment(**env)
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "pip install 'aymara-async[analysis]'" in ended.stderr
    assert not sandbox.requests
