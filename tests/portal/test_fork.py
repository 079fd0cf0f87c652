"""A forked child has a thread and a loop of its own, and leaves the parent's alone."""

from __future__ import annotations

import sys
import textwrap

import pytest

from tests.portal.scripts import FORKS, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no fork")

# A connection that lives on the parent's loop: it stalls when a child takes its socket off the shared poll set.
CONNECTION = """
class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

async def connect():
    held.append(await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0))
    held.append(await asyncio.open_connection(*held[0].sockets[0].getsockname()))

async def talk(word):
    reader, writer = held[1]
    writer.write(word + b"\\n")
    async with asyncio.timeout(20):
        return (await reader.readline()).strip().decode()

async def on_close():
    if os.getpid() == main:
        held[1][1].close()
        await held[1][1].wait_closed()
        held[0].close()
    say("closed", "parent" if os.getpid() == main else "child")

async def thread():
    return os.getpid(), threading.get_ident()

def in_child(action):
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        action()
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0

main = os.getpid()
held = []
portal = Portal(on_close)
portal.call(connect())
say(portal.call(talk(b"before")))
"""
AFTER = 'say(portal.call(talk(b"after")))\n'


def fork(script: str) -> list[str]:
    return run(CONNECTION + textwrap.dedent(script) + AFTER, *FORKS)


def test_parent_and_child_both_go_on() -> None:
    said = fork("""
        def child():
            pid, ident = portal.call(thread())
            assert pid == os.getpid() and ident != threading.get_ident()
            say(portal.call(get("child")))

        in_child(child)
    """)
    assert said == ["before", "child", "closed child", "after", "closed parent"]


def test_a_child_may_close_or_let_go() -> None:
    said = fork("""
        def close():
            portal.close()

        def let_go():
            global portal
            del portal
            gc.collect()

        def call_and_let_go():
            portal.call(get(1))
            let_go()

        in_child(close)
        in_child(let_go)
        in_child(call_and_let_go)
    """)
    assert said == ["before", "closed child", "after", "closed parent"]


def test_a_child_of_a_child_has_its_own_too() -> None:
    said = fork("""
        def child():
            portal.call(get(1))
            in_child(lambda: say(portal.call(get("grandchild"))))
            say(portal.call(get("child")))

        in_child(child)
    """)
    assert said == ["before", "grandchild", "closed child", "child", "closed child", "after", "closed parent"]


def test_an_iteration_cannot_go_on_in_a_child() -> None:
    said = fork("""
        async def numbers():
            try:
                yield 1
                yield 2
            finally:
                say("generator closed")

        iterator = portal.iterate(numbers)
        next(iterator)

        def go_on():
            try:
                next(iterator)
            except BlockingCallError as error:
                say(error)

        def let_go():
            global iterator
            del iterator
            gc.collect()

        in_child(go_on)
        in_child(let_go)
        say(next(iterator))
        del iterator
    """)
    assert said[0] == "before"
    assert "begun in the parent process" in said[1]
    assert said[2:] == ["2", "generator closed", "after", "closed parent"]


def test_a_portal_closed_in_the_parent_is_closed_in_the_child() -> None:
    said = fork("""
        other = Portal(on_close)
        other.close()

        def child():
            try:
                other.call(get(1))
            except ClientClosedError:
                say("refused")

        in_child(child)
    """)
    assert said == ["before", "refused", "after", "closed parent"]


def test_forks_while_other_threads_call() -> None:
    said = fork("""
        stop = threading.Event()
        def call():
            while not stop.is_set():
                portal.call(get(1))
                Portal(nothing).call(get(1))
        async def nothing():
            pass
        threads = [threading.Thread(target=call) for _ in range(4)]
        for each in threads:
            each.start()
        for _ in range(10):
            pid = os.fork()
            if pid == 0:
                signal.alarm(30)
                assert portal.call(get(5)) == 5
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        for each in threads:
            each.join()
    """)
    assert said == ["before", "after", "closed parent"]
