"""Whether to send a failed call again, and after how long: one policy, carried out by tenacity."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import attrs
from attrs import validators

from aymara_async.errors import APIConnectionError, APIError, APIStatusError, OutcomeUnknownError

T = TypeVar("T")
logger: logging.Logger = logging.getLogger("aymara_async")

REFUSED = frozenset({429, 503})
"""The server did not take the request on; sending it again is always safe."""
AMBIGUOUS = frozenset({408, 500, 502, 504})
"""The server may have done the work."""

_at_least_0: Callable[[object, attrs.Attribute[float], float], None] = validators.ge(0.0)


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How failed calls are sent again: full jitter between zero and a bound that doubles from try to try."""

    max_retries: int = attrs.field(default=4, validator=[validators.instance_of(int), validators.ge(0)])
    """How often one call is sent again at most."""
    initial_wait: float = attrs.field(default=0.5, validator=_at_least_0)
    """Upper bound of the first wait, in seconds. With 0 nothing waits, which tests like."""
    max_wait: float = attrs.field(default=20.0, validator=_at_least_0)
    """Upper bound of every wait, in seconds."""
    max_retry_after: float = attrs.field(default=120.0, validator=_at_least_0)
    """The longest ``Retry-After`` that is waited for, in seconds; a longer one is raised at once."""

    def delay(self, error: APIError, *, attempt: int, is_idempotent: bool) -> float | None:
        """Return after how many seconds to send again, or None for not again."""
        if attempt > self.max_retries or not _is_retryable(error, is_idempotent):
            return None
        bound = min(self.max_wait, self.initial_wait * 2.0 ** min(attempt - 1, 60))
        jitter = random.uniform(0, bound)  # noqa: S311 - spreading load needs no secrecy
        asked = error.retry_after if isinstance(error, APIStatusError) else None
        if asked is None:
            return jitter
        # On top, and ever longer, so that all who were told the same moment do not come at once, again and again.
        return asked + jitter if asked <= self.max_retry_after else None


def _is_retryable(error: APIError, is_idempotent: bool) -> bool:
    if isinstance(error, APIStatusError):
        return error.status_code in REFUSED or (is_idempotent and error.status_code in AMBIGUOUS)
    if isinstance(error, APIConnectionError):
        return error.is_retryable and (is_idempotent or not error.is_sent)
    return False


def _is_steered(error: APIError) -> bool:
    """Tell a rate limit, whose server itself says when to come again, from an outage."""
    return isinstance(error, APIStatusError) and error.status_code == 429 and error.retry_after is not None


def may_have_acted(error: BaseException) -> bool:
    """Tell whether the server may have done the work although the call failed."""
    if isinstance(error, APIStatusError):
        return error.status_code in AMBIGUOUS
    return isinstance(error, APIConnectionError) and error.is_sent


@attrs.define
class RetryBudget:
    """Tokens that retries cost and successes give back, so that a total outage does not multiply the traffic.

    A rate limit that says when to come again is no outage, and costs none.
    """

    capacity: float = 100.0
    tokens: float = 100.0

    def take(self) -> bool:
        """Spend a token on a retry, if there is one."""
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def refund(self, retries: int = 0) -> None:
        """Give back what a call that succeeded in the end had cost, and a little more."""
        self.tokens = min(self.capacity, self.tokens + retries + 0.1)


def _unknown_outcome(error: APIConnectionError) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"{error.message} The request had been sent, so the server may have done the work, or not. It was not sent "
        "again, because that could do the work twice; look at the server's state first.",
        method=error.method,
        url=error.url,
    )


async def retrying(
    first: APIError,
    send: Callable[[int, APIError], Awaitable[T]],
    *,
    policy: RetryPolicy,
    budget: RetryBudget,
    is_idempotent: bool,
    deadline: float | None,
) -> T:
    """Go on after a first failure: ``send(attempt, previous_error)`` until it succeeds or the policy gives up.

    ``deadline`` is a moment of ``time.monotonic``; no wait goes past it. Raises the last error.
    """
    # tenacity costs as much as half a call, which only calls that fail have to pay.
    from tenacity import AsyncRetrying, RetryCallState

    delay: float | None = None
    spent = 0

    def decide(state: RetryCallState) -> bool:
        nonlocal delay, spent
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, APIError):
            return False
        delay = policy.delay(error, attempt=state.attempt_number, is_idempotent=is_idempotent)
        if delay is None or (deadline is not None and monotonic() + delay >= deadline):
            return False
        is_free = _is_steered(error)
        if not (is_free or budget.take()):
            logger.warning("not sent again, as too many calls are failing: %s", error)
            return False
        spent += not is_free
        logger.info("attempt %d failed, next in %.2f s: %s", state.attempt_number, delay, error)
        return True

    attempts, error = 0, first

    async def attempt() -> T:
        nonlocal attempts, error
        attempts += 1
        if attempts == 1:
            raise first
        try:
            return await send(attempts, error)
        except APIError as failure:
            error = failure
            raise

    try:
        result: T = await AsyncRetrying(retry=decide, wait=lambda state: delay or 0.0, reraise=True)(attempt)
    except APIConnectionError as failure:
        if failure.is_sent and not is_idempotent:
            raise _unknown_outcome(failure) from failure
        raise
    budget.refund(spent)
    return result
