"""Files of a command: whole or not at all, and never in the place of something else."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import click
import pytest

from aymara_async.cli.output.stdout import OutputError
from aymara_async.cli.written_files import append, check_writable, why_not_writable, write_whole


@pytest.mark.parametrize("method", ["write_bytes", "replace"])
def test_failure_leaves_the_old_file(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    work = getattr(Path, method)

    def fail(part: Path, *arguments: object) -> None:
        if method == "write_bytes":
            work(part, b"ne")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, method, fail)
    with pytest.raises(OutputError, match=r"report\.html: No space left on device"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
    write_whole(tmp_path / "link", "Ä\ud800")
    assert (tmp_path / "there" / "file").read_text() == "Ä?"
    assert (tmp_path / "link").is_symlink()


def test_append_that_fails(tmp_path: Path) -> None:
    append(tmp_path / "f", "a")
    append(tmp_path / "f", "b")
    assert (tmp_path / "f").read_text() == "ab"
    with pytest.raises(OutputError, match="No such file or directory"):
        append(tmp_path / "nowhere" / "f", "a")


def test_check_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable({"--report": tmp_path / "r.html"})
    assert not list(tmp_path.iterdir())
    assert why_not_writable(tmp_path) == "it is a folder"
    with pytest.raises(click.UsageError, match="RESPONSES and --report name the same file"):
        check_writable({"--report": tmp_path / "." / "r"}, besides={"RESPONSES": tmp_path / "r", "--p": None})
