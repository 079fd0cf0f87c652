"""What a failure means for the batch that was sent: pure decisions.

=====================================================  =========  ==================================================
failure                                                meaning    what follows
=====================================================  =========  ==================================================
a refusal: 429, 503, 421, 425; no connection made       REFUSED    sent again, when the limiter allows it
answer lost or unreadable; 408, any other 5xx           LOST       looked for at the server
400, 413, 422                                          REJECTED   split, until the responses at fault are found
401, 403, 404, 409, …; bad certificate; closed client  FATAL      the job ends; the batch was not scored
=====================================================  =========  ==================================================
"""

from __future__ import annotations

from enum import Enum, auto

from aymara_async.errors import APIError, APIStatusError, AymaraAIError

_REJECTED = frozenset({400, 413, 422})


class Meaning(Enum):
    """What a failure means for the batch."""

    REFUSED = auto()
    LOST = auto()
    REJECTED = auto()
    FATAL = auto()


def meaning(error: AymaraAIError) -> Meaning:
    """Decide what a failure means."""
    if not isinstance(error, APIError):
        return Meaning.FATAL
    if error.is_refusal:
        return Meaning.REFUSED
    if error.may_have_acted:
        return Meaning.LOST
    is_rejected = isinstance(error, APIStatusError) and error.status_code in _REJECTED
    return Meaning.REJECTED if is_rejected else Meaning.FATAL
