"""The journal: durable, for one process and one job, and loud when it cannot be."""
# ruff: noqa: ASYNC240 - small files, read between two steps

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from aymara_async import EvalPrompt, ScoredResponse
from aymara_async.bulk.errors import InvalidResponseError
from aymara_async.bulk.journal import Journal
from aymara_async.bulk.turns import Item
from aymara_async.journal import file as journal_file
from aymara_async.journal.errors import JournalError
from aymara_async.journal.group_commit import GroupCommit
from aymara_async.journal.schema import APPLICATION_ID


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@attrs.define
class Disk:
    """A disk that takes in what is committed when it is told to, or fails."""

    may_go_on: threading.Event = attrs.field(factory=threading.Event)
    is_asked: asyncio.Event = attrs.field(factory=asyncio.Event)
    failure: Exception | None = None
    times: int = 0


@pytest.fixture
async def disk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Disk]:
    disk, connect, loop = Disk(), sqlite3.connect, asyncio.get_running_loop()

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            if sql == "COMMIT" and self.is_journal():
                ((level,),) = super().execute("PRAGMA main.synchronous").fetchall()
                assert level == 2, "SQLite waits for the disk before a commit is over"
                disk.times += 1
                if not disk.may_go_on.is_set():
                    loop.call_soon_threadsafe(disk.is_asked.set)
                assert disk.may_go_on.wait(30)
                if disk.failure:
                    raise disk.failure
            return super().execute(sql, *args)

        def is_journal(self) -> bool:
            _, _, file = super().execute("PRAGMA database_list").fetchone()
            return str(file).endswith("journal.db")

    monkeypatch.setattr(sqlite3, "connect", partial(connect, factory=Connection))
    disk.may_go_on.set()
    yield disk
    disk.may_go_on.set()


def item(number: int, digest: str = "d") -> Item:
    return Item(number, f"p{number}", None, 1, digest, {"prompt_uuid": f"p{number}"}, 20)


async def open_journal(path: Path | None, name: str = "n") -> Journal:
    return await Journal.open(path, {"eval_uuid": "e"}, name)


async def test_it_resumes_without_sending_anything_again(bench: Any, path: Path) -> None:
    b = await bench(45)
    first = [one async for one in b.scorer(batch_size=10, journal=path).score(b.rows[:25])]
    sent = len(b.sent())
    stream = b.scorer(batch_size=10, journal=path).score(iter(b.rows))
    second = [one async for one in stream]
    assert len(b.sent()) == sent + 2
    assert stream.result.resumed == 25
    assert len(stream.result.eval_run_uuids) == 1
    results = {one.prompt_uuid: one for one in second}
    assert len(results) == len(second) == 45
    assert all(results[one.prompt_uuid] == one for one in first)  # every field of it
    b.check_each_once()


async def test_rejected_responses_are_tried_again(bench: Any, path: Path) -> None:
    b = await bench(3)
    rows = [*b.rows, {"prompt_uuid": "question.later", "content": "x"}]
    first = await b.scorer(journal=path).run(rows)
    assert [failed.row for failed in first.failed] == [4]
    changed = await b.scorer(journal=path).run([*b.rows, {"prompt_uuid": "question.later", "content": "y"}])
    assert (changed.resumed, [failed.row for failed in changed.failed]) == (3, [4])


