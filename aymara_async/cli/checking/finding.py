"""What ``doctor`` looks at, and what it finds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal, TypeAlias, TypeVar

import attrs

from aymara_async.transport.proxy import Proxy

T = TypeVar("T")

Status: TypeAlias = Literal["ok", "warning", "failure", "skipped"]


@attrs.frozen
class Finding:
    """The outcome of one check."""

    check: str
    """What was looked at."""
    status: Status
    """``"skipped"`` where an earlier failure leaves nothing to look at."""
    message: str
    """What was found."""
    advice: str | None = None
    """How to mend it."""


@attrs.define(kw_only=True)
class Patient:
    """What is examined, and what the checks so far have learnt for those that follow."""

    base_url: str | None
    """Where calls shall go, by the command line."""
    workspace_uuid: str | None
    allow_http: bool
    timeout: float
    """Seconds for each check."""
    url: str | None = None
    """Where calls go; None where that cannot be told."""
    has_key: bool = False
    """Whether there is a key that can be sent."""
    proxy: Proxy | None = None
    addresses: list[str] = attrs.Factory(list)
    """Of the server, where no proxy looks it up."""
    obstacle: str | None = None
    """Why the server cannot be asked."""
    server_time: tuple[datetime, datetime] | None = None
    """The server's clock, and this machine's at the same moment."""

    def obstruct(self, check: str, message: str, advice: str) -> Finding:
        """Report a failure that leaves nothing to ask the server."""
        self.obstacle = f"the check of {check} failed"
        return Finding(check, "failure", message, advice)


Check: TypeAlias = Callable[[Patient], Awaitable[Finding]]


async def examine(name: str, check: Check, patient: Patient) -> Finding:
    """Make one check, which can neither hang nor stop the others."""
    try:
        async with asyncio.timeout(patient.timeout):
            return await check(patient)
    except TimeoutError:
        return patient.obstruct(
            name,
            f"No answer within {patient.timeout:g} s.",
            "Try again, with a longer --timeout; else see your network.",
        )
    except Exception as error:  # noqa: BLE001 - the other checks are still to be made
        return patient.obstruct(name, f"Unexpected {type(error).__name__}: {error}", "Report it, with these words.")


async def in_thread(call: Callable[[], T]) -> T:
    """Make a call that may hang in a thread that nobody waits for at the end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def work() -> None:
        result, error = None, None
        try:
            result = call()
        except Exception as caught:  # noqa: BLE001 - raised where it is awaited
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=work, daemon=True).start()
    return await done
