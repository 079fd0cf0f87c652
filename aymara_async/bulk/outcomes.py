"""What a failure means for the batch that was sent, or the question that was asked: pure decisions.

=====================================================  =========  ==================================================
failure                                                meaning    what follows
=====================================================  =========  ==================================================
429, 503; no connection was made                       REFUSED    sent again, when the limiter allows it
answer lost or unreadable; 408, 500, 502, 504, others  LOST       looked for at the server
400, 413, 422                                          REJECTED   split, until the responses at fault are found
401, 403, 404, 409, …; bad certificate; closed client  FATAL      the job ends; the batch was not scored
=====================================================  =========  ==================================================
"""

from __future__ import annotations

from enum import Enum, auto

from aymara_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    AymaraAIError,
    PaginationError,
)
from aymara_async.transport.retry import AMBIGUOUS, REFUSED

_REJECTED = frozenset({400, 413, 422})


class Meaning(Enum):
    """What a failure means for the batch."""

    REFUSED = auto()
    LOST = auto()
    REJECTED = auto()
    FATAL = auto()


def meaning(error: AymaraAIError) -> Meaning:
    """Decide what a failure means."""
    if isinstance(error, APIStatusError):
        status = error.status_code
        if status in REFUSED:
            return Meaning.REFUSED
        if status in AMBIGUOUS or status >= 500:
            return Meaning.LOST
        return Meaning.REJECTED if status in _REJECTED else Meaning.FATAL
    if isinstance(error, APIConnectionError):
        if error.is_sent:
            return Meaning.LOST
        return Meaning.REFUSED if error.is_retryable else Meaning.FATAL
    return Meaning.LOST if isinstance(error, APIResponseValidationError) else Meaning.FATAL


def is_passing(error: AymaraAIError) -> bool:
    """Tell whether a question that failed like this may be answered when it is asked again."""
    if isinstance(error, APIStatusError):
        return error.status_code in AMBIGUOUS | REFUSED
    if isinstance(error, APIConnectionError):
        return error.is_sent or error.is_retryable
    return isinstance(error, APIResponseValidationError | PaginationError)
