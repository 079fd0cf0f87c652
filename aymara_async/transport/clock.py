"""The time that deadlines and waits go by, which libraries that freeze the time of tests do not reach."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

monotonic: Callable[[], float]
"""Seconds since some moment, ever growing: ``time.monotonic``."""

if sys.platform == "win32":
    monotonic = partial(time.monotonic)
else:
    # They put something else in the place of `time.monotonic` wherever they find it, but not of this.
    monotonic = partial(time.clock_gettime, time.CLOCK_MONOTONIC)