async def test_a_path_stays_where_it_was_when_the_input_changes_folders(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = await bench(10)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    scorer = b.scorer(journal="jobs.journal", batch_size=5)

    def rows() -> Iterator[Any]:
        yield from b.rows[:5]
        monkeypatch.chdir(tmp_path / "elsewhere")
        yield from b.rows[5:]

    assert (await scorer.run(rows())).scored == 10
    assert (await scorer.run(b.rows)).resumed == 10


async def test_a_changed_response_is_not_taken_for_the_old_one(bench: Any, path: Path) -> None:
    b = await bench(3)
    await b.scorer(journal=path).run(b.rows)
    rows = b.rows
    rows[1]["content"] = "another answer"
    with pytest.raises(InvalidResponseError, match=r"Row 2 .*earlier session") as caught:
        await b.scorer(journal=path).run(rows)
    assert caught.value.is_changed
    assert "on_invalid" not in str(caught.value)
    result = await b.scorer(journal=path, on_invalid="skip").run(rows)
    assert (result.resumed, [skipped.row for skipped in result.skipped]) == (2, [2])


async def test_duplicates_are_found_in_a_later_session_too(bench: Any, path: Path) -> None:
    b = await bench(3)
    await b.scorer(journal=path).run(b.rows)
    for batch_size in (1, 50):
        result = await b.scorer(journal=path, batch_size=batch_size, on_invalid="skip").run([*b.rows, b.rows[0]])
        assert (result.resumed, [skipped.row for skipped in result.skipped]) == (3, [4])


async def test_the_order_of_the_input_may_change(bench: Any, path: Path) -> None:
    b = await bench(20)
    first = {one.prompt_uuid: one async for one in b.scorer(journal=path, batch_size=3).score(b.rows[5:15])}
    stream = b.scorer(journal=path).score([*b.rows[::-2], *b.rows[::2]])
    second = {one.prompt_uuid: one async for one in stream}
    assert (stream.result.resumed, stream.result.scored, len(second)) == (10, 20, 20)
    assert {prompt: second[prompt] for prompt in first} == first
    b.check_each_once()


async def test_only_the_owner_may_read_it_and_the_key_is_not_in_it(bench: Any, path: Path) -> None:
    b = await bench(20)
    seen: set[int] = set()

    def look(_: object) -> None:
        seen.update(stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("journal.db*"))
        assert b.sandbox.api_key.encode() not in b"".join(f.read_bytes() for f in path.parent.glob("journal.db*"))

    await b.scorer(journal=path, batch_size=5, progress=look).run(b.rows)
    assert seen == {0o600}
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


@pytest.mark.parametrize("place", ["same process", "another process"])
async def test_a_second_user_is_refused(path: Path, place: str) -> None:
    journal = await open_journal(path)
    if place == "same process":
        with pytest.raises(JournalError, match="in use"):
            await open_journal(path)
    for _ in range(2):  # being refused must not have given up the lock
        code = f"""
import asyncio
from pathlib import Path
from aymara_async.bulk.journal import Journal
from aymara_async.journal.errors import JournalError
try:
    asyncio.run(Journal.open(Path({str(path)!r}), {{"eval_uuid": "e"}}, "n"))
except JournalError as error:
    print(error)
"""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-c", code, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await process.communicate()
        assert (b"in use by another" in out, err) == (True, b"")
    assert await journal.sent() == []
    await journal.close()
    await (await open_journal(path)).close()


@pytest.mark.parametrize("what", ["eval_uuid", "base_url", "workspace_uuid", "is_sandbox"])
async def test_the_journal_of_another_job_is_refused(bench: Any, path: Path, what: str) -> None:
    b = await bench(3)
    await b.scorer(journal=path).run(b.rows)
    before = path.read_bytes()
    sent = len(b.sent())
    other: dict[str, Any] = {"eval_uuid": "test.other", "workspace_uuid": "w", "is_sandbox": True}
    arguments = {what: other[what]} if what in other else {"client": (await bench(0)).client}
    with pytest.raises(JournalError, match=f"its {what} is") as caught:
        await b.scorer(journal=path, **arguments).run(b.rows)
    assert caught.value.__cause__ is not caught.value
    assert len(b.sent()) == sent
    assert path.read_bytes() == before


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scribble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[journal_file.PAGE : 3 * journal_file.PAGE] = b"\x55" * (2 * journal_file.PAGE)
    path.write_bytes(content)


def other_database(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE photos (id)")
    connection.close()


def other_version(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def older_layout(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.executescript(f"""
        PRAGMA journal_mode=WAL; PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=1;
        CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE results (id INTEGER PRIMARY KEY, response_uuid TEXT, scored TEXT NOT NULL);
    """)
    connection.close()


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (truncate, "damaged"),
    "scribbled over": (scribble, "damaged"),
    "text": (lambda path: path.write_text("hello, I am a shopping list, and not a short one"), "damaged or no journal"),
    "another database": (other_database, "no journal"),
    "another version": (other_version, "another version"),
    "an older layout": (older_layout, "another version"),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_file_stops_everything(bench: Any, path: Path, damage: str) -> None:
    b = await bench(60)
    await b.scorer(journal=path, batch_size=10).run(b.rows[:50])
    change, message = DAMAGES[damage]
    change(path)
    before, sent = path.read_bytes(), len(b.sent())
    with pytest.raises(JournalError, match=message) as caught:
        await b.scorer(journal=path).run(b.rows)
    assert str(path) in str(caught.value)
    assert len(b.sent()) == sent
    assert path.read_bytes() == before


@pytest.mark.parametrize("place", ["no folder", "a folder", "no right"])
async def test_a_place_that_cannot_be_written_stops_everything(bench: Any, path: Path, place: str) -> None:
    b = await bench(3)
    if place == "a folder":
        path.mkdir()
    where = {"no folder": path / "journal.db", "a folder": path, "no right": Path("/proc/self/journal.db")}[place]
    with pytest.raises(JournalError, match="cannot be used"):
        await b.scorer(journal=where).run(b.rows)
    assert not b.sent()


@pytest.mark.parametrize("how", ["read-only", "full"])
async def test_a_file_that_cannot_grow_stops_before_anything_unrecorded_is_sent(
    bench: Any, path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = await bench(400)
    rows = [{**row, "content": "x" * 400} for row in b.rows]
    commits = 0
    commit = GroupCommit._commit

    def hindered(self: GroupCommit, connection: sqlite3.Connection, group: Any) -> Exception | None:
        nonlocal commits
        commits += 1
        if commits == 15:
            ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
            limit = f"PRAGMA max_page_count = {pages}"
            connection.execute("PRAGMA query_only = 1" if how == "read-only" else limit)
        return commit(self, connection, group)

    monkeypatch.setattr(GroupCommit, "_commit", hindered)
    with pytest.raises(JournalError, match="cannot be used") as caught:
        await b.scorer(journal=path, batch_size=10).run(rows)
    assert "readonly" in str(caught.value) or "full" in str(caught.value)
    monkeypatch.undo()
    assert 0 < sum(b.scored().values()) < 400
    # The journal knows every response that was sent.
    connection = sqlite3.connect(path)
    rows_of_batches = connection.execute("SELECT value FROM batches, json_each(batches.turns)").fetchall()
    known = {json.loads(row)[2] for (row,) in rows_of_batches}
    connection.close()
    assert set(b.scored()) <= known
    result = await b.scorer(journal=path, batch_size=10).run(rows)
    assert result.scored == 400
    b.check_each_once()


async def test_an_intention_is_on_the_disk_before_it_is_sent(bench: Any, path: Path) -> None:
    b = await bench(30)
    log: list[str] = []
    commit = GroupCommit._commit

    def watched(self: GroupCommit, connection: sqlite3.Connection, group: Any) -> Exception | None:
        failure = commit(self, connection, group)
        sent = connection.execute("SELECT count(*) FROM batches").fetchone()[0]
        log.append(f"known {sent}")
        return failure

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GroupCommit, "_commit", watched)
        await b.scorer(journal=path, batch_size=10, concurrency=1).run(b.rows)
    known = [int(entry.split()[1]) for entry in log]
    assert known == sorted(known)
    assert {0, 1, 3} <= set(known) <= {0, 1, 2, 3}, "two intentions may share a commit"


async def test_operations_that_arrive_together_share_a_commit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = await open_journal(path)
    sizes: list[int] = []
    commit = GroupCommit._commit

    def counted(self: GroupCommit, connection: sqlite3.Connection, group: Any) -> Exception | None:
        sizes.append(len(group))
        return commit(self, connection, group)

    monkeypatch.setattr(GroupCommit, "_commit", counted)
    turns = await journal.register([item(number) for number in range(100)], knows_prompts=False)
    sizes.clear()
    await asyncio.gather(*(journal.intend([one.turn], None) for one in turns))
    assert sum(sizes) == 100
    assert len(sizes) < 50
    await journal.close()


async def test_a_result_is_in_the_file_before_it_is_yielded(bench: Any, path: Path, disk: Disk) -> None:
    b = await bench(30)
    async for chunk in b.scorer(batch_size=5, concurrency=3, journal=path).score(b.rows).chunks():
        held = b"".join(file.read_bytes() for file in path.parent.glob("journal.db*"))
        assert all(str(one.response_uuid).encode() in held for one in chunk)


async def test_closing_waits_for_what_is_under_way(path: Path) -> None:
    journal = await open_journal(path)
    waiting = asyncio.create_task(journal.register([item(1)], knows_prompts=False))
    await asyncio.sleep(0)
    await journal.close()
    assert len(await waiting) == 1
    await journal.close()
    with pytest.raises(RuntimeError, match="closed"):
        await journal.sent()


async def test_the_life_of_a_turn(path: Path) -> None:
    journal = await open_journal(path)
    registered = await journal.register([item(number) for number in (1, 2, 3)], knows_prompts=False)
    turns = [one.turn for one in registered]
    run = await journal.single_run()
    batch = await journal.intend(turns, run)
    assert [sent.turns for sent in await journal.sent()] == [turns]
    scored = ScoredResponse(prompt_uuid="p1", response_uuid="r1", content="x", is_passed=True)
    await journal.record(batch, "score_run.1", [(turns[0], scored)])
    (left,) = await journal.sent()
    assert (left.turns, left.run.eval_run_uuid) == (turns[1:], "score_run.1")
    third = await journal.intend([turns[2]], run)
    assert [await journal.already(batches) for batches in ([third], [third, left])] == [1, 0]
    assert [sent.turns for sent in await journal.sent()] == [[turns[1]], [turns[2]]]
    await journal.release(batch)
    assert [sent.turns for sent in await journal.sent()] == [[turns[2]]]
    assert await journal.contenders(["p1", "p2", "p3"], run) == ([turns[2]], {"r1"})
    await journal.close()
    again = await open_journal(path, "another name")
    assert again.run_name == "n"
    assert [sent.turns for sent in await again.sent()] == [[turns[2]]]
    assert [one.scored for one in await again.runs()] == [1]
    (known,) = await again.register([item(1)], knows_prompts=False)
    assert known.scored == scored
    await again.close()


async def test_the_batch_that_a_turn_was_last_sent_with_decides(path: Path) -> None:
    journal = await open_journal(path)
    turns = [one.turn for one in await journal.register([item(1), item(2)], knows_prompts=False)]
    run = await journal.single_run()
    await journal.intend(turns, run)
    last = await journal.intend(turns[1:], run)
    first, second = await journal.sent()
    assert (first.turns, second) == (turns[:1], last)
    await journal.close()
    again = await open_journal(path)
    assert await again.sent() == [first, second]
    await again.release(last)
    assert await again.sent() == [first]
    await again.close()


async def test_a_listed_response_stands_for_one_turn_only(path: Path) -> None:
    journal = await open_journal(path)
    turns = [one.turn for one in await journal.register([item(1), item(2)], knows_prompts=False)]
    run = await journal.single_run()
    batch = await journal.intend(turns, run)
    results = [ScoredResponse(prompt_uuid=turn.prompt_uuid, response_uuid="r1", is_passed=True) for turn in turns]
    await journal.record(batch, "score_run.1", list(zip(turns, results, strict=True)))
    assert await journal.add_listed([("r1", "p1", "r1"), ("r2", "p1", "r2"), ("#3", "p3", None)]) == ([1, 2], 3)
    assert await journal.add_listed([("r2", "p1", "r2"), ("r3", "p9", "r3")]) == ([1], 1)
    assert await journal.compare_listed(run) == (["p2"], [("r2", "p1")])
    await journal.close()


async def test_without_a_file_nothing_is_left_and_results_are_not_kept(tmp_path: Path) -> None:
    journal = await open_journal(None)
    (one,) = await journal.register([item(1)], knows_prompts=False)
    batch = await journal.intend([one.turn], None)
    assert batch.run.name == "n 000001"
    await journal.record(batch, "score_run.1", [(one.turn, ScoredResponse(prompt_uuid="p1", response_uuid="r1"))])
    assert [run.scored for run in await journal.runs()] == [1]
    await journal.close()


async def test_two_jobs_of_one_client_may_run_at_once(bench: Any, tmp_path: Path) -> None:
    b = await bench(60)
    jobs = [
        b.scorer(batch_size=5, journal=tmp_path / str(number)).run(b.rows[number * 20 : number * 20 + 20])
        for number in range(3)
    ]
    results = await asyncio.gather(*jobs)
    assert [result.scored for result in results] == [20, 20, 20]
    assert len({run for result in results for run in result.eval_run_uuids}) == 3
    b.check_each_once()


async def test_two_jobs_with_one_journal_are_refused(bench: Any, path: Path) -> None:
    b = await bench(60)
    scorer = b.scorer(batch_size=5, journal=path)
    async with scorer.score(b.rows) as stream:
        await anext(stream)
        with pytest.raises(JournalError, match="in use"):
            await scorer.run(b.rows)
        assert sum([1 async for _ in stream]) == 59
    b.check_each_once()


def test_odd_ids_survive_the_journal() -> None:
    async def main() -> None:
        journal = await open_journal(None)
        odd = ['"', "\\", "'", "ü€😀", "\n\t", "{}", "[1]", "null", " x "]
        items = [Item(number, one, one, 1, "d", {}, 1) for number, one in enumerate(odd)]
        await journal.register(items, knows_prompts=False)
        registered = await journal.register(items, knows_prompts=False)
        assert all(one.duplicate_of is None for one in registered)
        await journal.intend([one.turn for one in registered], None)
        (batch,) = await journal.sent()
        assert [(turn.prompt_uuid, turn.thread_uuid) for turn in batch.turns] == [(one, one) for one in odd]
        await journal.close()

    asyncio.run(main())
    assert json.loads("null") is None


async def test_only_what_must_survive_a_crash_is_written_to_the_file(path: Path) -> None:
    def held() -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in path.parent.glob("journal.db*")}

    journal = await open_journal(path)
    turns = [one.turn for one in await journal.register([item(1), item(2)], knows_prompts=False)]
    run = await journal.single_run()
    batch = await journal.intend(turns, run)
    scored = ScoredResponse(prompt_uuid="p1", response_uuid="r1", content="x", is_passed=True)
    await journal.record(batch, "score_run.1", [(turns[0], scored)])
    before = held()
    await journal.add_prompts([EvalPrompt(prompt_uuid="p1", content="x")])
    await journal.register([item(number) for number in range(200)], knows_prompts=True)
    await journal.add_listed([(f"r{number}", "p1", f"r{number}") for number in range(200)])
    await journal.keep_strays(run, [scored] * 200)
    for look in (journal.sent(), journal.runs(), journal.compare_listed(run), journal.contenders(["p1"], run)):
        await look
    assert held() == before
    await journal.close()


async def test_a_crash_forgets_what_was_read_but_not_what_was_meant_to_be_sent(path: Path, tmp_path: Path) -> None:
    journal = await open_journal(path)
    registered = await journal.register([item(number) for number in (1, 2, 3)], knows_prompts=False)
    await journal.intend([registered[1].turn], None)
    await journal.register([item(4)], knows_prompts=False)
    copy = tmp_path / "as the crash left it"
    copy.mkdir()
    for file in path.parent.glob("journal.db*"):
        (copy / file.name).write_bytes(file.read_bytes())
    await journal.close()
    again = await open_journal(copy / "journal.db")
    assert [[turn.prompt_uuid for turn in batch.turns] for batch in await again.sent()] == [["p2"]]
    known = await again.register([item(number) for number in (4, 3, 2)], knows_prompts=False)
    assert [one.duplicate_of for one in known] == [None] * 3
    assert len({one.turn.id for one in known}) == 3
    await again.close()


async def test_nothing_that_lasts_is_over_before_the_disk_has_it(path: Path, disk: Disk) -> None:
    journal = await open_journal(path)
    (one,) = await journal.register([item(1)], knows_prompts=False)
    disk.may_go_on.clear()
    intending = asyncio.create_task(journal.intend([one.turn], None))
    await disk.is_asked.wait()
    later = [asyncio.create_task(journal.intend([one.turn], None)) for _ in range(5)]
    looking = asyncio.create_task(journal.sent())
    await asyncio.sleep(0)
    assert not intending.done()
    times = disk.times
    disk.may_go_on.set()
    assert (await intending).turns == [one.turn]
    assert len((await looking)[0].turns) == 1, "it sees what was over before"
    assert not any(one.done() for one in later), "what only looks goes first"
    await asyncio.gather(*later)
    assert disk.times == times + 1, "those that came while the disk was busy wait for it together"
    await journal.close()


async def test_closing_waits_for_the_disk(path: Path, disk: Disk) -> None:
    journal = await open_journal(path)
    disk.may_go_on.clear()
    running = asyncio.create_task(journal.single_run())
    await disk.is_asked.wait()
    closing = asyncio.create_task(journal.close())
    await asyncio.sleep(0)
    assert not closing.done()
    disk.may_go_on.set()
    assert (await running).name == "n"
    await closing


async def test_when_the_disk_fails_nothing_more_is_done(path: Path, disk: Disk) -> None:
    journal = await open_journal(path)
    (one,) = await journal.register([item(1)], knows_prompts=False)
    disk.may_go_on.clear()
    disk.failure = sqlite3.OperationalError("disk I/O error")
    intending = asyncio.create_task(journal.intend([one.turn], None))
    await disk.is_asked.wait()
    disk.may_go_on.set()
    with pytest.raises(JournalError, match="disk I/O error"):
        await intending
    for what in (journal.single_run(), journal.sent()):
        with pytest.raises(JournalError, match="cannot be used"):
            await what
    await journal.close()


async def test_a_write_that_fails_undoes_nothing_that_was_only_temporary(path: Path) -> None:
    journal = await open_journal(path)
    (one,) = await journal.register([item(1)], knows_prompts=False)
    await journal._file.ask(lambda connection: connection.execute("PRAGMA query_only = 1"))
    with pytest.raises(JournalError, match="readonly"):
        await journal.intend([one.turn], None)
    with pytest.raises(JournalError, match="cannot be used"):
        await journal.register([item(3)], knows_prompts=False)
    await journal.close()
    again = await open_journal(path)
    assert await again.sent() == []
    await again.close()


async def test_a_journal_that_may_only_be_read_stops_everything(
    bench: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = await bench(40)
    await b.scorer(journal=path, batch_size=10).run(b.rows[:20])
    connect, sent = sqlite3.connect, len(b.sent())

    def read_only(file: Path, **options: Any) -> sqlite3.Connection:
        return connect(f"file:{file}?mode=ro", uri=True, **options)  # as for a file that only others may write

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(JournalError, match=r"cannot be used: .* see that the file and its folder can be written"):
        await b.scorer(journal=path, batch_size=10).run(b.rows)
    assert len(b.sent()) == sent


async def test_where_there_can_be_no_log_there_is_no_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "_pragma", lambda connection, name: "delete" if "journal" in name else 0)
    with pytest.raises(JournalError, match="only be kept in delete mode"):
        await open_journal(path)
