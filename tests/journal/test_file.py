"""The journal's file: whose it is, where it may be, and what it holds when the process dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aymara_async.journal import file as journal_file
from aymara_async.journal import filesystems
from aymara_async.journal.errors import JournalError
from aymara_async.journal.file import JournalFile
from aymara_async.journal.filesystems import kind_of
from aymara_async.runner.answer_journal import AnswerJournal
from tests.cli.process import own_environment

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /home rw,relatime shared:2 - nfs4 server:/home rw
31 30 254:1 / /home/local\040disk rw - xfs /dev/sdb rw
32 22 0:30 / /mnt/keys rw - fuse.sshfs me@host:/ rw
33 22 0:31 / /mnt/twice rw - ext4 /dev/sdc rw
34 22 0:32 / /mnt/twice rw - cifs //server/share rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/work/j", "ext4"),
        ("/home/me/j", "nfs4"),
        ("/home", "nfs4"),
        ("/homes/me", "ext4"),
        ("/home/local disk/j", "xfs"),
        ("/mnt/keys/j", "fuse.sshfs"),
        ("/mnt/twice/j", "cifs"),
    ],
)
def test_kind_of_file_system(path: str, kind: str) -> None:
    assert kind_of(MOUNTS, path) == kind


def test_nothing_is_known_of_other_systems() -> None:
    assert kind_of("", "/j") is None


async def test_a_network_file_system_is_refused_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 0:25 / {tmp_path} rw - nfs4 server:/x rw\n")
    monkeypatch.setattr(filesystems, "MOUNTS", mounts)
    with pytest.raises(JournalError, match=r"network file system \(nfs4\).*Nothing was sent.*JOURNAL_ON_NETWORK=1"):
        await JournalFile.open(tmp_path / "j")
    assert not (tmp_path / "j").exists()
    monkeypatch.setenv("AYMARA_AI_JOURNAL_ON_NETWORK", "1")
    await (await JournalFile.open(tmp_path / "j")).close()
    mounts.unlink()
    monkeypatch.delenv("AYMARA_AI_JOURNAL_ON_NETWORK")
    await (await JournalFile.open(tmp_path / "j")).close()


@pytest.mark.skipif(os.name != "posix", reason="there are no such modes")
async def test_only_the_owner_can_read_it_whatever_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.touch(mode=0o666)
    path.chmod(0o666)
    journal = await AnswerJournal.open(path)
    await journal.note({"a": 1})
    try:
        for file in (path, tmp_path / "j-wal"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    finally:
        await journal.close()
    path.chmod(0o644)
    await (await JournalFile.open(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("in_temp", "in_folder", "named"), [(0, 10**9, "temp"), (10**9, 0, "folder"), (0, 0, "folder")]
)
def test_where_the_disk_is_full_is_said(
    in_temp: int, in_folder: int, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")  # noqa: PYI024 - as shutil gives it
    temp = tempfile.gettempdir()
    monkeypatch.setattr(
        journal_file.shutil, "disk_usage", lambda folder: usage(in_temp if str(folder) == temp else in_folder)
    )
    error = journal_file.explain(sqlite3.OperationalError("database or disk is full"), tmp_path / "j")
    assert (str(tmp_path / "j") in str(error)) is (named == "folder")
    assert ("SQLITE_TMPDIR" in str(error)) is (named == "temp")


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from aymara_async.runner.answer_journal import AnswerJournal

async def main():
    journal = await AnswerJournal.open(Path(sys.argv[1]))
    for number in range(int(sys.argv[2])):
        await journal.note({f"fact {number}": number})
    print("noted", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_what_was_noted_survives_a_kill(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, tmp_path / "j", "20", stdout=asyncio.subprocess.PIPE, env=own_environment()
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"noted\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    journal = await AnswerJournal.open(tmp_path / "j")
    assert [await journal.recall(f"fact {number}") for number in range(20)] == list(range(20))
    await journal.close()


facts = st.dictionaries(st.text(max_size=5), st.recursive(st.none() | st.booleans() | st.text(max_size=9), st.lists))


@settings(max_examples=25, deadline=None)
@given(st.lists(facts | st.just("reopen") | st.just("forget"), max_size=8))
def test_facts_are_what_was_noted_last(steps: list[dict[str, object] | str]) -> None:
    async def run(path: Path) -> None:
        journal, wanted = await AnswerJournal.open(path), dict[str, object]()
        for step in steps:
            if step == "reopen":
                await journal.close()
                journal = await AnswerJournal.open(path)
            elif step == "forget":
                await journal.forget()
                wanted.clear()
            elif isinstance(step, dict):
                await journal.note(step)
                wanted |= step
            assert {name: await journal.recall(name) for name in wanted} == wanted
        assert await journal.recall("not noted, as it is too long") is None
        await journal.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder) / "j"))
