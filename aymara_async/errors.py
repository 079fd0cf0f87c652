"""Every exception that this package raises.

::

    AymaraAIError
    ├── ConfigurationError                  the client cannot work as it was set up
    ├── RequestValidationError              an argument is wrong; nothing was sent
    ├── ClientClosedError                   the client was closed before the call
    ├── WaitError                           a job was waited for in vain
    │   ├── WaitTimeoutError                it goes on; wait again
    │   └── JobFailedError                  the server reports it as failed
    ├── IncompleteScoringError              fewer answers were scored than submitted
    └── APIError                            a call to the API did not bring what it should
        ├── APIConnectionError              no complete answer came
        │   ├── APITimeoutError             … in the time allowed
        │   └── OutcomeUnknownError         … and the server may have done the work
        ├── APIResponseValidationError      an answer came, but not the one the API promises
        ├── PaginationError                 pages do not add up to the list
        └── APIStatusError                  the server answered with an error
            ├── BadRequestError             400
            ├── AuthenticationError         401
            ├── PermissionDeniedError       403
            ├── NotFoundError               404
            ├── ConflictError               409
            ├── UnprocessableEntityError    422
            ├── RateLimitError              429
            └── InternalServerError         500 and above

What a failure says of the work that was asked for, which every ``APIError`` tells by two properties:

======================================  ===================  ==============
failure                                 ``may_have_acted``   ``is_passing``
======================================  ===================  ==============
no connection was made                  no                   yes
… as its certificate is bad             no                   no
429, 503, 421, 425                      no                   yes
400, 401, 403, 404 and any other 4xx    no                   no
a redirect that is not followed         no                   no
408, 500 and any other 5xx              yes                  yes
it broke, or took too long, once sent   yes                  yes
an answer that cannot be read           yes                  yes
======================================  ===================  ==============

What has not been acted on may be sent again whatever it is; what may have been only where doing it twice does no harm.

All of them can be pickled; none holds the API key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from aymara_async.response import APIResponse

_NOT_TAKEN_ON = frozenset({421, 425, 429, 503})
"""Statuses with which a server says that it has not even begun."""
_REJECTED = frozenset({400, 413, 422})
"""Statuses with which it says that something in the request is at fault."""


def _restore(cls: type[AymaraAIError], message: str, state: dict[str, object]) -> AymaraAIError:
    error = cls.__new__(cls)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class AymaraAIError(Exception):
    """Root of every exception of this package."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        """What happened, what it means for the data, and what to do next."""

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.message, self.__dict__)


class ConfigurationError(AymaraAIError, ValueError):
    """The client cannot work as it was set up."""


class RequestValidationError(AymaraAIError, ValueError):
    """An argument is not what the API takes; nothing was done, and nothing sent but the beginning of a bad file."""

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path
        """Where the fault is, such as ``$.responses[3].content``."""


class ClientClosedError(AymaraAIError, RuntimeError):
    """The client was closed before the call; nothing was sent."""


class WaitError(AymaraAIError):
    """A job was waited for in vain."""

    def __init__(self, message: str, *, uuid: str, status: str, resource: object) -> None:
        super().__init__(message)
        self.uuid = uuid
        """Which job it is."""
        self.status = status
        """Its status when last seen, ``"unknown"`` if the server never answered."""
        self.resource = resource
        """The job as last seen: an ``Eval``, ``EvalRunResult``, ``EvalSuiteReport`` or ``FileStatus``, or None."""


class WaitTimeoutError(WaitError, TimeoutError):
    """The job was not done in the time allowed; it goes on at the server."""


class JobFailedError(WaitError):
    """The server reports the job as failed."""


class IncompleteScoringError(AymaraAIError):
    """Fewer answers were scored than submitted."""

    def __init__(self, message: str, *, eval_run_uuids: Sequence[str], missing: Sequence[str]) -> None:
        super().__init__(message)
        self.eval_run_uuids: list[str] = list(eval_run_uuids)
        """The runs that hold what was scored."""
        self.missing: list[str] = list(missing)
        """Prompts whose answers were not scored."""


class APIError(AymaraAIError):
    """A call to the API did not bring what it should."""

    def __init__(self, message: str, *, method: str = "", url: str = "", body: object = None) -> None:
        super().__init__(message)
        self.method = method
        """HTTP method of the request."""
        self.url = url
        """URL of the request."""
        self.body = body
        """The decoded body of the response, its text if it is no JSON, or None where there was none."""

    @property
    def may_have_acted(self) -> bool:
        """Whether the server may have done the work although the call failed."""
        return True

    @property
    def is_passing(self) -> bool:
        """Whether the same request may be answered later."""
        return True

    @property
    def is_refusal(self) -> bool:
        """Whether the server took nothing on, for now: the same request can safely be sent again."""
        return self.is_passing and not self.may_have_acted

    @property
    def is_rejection(self) -> bool:
        """Whether the server found something in the request at fault: 400, 413 or 422."""
        return isinstance(self, APIStatusError) and self.status_code in _REJECTED


class APIConnectionError(APIError):
    """No complete answer came: the connection failed, or broke."""

    def __init__(
        self, message: str, *, method: str = "", url: str = "", is_sent: bool = True, is_retryable: bool = True
    ) -> None:
        super().__init__(message, method=method, url=url)
        self.is_sent = is_sent
        """Whether the request may have reached the server."""
        self.is_retryable = is_retryable
        """Whether the same call may succeed later; a bad certificate stays bad."""

    @property
    def may_have_acted(self) -> bool:
        """Whether the server may have done the work although the call failed."""
        return self.is_sent

    @property
    def is_passing(self) -> bool:
        """Whether the same request may be answered later."""
        return self.is_sent or self.is_retryable


class APITimeoutError(APIConnectionError):
    """No complete answer came in the time allowed."""


class OutcomeUnknownError(APIConnectionError):
    """The request was sent, but no complete answer came: the server may have done the work, or not.

    It is not sent again by itself, because the server would then do the work twice.
    """


class APIResponseValidationError(APIError):
    """An answer came, but not the one the API promises."""

    def __init__(self, message: str, *, response: APIResponse[object], path: str | None, body: object) -> None:
        super().__init__(message, method=response.method, url=response.url, body=body)
        self.response = response
        """The response as it came."""
        self.status_code: int = response.status_code
        """HTTP status."""
        self.path = path
        """Where the fault is, such as ``$.items[3].content``; None where the body is no JSON at all."""


class PaginationError(APIError):
    """The pages do not add up to the list; some items may have been missed."""


class APIStatusError(APIError):
    """The server answered with an error."""

    advice: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        response: APIResponse[object],
        body: object,
        code: str | None = None,
        details: Mapping[str, object] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, method=response.method, url=response.url, body=body)
        self.response = response
        """The response as it came."""
        self.status_code: int = response.status_code
        """HTTP status."""
        self.code = code
        """The API's error code, such as ``resource.not_found``."""
        self.details: dict[str, object] = dict(details or {})
        """What else the server said about the fault."""
        self.request_id = request_id
        """The server's name for this exchange; quote it to support."""
        self.retry_after = retry_after
        """Seconds after which the server wants to be asked again, if it said so."""

    @property
    def may_have_acted(self) -> bool:
        """Whether the server may have done the work although the call failed."""
        return self.status_code not in _NOT_TAKEN_ON and (self.status_code == 408 or self.status_code >= 500)

    @property
    def is_passing(self) -> bool:
        """Whether the same request may be answered later."""
        return self.status_code in _NOT_TAKEN_ON or self.may_have_acted


class BadRequestError(APIStatusError):
    """400: the server could not make sense of the request."""

    advice = "Nothing was changed; correct the request."


class AuthenticationError(APIStatusError):
    """401: the API key is missing, wrong or expired."""

    advice = "Nothing was changed; check api_key or AYMARA_AI_API_KEY, and that it belongs to this environment."


class PermissionDeniedError(APIStatusError):
    """403: the API key may not do this."""

    advice = "Nothing was changed; check the permissions of the key and the workspace_uuid."


class NotFoundError(APIStatusError):
    """404: there is no such resource, or not in this workspace."""

    advice = "Check the id and the workspace_uuid."


class ConflictError(APIStatusError):
    """409: the resource is not in a state that allows this."""

    advice = "Nothing was changed; look at the resource's status first."


class UnprocessableEntityError(APIStatusError):
    """422: a field of the request is not acceptable."""

    advice = "Nothing was changed; `details` tells which field."


class RateLimitError(APIStatusError):
    """429: too many requests, or the quota is used up."""

    advice = "Nothing was changed; slow down, or raise max_retries."


class InternalServerError(APIStatusError):
    """500 and above: the server failed."""

    advice = "The server may or may not have done the work; look before you send it again."
