"""A program may end however it likes without closing its client; nothing is printed, and the client is closed."""

from __future__ import annotations

import textwrap

import pytest

from tests.portal.scripts import run

USES = {
    "plain": "portal.call(get(1))",
    "open connection": """
        async def connect():
            server = await asyncio.start_server(lambda reader, writer: held.append((reader, writer)), "127.0.0.1", 0)
            held.append(server)
            held.append(await asyncio.open_connection(*server.sockets[0].getsockname()))
        async def on_close():
            held[0].close()
            for _, writer in held[1:]:
                writer.close()
                await writer.wait_closed()
            say("closed")
        portal = Portal(on_close)
        portal.call(connect())
    """,
    "open generator": """
        async def numbers():
            try:
                yield 1
            finally:
                await asyncio.sleep(0)
                say("generator closed")
        iterator = portal.iterate(numbers)
        next(iterator)
        held.append(iterator)
    """,
    "background task": """
        async def begin():
            held.append(asyncio.create_task(hang()))
            await asyncio.sleep(0)
        portal.call(begin())
    """,
    "worker thread": "portal.call(asyncio.to_thread(int))",
    "call in a daemon thread": """
        started = threading.Event()
        async def hang_quietly():
            started.set()
            await asyncio.Event().wait()
        def call():
            try:
                portal.call(hang_quietly())
            except ClientClosedError:
                pass
        threading.Thread(target=call, daemon=True).start()
        started.wait()
    """,
    "reference cycle": """
        class Client:
            pass
        client = Client()
        client.portal, client.self = portal, client
        portal.call(get(1))
        del client
    """,
    "let go just before": """
        portal.call(get(1))
        del portal
    """,
    "several clients": """
        held += [portal, Portal(get_none)]
        for each in held:
            each.call(get(1))
    """,
    "failing close": """
        async def fail():
            raise OSError("no")
        held.append(Portal(fail))
        held[0].call(get(1))
        portal.call(get(1))
    """,
}


@pytest.mark.parametrize("use", USES)
def test_a_forgotten_client_is_closed_in_silence(use: str) -> None:
    head = "held = []\nportal = Portal(on_close)\nasync def get_none(): pass\n"
    said = run(head + textwrap.dedent(USES[use]))
    assert "closed" in said


def test_a_client_that_made_no_call_leaves_no_trace() -> None:
    assert run("portal = Portal(on_close)") == []


def test_a_call_after_the_end_is_an_error_and_not_a_deadlock() -> None:
    script = """
        def late():
            try:
                portal.call(get(1))
            except ClientClosedError:
                say("refused")
        atexit.register(late)
        portal = Portal(on_close)
        portal.call(get(1))
    """
    assert run(script) == ["closed", "refused"]


def test_a_call_while_the_program_ends_still_works() -> None:
    script = """
        portal = Portal(on_close)
        portal.call(get(1))
        atexit.register(lambda: say(portal.call(get("late"))))
    """
    assert run(script) == ["late", "closed"]


def test_a_thread_that_outlives_the_main_one_still_calls() -> None:
    script = """
        portal = Portal(on_close)
        portal.call(get(1))  # later no thread can be started any more
        def work():
            threading.main_thread().join()
            say(portal.call(get("after main")))
        threading.Thread(target=work).start()
    """
    assert run(script) == ["after main", "closed"]
