"""One session per running loop, closed in every case: each case is a process of its own that must stay silent."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
from pathlib import Path

import pytest

from tests.answers import EVAL
from tests.faulty_server import FaultyServer, reply

PRELUDE = """
import asyncio, gc, logging, os, pickle, subprocess, sys, threading
logging.getLogger("asyncio").addFilter(lambda record: not record.msg.startswith("Executing"))  # a busy machine
from aymara_async import AsyncAymaraAI
url = sys.argv[1]
def new(**options):
    return AsyncAymaraAI(base_url=url, **options)
async def get(client):
    assert (await client.evals.get("test.1")).eval_uuid == "test.1"
"""
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
NO_WARNINGS_OF_FORK = (
    "import warnings; warnings.filterwarnings('ignore', message='.*fork.*', category=DeprecationWarning)\n"
)


async def run(script: str) -> FaultyServer:
    """Run a script against a server; it must end well and print nothing."""
    environment = {**os.environ, "AYMARA_AI_API_KEY": "key", "PYTHONPATH": str(Path(__file__).parents[2])}
    async with FaultyServer(reply(200, EVAL)) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-W", "error", "-X", "dev", "-c", PRELUDE + textwrap.dedent(script), server.url),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(20):
                output, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            output, _ = await process.communicate()
            output += b"\n... and it hung"
        assert (process.returncode, output.decode()) == (0, "")
    return server


async def test_async_with() -> None:
    server = await run("""
        async def main():
            async with new() as client:
                await get(client)
                await get(client)
        asyncio.run(main())
    """)
    assert (server.connections, len(server.requests)) == (1, 2)


async def test_close_and_never_used() -> None:
    await run("""
        async def main():
            client = new()
            await get(client)
            await client.close()
            assert client.is_closed
            unused = new()
            async with new():
                pass
        asyncio.run(main())
        new()
    """)


async def test_two_runs_with_one_client() -> None:
    server = await run("""
        client = new()
        async def main():
            await get(client)
            await get(client)
        asyncio.run(main())
        asyncio.run(main())
    """)
    assert (server.connections, len(server.requests)) == (2, 4)


async def test_forgotten_in_a_loop_that_goes_on() -> None:
    """The session goes with the client: the transport is closed before the loop ends."""
    await run("""
        async def main():
            client = new()
            await get(client)
            session = client._session._sessions.current().http
            del client
            for _ in range(10):
                await asyncio.sleep(0)
            assert session.closed
        asyncio.run(main())
    """)


async def test_forgotten_until_the_loop_ends() -> None:
    await run("""
        async def main():
            global client
            client = new()
            await get(client)
        asyncio.run(main())
    """)


async def test_kept_in_a_cycle() -> None:
    await run("""
        async def main():
            client = new()
            client.me = client
            await get(client)
        asyncio.run(main())
        gc.collect()
    """)


@pytest.mark.parametrize(
    "ending", ["del client; gc.collect()", "", "asyncio.run(get(client))", "asyncio.run(client.close())"]
)
async def test_loop_closed_first(ending: str) -> None:
    """No shutdown_asyncgens: nothing tells the client that its loop ends."""
    await run(f"""
        client = new()
        loop = asyncio.new_event_loop()
        loop.run_until_complete(get(client))
        loop.close()
        {ending}
    """)


async def test_loop_after_loop_that_nobody_shut_down() -> None:
    server = await run("""
        client = new()
        for _ in range(5):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(get(client))
            loop.close()
            assert len(client._session._sessions._entries) == 1
    """)
    assert len(server.requests) == 5


async def test_two_loops_in_two_threads() -> None:
    server = await run("""
        client = new(max_connections=2)
        gate = threading.Barrier(2)
        failures = []
        async def main():
            gate.wait()
            for _ in range(20):
                await asyncio.gather(*(get(client) for _ in range(5)))
        def work():
            try:
                asyncio.run(main())
            except BaseException as error:
                failures.append(error)
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert not failures, failures
    """)
    assert len(server.requests) == 200


async def test_closed_from_another_loop_while_one_goes_on() -> None:
    await run("""
        client = new()
        ready, done = threading.Event(), threading.Event()
        async def main():
            await get(client)
            session = client._session._sessions.current().http
            ready.set()
            while not session.closed:
                await asyncio.sleep(0.001)
        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        ready.wait()
        async def close():
            await get(client)
            await client.close()
        asyncio.run(close())
        thread.join()
    """)


async def test_closed_with_a_call_under_way() -> None:
    await run("""
        async def main():
            client = new(max_retries=0)
            await get(client)
            task = asyncio.create_task(get(client))
            await asyncio.sleep(0)
            await client.close()
            try:
                await task
            except Exception as error:
                assert "aymara_async" in type(error).__module__, error
        asyncio.run(main())
    """)


@needs_fork
@pytest.mark.parametrize(
    "ending",
    [
        "os._exit(0)",
        "sys.exit(0)",
        "asyncio.run(client.close()); del client, loop; gc.collect()",
        "del client, loop; gc.collect(); sys.exit(0)",
    ],
)
async def test_fork(ending: str) -> None:
    """The child makes calls of its own; the parent's connection serves on, as nobody told the server that it ends."""
    server = await run(
        NO_WARNINGS_OF_FORK
        + f"""
client = new()
loop = asyncio.new_event_loop()
loop.run_until_complete(get(client))
child = os.fork()
if not child:
    asyncio.run(get(client))
    {ending}
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
loop.run_until_complete(get(client))
loop.run_until_complete(get(client))
loop.run_until_complete(client.close())
loop.close()
    """
    )
    assert (server.connections, len(server.requests)) == (2, 4)
    assert [request.connection for request in server.requests] == [1, 2, 1, 1]


