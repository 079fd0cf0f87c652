"""Ctrl-C stops a command's coroutine in an orderly way, and a second one at once."""

from __future__ import annotations

import asyncio
import signal

import pytest

from aymara_async.cli.interruptible import run_interruptibly


def test_the_result_comes_through() -> None:
    async def main() -> int:
        await asyncio.sleep(0)
        return 7

    assert run_interruptibly(main()) == 7
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_waits_for_the_step_under_way() -> None:
    seen: list[str] = []

    async def main() -> None:
        signal.raise_signal(signal.SIGINT)
        seen.append("the step goes on")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    with pytest.raises(KeyboardInterrupt):
        run_interruptibly(main())
    assert seen == ["the step goes on", "cancelled"]


def test_a_second_ctrl_c_waits_for_nothing() -> None:
    async def main() -> None:
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.sleep(60)
        finally:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_interruptibly(main())


def test_a_cancellation_of_its_own_is_no_interruption() -> None:
    async def main() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_interruptibly(main())
