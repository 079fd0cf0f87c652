"""The sandbox: a server that starts inside a test, a notebook or a terminal."""

from __future__ import annotations

import asyncio
import math
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from os import PathLike
from types import TracebackType
from typing import Self

from aymara_async.sandbox.api import Api, all_routes
from aymara_async.sandbox.control import Control
from aymara_async.sandbox.delivery import Delivery
from aymara_async.sandbox.faults import FaultLike, RateLimit, read_fault, read_faults, read_rate_limit
from aymara_async.sandbox.judge import Judge, stand_in_judge
from aymara_async.sandbox.keys import Keys
from aymara_async.sandbox.origin import Origin
from aymara_async.sandbox.plan import FaultPlan, RateWindow
from aymara_async.sandbox.prompts import PromptFile, PromptSource, read_prompts
from aymara_async.sandbox.record import Record, RecordedRequest
from aymara_async.sandbox.shape import Shape, ShapeLike, Shaping, read_shape
from aymara_async.sandbox.state import State
from aymara_async.sandbox.storage import Storage
from aymara_async.sandbox.store.database import Database
from aymara_async.sandbox.store.runs import ScoredTurn, count_scorings


class Sandbox:
    """Play the Aymara AI v2 API on 127.0.0.1, offline, with state.

    Use it as ``async with Sandbox() as sandbox`` on the running loop, or as ``with Sandbox() as sandbox`` on a
    thread of its own; then point a client at ``sandbox.url`` with ``sandbox.api_key``.

    Args:
        database: SQLite file that keeps the state, ``":memory:"`` for none.
        latency: Seconds by which every answer is late.
        rate_limit: Requests per second, or ``"100/60"`` for so many in so many seconds; more are answered with 429.
        faults: What shall go wrong: see ``aymara_async.sandbox.faults``.
        seed: The same seed gives the same faults.
        delay: Seconds until an eval, a run, a report or a file is ready.
        judge: Decides whether a response passed; the default is a deterministic stand-in.
        prompts: JSON Lines file, or rows, that new evals take their prompts from.
        port: Port of the API, 0 for any free one.
        shape: Which server to play, of those that the contract allows: order and lag of lists, seconds of work, what is
            echoed, what is never scored, a clock that is off; see ``aymara_async.sandbox.shape``.
        clock: Gives seconds since the epoch; a test can move it by hand.
        record_limit: How many requests ``requests`` remembers.
    """

    def __init__(
        self,
        *,
        database: str | PathLike[str] = ":memory:",
        latency: float = 0.0,
        rate_limit: RateLimit | str | float | None = None,
        faults: Iterable[FaultLike] | None = None,
        seed: int = 0,
        delay: float = 0.0,
        judge: Judge | None = None,
        prompts: PromptFile | None = None,
        port: int = 0,
        api_key: str = "sandbox-key",
        shape: ShapeLike | None = None,
        clock: Callable[[], float] = time.time,
        record_limit: int = 100_000,
    ) -> None:
        if not (0 <= latency < math.inf and 0 <= delay < math.inf):
            raise ValueError(f"latency and delay are seconds from 0 on, got {latency} and {delay}")
        if not 0 <= port < 2**16:
            raise ValueError(f"A port is a number from 0 to 65535, not {port}")
        if judge is not None and not callable(judge):
            raise TypeError(f"A judge is a function, not {judge!r}")
        self._path = database
        self._delay = delay
        limit = read_rate_limit(rate_limit)
        self._rate = None if limit is None else RateWindow(limit)
        self._latency = latency
        self._plan = FaultPlan(seed, [route.operation for route in all_routes()], read_faults(faults or ()))
        self._judge: Judge = judge or stand_in_judge
        self._prompts = PromptSource() if prompts is None else read_prompts(prompts)
        self._port = port
        self._keys = Keys(api_key, f"{api_key}-read-only", f"{api_key}-expired")
        self._shaping = Shaping(read_shape(shape))
        self._clock = clock
        self._record = Record(record_limit)
        self._database: Database | None = None
        self._delivery: Delivery | None = None
        self._origins: list[Origin] = []
        self._url = ""
        self._storage_url = ""
        self._thread: _Thread | None = None

    @property
    def url(self) -> str:
        """Base URL of the API."""
        return self._url

    @property
    def storage_url(self) -> str:
        """The second origin, to which presigned URLs lead."""
        return self._storage_url

    @property
    def api_key(self) -> str:
        """A key that may do everything."""
        return self._keys.api_key

    @property
    def read_only_api_key(self) -> str:
        """A key that may only read: writing is answered with 403."""
        return self._keys.read_only_api_key

    @property
    def expired_api_key(self) -> str:
        """A key that has expired: everything is answered with 401."""
        return self._keys.expired_api_key

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far, oldest first, on both origins."""
        return self._record.all()

    @property
    def scored(self) -> Counter[ScoredTurn]:
        """How often each turn was scored in each run; a number above 1 is a response that was scored twice."""
        if self._database is None:
            raise RuntimeError("This sandbox is not running: what was scored can be read only inside its with block")
        return count_scorings(self._database)

    def add_fault(self, fault: FaultLike) -> None:
        """Let something go wrong from now on: ``sandbox.add_fault(Reset("evals.get", calls=3))``.

        Raises:
            ValueError: It is not a fault.
        """
        self._plan.add(read_fault(fault))

    def clear_faults(self) -> None:
        """Let everything go well again."""
        self._plan.clear()

    @property
    def shape(self) -> Shape:
        """Which server it plays; set another one at any time, in any form that ``Sandbox`` takes."""
        return self._shaping.shape

    @shape.setter
    def shape(self, shape: ShapeLike) -> None:
        self._shaping.shape = read_shape(shape)

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close()

    def __enter__(self) -> Self:
        self._thread = _Thread()
        try:
            self._thread.run(self._open())
        except BaseException:
            self._thread.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._thread is not None
        try:
            self._thread.run(self._close())
        finally:
            self._thread.stop()
            self._thread = None

    async def _open(self) -> None:
        if self._database is not None:
            raise RuntimeError("This sandbox is already running")
        self._database = database = Database(self._path)
        state = State(
            database=database,
            clock=self._clock,
            delay=self._delay,
            judge=self._judge,
            prompts=self._prompts,
            shaping=self._shaping,
            secret=bytes.fromhex(database.setting("secret", secrets.token_hex(32))),
        )
        control = Control(self._plan, self._shaping, self._record, database)
        self._delivery = delivery = Delivery(self._latency)
        api = Api(state, self._keys, self._record, self._plan, self._rate, control, delivery)
        storage = Storage(state, self._record)
        try:
            self._storage_url = state.storage_url = await self._listen(Origin(storage.handle, 0))
            self._url = await self._listen(Origin(api.handle, self._port))
        except BaseException:
            await self._close()
            raise

    async def _listen(self, origin: Origin) -> str:
        self._origins.append(origin)
        return await origin.open()

    async def _close(self) -> None:
        if self._delivery is not None:
            self._delivery.stop()
        while self._origins:
            await self._origins.pop().close()
        if self._database is not None:
            self._database.close()
            self._database = None


class _Thread:
    """A thread with an event loop, for a caller that has none to spare."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="aymara-sandbox", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