@needs_fork
async def test_fork_that_never_calls() -> None:
    server = await run(
        NO_WARNINGS_OF_FORK
        + """
client = new()
loop = asyncio.new_event_loop()
loop.run_until_complete(get(client))
child = os.fork()
if not child:
    del client, loop
    gc.collect()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
loop.run_until_complete(get(client))
loop.run_until_complete(client.close())
loop.close()
    """
    )
    assert [request.connection for request in server.requests] == [1, 1]


@needs_fork
async def test_fork_within_a_running_loop() -> None:
    server = await run(
        NO_WARNINGS_OF_FORK
        + """
async def main():
    async with new() as client:
        await get(client)
        child = os.fork()
        if not child:
            threading.Thread(target=lambda: (asyncio.run(get(client)), os._exit(0))).start()
            threading.Event().wait()
        assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0
        await get(client)
asyncio.run(main())
    """
    )
    assert [request.connection for request in server.requests] == [1, 2, 1]


async def test_pickled_to_a_child_process() -> None:
    server = await run("""
        client = new(workspace_uuid="w")
        asyncio.run(get(client))
        data = pickle.dumps(client)
        assert os.environ["AYMARA_AI_API_KEY"] == "key"
        script = (
            "import asyncio, pickle, sys; client = pickle.load(sys.stdin.buffer);"
            "asyncio.run(client.evals.get('test.1'))"
        )
        subprocess.run([sys.executable, "-W", "error", "-X", "dev", "-c", script], input=data, check=True)
    """)
    assert [request.headers["x-api-key"] for request in server.requests] == ["key", "key"]
    assert server.lines == ["GET /v2/evals/test.1?workspace_uuid=w"] * 2


async def test_uvloop() -> None:
    pytest.importorskip("uvloop")
    server = await run("""
        import uvloop
        client = new()
        async def main():
            await asyncio.gather(*(get(client) for _ in range(20)))
        for _ in range(2):
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(main())
        asyncio.run(get(client))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(get(client))
            runner.run(client.close())
    """)
    assert len(server.requests) == 42


async def test_upload_that_cannot_connect_leaves_no_file_open(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"content")
    await run(f"""
        from aymara_async import APIConnectionError, RetryPolicy
        async def main():
            path = {str(tmp_path / "a.txt")!r}
            retry = RetryPolicy(max_retries=1, initial_wait=0)
            async with AsyncAymaraAI(base_url="http://127.0.0.1:1", retry=retry) as client:
                for call in (client.files.upload(file=path), client.files.put_presigned("http://127.0.0.1:1/x", path)):
                    try:
                        await call
                    except APIConnectionError:
                        pass
                    else:
                        raise AssertionError("no server there")
        asyncio.run(main())
        gc.collect()
    """)


async def test_cancelled_call_of_a_forgotten_client() -> None:
    await run("""
        async def main():
            client = new()
            task = asyncio.create_task(get(client))
            await asyncio.sleep(0)
            task.cancel()
        asyncio.run(main())
    """)
