"""Ctrl-C in a blocked main thread."""

from __future__ import annotations

import signal

from tests.portal.scripts import ending, run, start


def test_an_interrupt_cancels_the_coroutine_and_waits_for_its_end() -> None:
    process = start("""
        portal = Portal(on_close)
        try:
            portal.call(hang())
        except KeyboardInterrupt:
            say("interrupted")
        say(portal.call(get("works on")))
    """)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        assert ending(process) == (["cleaned up", "interrupted", "works on", "closed"], "", 0)


def test_an_interrupt_that_nobody_catches_ends_the_program() -> None:
    process = start("""
        portal = Portal(on_close)
        portal.call(hang())
    """)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        out, err, code = ending(process)
    assert (out, code) == (["cleaned up", "closed"], -signal.SIGINT)
    assert err.strip().endswith("KeyboardInterrupt")
    assert err.count("Traceback") == 1


def test_a_second_interrupt_does_not_wait_for_a_coroutine_that_resists() -> None:
    process = start("""
        async def resist():
            say("started")
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    if released:
                        raise
                    say("resists")
        released = []
        portal = Portal(on_close)
        try:
            portal.call(resist())
        except KeyboardInterrupt:
            say("interrupted")
            released.append(True)
    """)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "resists\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert ending(process) == (["closed"], "", 0)


def test_an_interrupt_between_items_closes_the_iteration() -> None:
    script = """
        async def numbers():
            try:
                while True:
                    yield 1
                    await asyncio.sleep(0)
            finally:
                await asyncio.sleep(0)
                say("generator closed")
        portal = Portal(on_close)
        def read():
            for count, _ in enumerate(portal.iterate(numbers)):
                if count == 3:
                    signal.raise_signal(signal.SIGINT)
        try:
            read()
        except KeyboardInterrupt:
            pass
        say("interrupted")
    """
    assert run(script) == ["generator closed", "interrupted", "closed"]


def test_interrupts_at_any_moment_leave_a_portal_that_works() -> None:
    # Not in silence: Python complains of an interrupt in a finalizer, and between making the coroutine and the call.
    process = start("""
        def interrupt(*_):
            if inside:
                raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, interrupt)
        inside, interrupted, random = False, 0, random.Random(1)
        portal = Portal(on_close)
        def call():  # a function, as on 3.13 a signal between two turns of a loop goes past an except around the loop
            for _ in range(20):
                assert portal.call(get(5)) == 5
        while interrupted < 300:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 1e-3))
            try:
                inside = True
                call()
                inside = False
            except KeyboardInterrupt:
                inside = False
                interrupted += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        say(portal.call(get("works on")))
        async def tasks():
            return len(asyncio.all_tasks())
        say(portal.call(tasks()))
    """)
    out, err = process.communicate(timeout=50)
    assert (out.splitlines(), process.returncode) == (["works on", "2", "closed"], 0), err
