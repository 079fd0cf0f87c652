"""Counting the calls of the package's own functions, in all threads, that one piece of work makes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Self

PACKAGE = "/aymara_async/"


class FrameCount:
    """Count the frames of the package that begin while a work goes on; threads count that begin inside of ``with``."""

    def __init__(self) -> None:
        self.number = 0

    def __enter__(self) -> Self:
        self._before = sys.getprofile(), threading.getprofile()
        sys.setprofile(self._note)
        threading.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before[0])
        threading.setprofile(self._before[1])  # type: ignore[arg-type]  # None, where there was none

    def _note(self, frame: FrameType, event: str, arg: object) -> None:
        if event == "call" and PACKAGE in frame.f_code.co_filename.replace("\\", "/"):
            self.number += 1

    def least(self, work: Callable[[], object], *, tries: int = 5) -> int:
        """Count at least how many a work passes: the first time fills caches."""
        counts: list[int] = []
        for _ in range(tries):
            before = self.number
            work()
            counts.append(self.number - before)
        return min(counts)
