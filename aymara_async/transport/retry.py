"""Whether to send a failed call again, and after how long: one policy, carried out by tenacity."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import attrs
from attrs import validators

from aymara_async.errors import APIConnectionError, APIError, APIStatusError, OutcomeUnknownError
from aymara_async.transport.clock import monotonic

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")
logger: logging.Logger = logging.getLogger("aymara_async")

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
    if not isinstance(error, APIStatusError | APIConnectionError):
        return False  # an answer came, and would come again
    said = error.response.headers.get("x-should-retry", "").lower() if isinstance(error, APIStatusError) else ""
    is_worth_it = said == "true" if said in {"true", "false"} else error.is_passing
    return is_worth_it and (is_idempotent or not error.may_have_acted)


def _is_steered(error: APIError) -> bool:
    """Tell a rate limit, whose server itself says when to come again, from an outage."""
    return isinstance(error, APIStatusError) and error.status_code == 429 and error.retry_after is not None


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


@attrs.define(kw_only=True)
class _Retries:
    """What tenacity asks: whether to send a call again that has failed, and when."""

    policy: RetryPolicy
    budget: RetryBudget
    is_idempotent: bool
    deadline: float | None
    error: APIError
    """What came of the latest attempt."""
    attempts: int = 1
    spent: int = 0
    """Tokens of the budget."""
    delay: float = 0.0

    def retry(self, state: RetryCallState) -> bool:
        """Tell whether to send again."""
        error = state.outcome.exception() if state.outcome else None
        return isinstance(error, APIError) and self.goes_on(error)

    def wait(self, state: RetryCallState) -> float:  # noqa: ARG002 - tenacity passes it
        """Tell after how many seconds."""
        return self.delay

    def goes_on(self, error: APIError) -> bool:
        """Take note of a failure, and tell whether to send again, after ``delay``."""
        self.error = error
        delay = self.policy.delay(error, attempt=self.attempts, is_idempotent=self.is_idempotent)
        if delay is None or (self.deadline is not None and monotonic() + delay >= self.deadline):
            return False
        is_free = _is_steered(error)
        if not (is_free or self.budget.take()):
            logger.warning("not sent again, as too many calls are failing: %s", error)
            return False
        self.spent += not is_free
        self.delay = delay
        logger.info("attempt %d failed, next in %.2f s: %s", self.attempts, delay, error)
        return True


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
    from tenacity import AsyncRetrying

    retries = _Retries(policy=policy, budget=budget, is_idempotent=is_idempotent, deadline=deadline, error=first)

    async def attempt() -> T:
        retries.attempts += 1
        return await send(retries.attempts, retries.error)

    try:
        if not retries.goes_on(first):
            raise first
        await asyncio.sleep(retries.delay)
        result: T = await AsyncRetrying(retry=retries.retry, wait=retries.wait, reraise=True)(attempt)
    except APIConnectionError as failure:
        if failure.may_have_acted and not is_idempotent:
            raise _unknown_outcome(failure) from failure
        raise
    budget.refund(retries.spent)
    return result
