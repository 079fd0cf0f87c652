"""``aymara-async files`` in a real process, against a real sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aymara_async.sandbox import Sandbox
from tests.cli.filled import Filled
from tests.cli.process import run


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    (tmp_path / "a.png").write_bytes(b"\x89PNG" * 1000)
    (tmp_path / "ü b.pdf").write_bytes(b"%PDF")
    return [tmp_path / "a.png", tmp_path / "ü b.pdf"]


async def test_upload_several(paths: list[Path], filled: Filled, env: dict[str, str]) -> None:
    ended = await run("files", "upload", *paths, "--wait", "--format", "jsonl", env=env)
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.code == 0
    assert ended.stderr == f"Uploading {paths[0]} (1 of 2)\nUploading {paths[1]} (2 of 2)\n"
    assert [row["local_file_path"] for row in rows] == [str(path) for path in paths]
    assert [row["processing_status"] for row in rows] == ["completed", "completed"]
    for row, size, kind in zip(rows, (4000, 4), ("image/png", "application/pdf"), strict=True):
        detail = await filled.client.files.get(row["file_uuid"])
        assert (detail.file_size_bytes, detail.content_type) == (size, kind)
        assert row["remote_file_path"] == detail.remote_file_path


async def test_upload_options(paths: list[Path], filled: Filled, env: dict[str, str]) -> None:
    arguments = ["--content-type", "image/x-own", "--workspace", "w1"]
    ended = await run("files", "upload", paths[0], *arguments, "--format", "json", "-q", env=env)
    assert ended.stderr == ""
    (row,) = ended.json()
    assert filled.requests("files.upload")[-1] == {"workspace_uuid": "w1"}
    assert (await filled.client.files.get(row["file_uuid"])).content_type == "image/x-own"


async def test_table_of_uploads(paths: list[Path], filled: Filled, env: dict[str, str]) -> None:
    ended = await run("files", "upload", *paths, "--wait", env=env)
    assert ended.stdout.count("completed") == 2
    assert "application/pdf" in ended.stdout
    assert all(len(line) <= 80 for line in ended.stdout.splitlines())


async def test_upload_that_takes_too_long(paths: list[Path]) -> None:
    async with Sandbox(faults=["stall@files.upload"]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        ended = await run("files", "upload", *paths, "--timeout", "0.05", env=env)
    assert (ended.code, ended.stdout) == (3, "")
    said = f"How things stand: {paths[0]} may have been uploaded, or not: see `aymara-async files list`.\n"
    assert ended.stderr.endswith(said)


async def test_upload_that_fails_at_the_second_file_keeps_the_first(paths: list[Path]) -> None:
    async with Sandbox(faults=["error@files.upload:calls=2,status=422"]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        ended = await run("files", "upload", *paths, "--format", "jsonl", env=env)
    assert ended.code == 3
    assert [json.loads(line)["local_file_path"] for line in ended.stdout.splitlines()] == [str(paths[0])]
    assert "422" in ended.stderr


async def test_upload_that_is_waited_for_in_vain(paths: list[Path]) -> None:
    async with Sandbox(faults=["never_finish@files.upload"]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        ended = await run("files", "upload", paths[0], "--wait=0", env=env)
    assert (ended.code, ended.stdout) == (4, "")
    assert f"{paths[0]} is uploaded: see `aymara-async files get " in ended.stderr


async def test_list_and_get(filled: Filled, env: dict[str, str]) -> None:
    await filled.client.files.upload(file=("b.txt", b"text"))
    wanted = [one.to_dict() async for one in filled.client.files.list()]
    listed = (await run("files", "list", "--format", "json", env=env)).json()
    assert [one["file_uuid"] for one in listed] == [one["file_uuid"] for one in wanted]
    listed = (await run("files", "list", "--type", "image", "--limit", 5, "--format", "json", env=env)).json()
    assert [one["file_uuid"] for one in listed] == [filled.file.file_uuid]
    assert filled.requests("files.list")[-1] == {"file_type": "image", "limit": "5", "offset": "0"}
    got = (await run("files", "get", filled.file.file_uuid, "--format", "json", env=env)).json()
    assert {**got, "file_url": None} == {**filled.file.to_dict(), "file_url": None}
    table = (await run("files", "list", env=env)).stdout
    assert filled.file.file_uuid in table
    assert "4 B" in table


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["upload"], "Missing argument 'PATH...'"),
        (["upload", "nowhere.png"], "'nowhere.png' does not exist"),
        (["upload", "a.png", "nowhere.png"], "'nowhere.png' does not exist"),
        (["upload", "."], "is a directory"),
        (["upload", "a.png", "--timeout", "0"], "0.0 is not in the range"),
        (["upload", "a.png", "--content-type", "a\nb"], "media type of a file must be text without line ends"),
        (["get"], "Missing argument 'FILE'"),
    ],
)
async def test_wrong_usage(
    arguments: list[str],
    said: str,
    sandbox: Sandbox,
    env: dict[str, str],
    paths: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(paths[0].parent)
    ended = await run("files", *arguments, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert not sandbox.requests
