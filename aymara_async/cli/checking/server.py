"""What ``doctor`` asks the server: whether it is the API, whether it takes the key, and what time it has."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aymara_async.cli.checking.finding import Finding, Patient
from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    PermissionDeniedError,
)
from aymara_async.response import APIResponse

_CLOCK_WARNING = 30
_CLOCK_FAILURE = 300
"""Seconds that the clocks may differ; an answer's own way is part of it."""
_NOT_THE_API = "See whether the address is that of the API, and whether a proxy or a login page answers in its place."


async def check_health(patient: Patient) -> Finding:
    """Ask whether the API is well, without the key: what answers may not be the API."""
    if patient.url is None or patient.obstacle:
        return _skipped("health", patient)
    try:
        async with _client(patient, key="none") as client:
            answer = await client.health.with_raw_response.check(timeout=patient.timeout)
        _note_time(patient, answer)
        answer.parse()
    except APIStatusError as error:
        _note_time(patient, error.response)
        advice = "Try again later." if error.is_passing else _NOT_THE_API
        return Finding("health", "failure", f"The health operation answered {error.status_code}.", advice)
    except APIResponseValidationError:
        return Finding("health", "failure", "A web page answered in place of the API.", _NOT_THE_API)
    except (APIError, ConfigurationError) as error:
        return patient.obstruct("health", error.message, "See the checks above.")
    return Finding("health", "ok", "The API answers.")


async def check_acceptance(patient: Patient) -> Finding:
    """List one eval, which needs a key that the server accepts."""
    if patient.url is None or patient.obstacle:
        return _skipped("acceptance", patient)
    if not patient.has_key:
        return Finding("acceptance", "skipped", "Not looked at: there is no usable key.")
    try:
        async with _client(patient) as client:
            answer = await client.evals.with_raw_response.list(limit=1, timeout=patient.timeout)
        _note_time(patient, answer)
        page = answer.parse()
    except (APIError, ConfigurationError) as error:
        if isinstance(error, APIStatusError):
            _note_time(patient, error.response)
        return Finding("acceptance", "failure", *_refusal(error))
    return Finding("acceptance", "ok", f"The server accepts the key; it shows {page.count} evals.")


def _refusal(error: APIError | ConfigurationError) -> tuple[str, str]:
    """Say what went wrong, and how to mend it."""
    if isinstance(error, AuthenticationError):
        advice = "See whether the key has expired, and whether it belongs to this address: staging has keys of its own."
        return f"The server does not accept the key: {_said(error)}", advice
    if isinstance(error, PermissionDeniedError):
        return f"The key may not list evals: {_said(error)}", "Check --workspace, and what the key may do."
    if isinstance(error, APIStatusError):
        advice = "Try again later." if error.is_passing else _NOT_THE_API
        return f"The list of evals cannot be had: {_said(error)}", advice
    if isinstance(error, APIResponseValidationError):
        return "What answered is not the Aymara API.", _NOT_THE_API
    return error.message, "See the checks above."


async def check_clock(patient: Patient) -> Finding:
    """Compare this machine's clock with the server's, which also signs the addresses of files."""
    if patient.server_time is None:
        return Finding("clock", "skipped", "Not looked at: no answer told the server's time.")
    server, here = patient.server_time
    seconds = (here - server).total_seconds()
    way = "fast" if seconds > 0 else "slow"
    message = f"This machine's clock is {abs(seconds):.0f} s {way} by the server's."
    advice = "Set this machine's clock, for instance by switching on NTP."
    if abs(seconds) >= _CLOCK_FAILURE:
        return Finding("clock", "failure", message, advice)
    if abs(seconds) >= _CLOCK_WARNING:
        return Finding("clock", "warning", message, advice)
    return Finding("clock", "ok", "It agrees with the server's.")


def _client(patient: Patient, key: str | None = None) -> AsyncAymaraAI:
    return AsyncAymaraAI(
        base_url=patient.url,
        api_key=key,
        bearer_token=key,
        workspace_uuid=patient.workspace_uuid,
        allow_http=patient.allow_http,
        max_retries=0,
    )


def _note_time(patient: Patient, answer: APIResponse[object]) -> None:
    try:
        date = parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError, TypeError):
        return
    patient.server_time = (date if date.tzinfo else date.replace(tzinfo=UTC), datetime.now(UTC))


def _said(error: APIStatusError) -> str:
    code = f" {error.code}" if error.code else ""
    request_id = f", request id {error.request_id}" if error.request_id else ""
    return f"{error.status_code}{code}{request_id}."


def _skipped(check: str, patient: Patient) -> Finding:
    return Finding(check, "skipped", f"Not looked at: {patient.obstacle or 'there is no usable address'}.")
