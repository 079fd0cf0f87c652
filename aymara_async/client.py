"""AsyncAymaraAI: the client, its options and its resources."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar, Unpack

import attrs
from msgspec import UNSET, UnsetType

from aymara_async.errors import RequestValidationError
from aymara_async.resources.eval_types import AsyncEvalTypes, AsyncEvalTypesWithRawResponse
from aymara_async.resources.evals import AsyncEvals, AsyncEvalsWithRawResponse
from aymara_async.resources.files import AsyncFiles, AsyncFilesWithRawResponse
from aymara_async.resources.health import AsyncHealth, AsyncHealthWithRawResponse
from aymara_async.resources.reports import AsyncReports, AsyncReportsWithRawResponse
from aymara_async.settings import (
    ClientSettings,
    Environment,
    Key,
    auth_from_environment,
    auth_headers,
    configure_logging,
    resolve_base_url,
    retry_policy,
    use_sandbox_from_environment,
)
from aymara_async.transport.caller import Caller
from aymara_async.transport.codec import check_type
from aymara_async.transport.options import CallOptions, RequestOptions
from aymara_async.transport.retry import RetryPolicy
from aymara_async.transport.session import SessionManager
from aymara_async.transport.wire import custom_path

T = TypeVar("T")

DEFAULT_TIMEOUT = 60.0
DEFAULT_MAX_CONNECTIONS = 100
DEFAULT_MAX_RESPONSE_BYTES = 256 * 1024 * 1024


class AsyncAymaraAI:
    """Client of the Aymara AI v2 API, for asyncio.

    Use it as ``async with AsyncAymaraAI() as client``, or call ``close()``; one that is forgotten is closed with its
    event loop. One client serves many tasks, and one event loop after another.

    Args:
        api_key: Your key, as text or as what hides it (pydantic's ``SecretStr``); else ``AYMARA_AI_API_KEY``.
        bearer_token: A token instead of a key, or beside it; else ``AYMARA_AI_BEARER_TOKEN``.
        environment: ``"production"`` (the default), ``"staging"`` or ``"development"`` (localhost:8000).
        base_url: Another server; else ``AYMARA_AI_BASE_URL``.
        workspace_uuid: The workspace of every call that does not name one.
        use_sandbox: Ask for made-up results in every call that does not say; else ``AYMARA_AI_USE_SANDBOX``.
        timeout: Seconds for each attempt as a whole, from when the call has its turn; None for no limit.
        deadline: Seconds for each call as a whole, retries and all waits included; None for no limit.
        max_retries: How often a failed call is sent again, where that is safe (default 4).
        retry: How failed calls are sent again, in detail.
        default_headers: Headers to add to every call.
        default_query: Query parameters to add to every call.
        max_connections: Connections open at once, and calls under way; those beyond wait for their turn.
        max_response_bytes: The largest response that is read.
        ssl_context: How to check the server's certificate; by default against the system's authorities, or those that
            ``SSL_CERT_FILE`` names.
        allow_http: Send the key unencrypted to hosts other than this one.

    Raises:
        ConfigurationError: There is no key, or an argument makes no sense.
    """

    health: AsyncHealth
    """Is the API there?"""
    evals: AsyncEvals
    """Evals, their prompts, and their runs in ``evals.runs``."""
    eval_types: AsyncEvalTypes
    """Kinds of eval that the API offers."""
    reports: AsyncReports
    """Reports over several runs."""
    files: AsyncFiles
    """Files that evals and responses refer to."""

    def __init__(
        self,
        *,
        api_key: Key | None = None,
        bearer_token: Key | None = None,
        environment: Environment | None = None,
        base_url: str | None = None,
        workspace_uuid: str | None = None,
        use_sandbox: bool | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
        deadline: float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        max_connections: int = DEFAULT_MAX_CONNECTIONS,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        ssl_context: ssl.SSLContext | None = None,
        allow_http: bool = False,
    ) -> None:
        configure_logging()
        call = (
            CallOptions(
                timeout=timeout,
                deadline=deadline,
                retry=retry_policy(retry, max_retries),
                workspace_uuid=workspace_uuid,
            )
            .with_query(default_query)
            .with_sandbox(use_sandbox_from_environment(use_sandbox))
        )
        settings = ClientSettings(
            base_url=resolve_base_url(base_url, environment, allow_http=allow_http),
            call=call.with_headers(default_headers),
            max_connections=max_connections,
            max_response_bytes=max_response_bytes,
            ssl_context=ssl_context,
            is_key_given=api_key is not None or bearer_token is not None,
        )
        connection = settings.connection(auth_from_environment(api_key, bearer_token))
        self._bind(settings, SessionManager(connection, partial(_restored_session, settings.without_secrets())))

    def _bind(self, settings: ClientSettings, session: SessionManager) -> None:
        self._settings = settings
        self._session = session
        caller = self._caller = Caller(session, settings.call)
        self.health = AsyncHealth(caller)
        self.evals = AsyncEvals(caller)
        self.eval_types = AsyncEvalTypes(caller)
        self.reports = AsyncReports(caller)
        self.files = AsyncFiles(caller)

    @property
    def base_url(self) -> str:
        """Where calls go."""
        return self._settings.base_url

    @property
    def with_raw_response(self) -> AsyncAymaraAIWithRawResponse:
        """The same resources, with methods that return the whole response."""
        return AsyncAymaraAIWithRawResponse(self)

    def with_options(
        self,
        *,
        api_key: Key | None = None,
        bearer_token: Key | None = None,
        workspace_uuid: str | UnsetType | None = UNSET,
        use_sandbox: bool | UnsetType | None = UNSET,
        timeout: float | UnsetType | None = UNSET,
        deadline: float | UnsetType | None = UNSET,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
    ) -> Self:
        """Return a view of this client with some options changed; both share their connections, and close together.

        Headers and query parameters are added to those of this client. A view costs next to nothing: make one per call.
        """
        call = self._settings.call
        changes: dict[str, Any] = {"workspace_uuid": workspace_uuid, "timeout": timeout, "deadline": deadline}
        call = attrs.evolve(call, **{name: value for name, value in changes.items() if value is not UNSET})
        if not isinstance(use_sandbox, UnsetType):
            call = call.with_sandbox(use_sandbox)
        if retry is not None or max_retries is not None:
            call = attrs.evolve(call, retry=retry_policy(call.retry if retry is None else retry, max_retries))
        call = call.with_query(default_query).with_headers(auth_headers(api_key, bearer_token))
        call = call.with_headers(default_headers)
        view = type(self).__new__(type(self))
        view._bind(attrs.evolve(self._settings, call=call), self._session)
        return view

    copy: Final = with_options

    async def get(self, path: str, *, cast_to: type[T], **options: Unpack[RequestOptions]) -> T:
        """Call an endpoint that has no method, and decode its answer to ``cast_to``.

        ``path`` begins with a slash and may hold a query. ``cast_to`` is an attrs class, ``dict``, ``list``, ``str``,
        ``bytes``, ``APIResponse``, or ``type(None)`` to ignore the answer.
        """
        return await self._own("GET", path, cast_to, options)

    async def post(self, path: str, *, cast_to: type[T], body: object = None, **options: Unpack[RequestOptions]) -> T:
        """Call an endpoint that has no method, with a JSON body; it is not sent again once it may have acted."""
        return await self._own("POST", path, cast_to, options, body)

    async def put(self, path: str, *, cast_to: type[T], body: object = None, **options: Unpack[RequestOptions]) -> T:
        """Call an endpoint that has no method, with a JSON body; it may be sent again."""
        return await self._own("PUT", path, cast_to, options, body)

    async def patch(self, path: str, *, cast_to: type[T], body: object = None, **options: Unpack[RequestOptions]) -> T:
        """Call an endpoint that has no method, with a JSON body; it may be sent again."""
        return await self._own("PATCH", path, cast_to, options, body)

    async def delete(self, path: str, *, cast_to: type[T], body: object = None, **options: Unpack[RequestOptions]) -> T:
        """Call an endpoint that has no method; it may be sent again."""
        return await self._own("DELETE", path, cast_to, options, body)

    async def _own(self, method: str, path: str, cast_to: type[T], options: RequestOptions, body: object = None) -> T:
        check_type(cast_to)
        return await self._caller.call(method, custom_path(path), cast_to, options, json=body)

    async def close(self) -> None:
        """Close the connections; calls that follow raise ``ClientClosedError``."""
        await self._session.close()

    @property
    def is_closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._session.is_closed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        workspace = self._settings.call.workspace_uuid
        return f"<{type(self).__name__} {self.base_url}{f' workspace {workspace}' if workspace else ''}>"

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, memo: object) -> Self:
        return self.with_options()

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickle, (type(self), self._settings.without_secrets())

    def __enter__(self) -> NoReturn:
        raise TypeError("AsyncAymaraAI is for asyncio: write `async with`, or use AymaraAI. Nothing was sent.")

    def __exit__(self, *_: object) -> None: ...


class AsyncAymaraAIWithRawResponse:
    """The resources of a client, with methods that return the whole response."""

    def __init__(self, client: AsyncAymaraAI) -> None:
        self._client = client

    @property
    def health(self) -> AsyncHealthWithRawResponse:
        """``health``, with whole responses."""
        return self._client.health.with_raw_response

    @property
    def evals(self) -> AsyncEvalsWithRawResponse:
        """``evals``, with whole responses."""
        return self._client.evals.with_raw_response

    @property
    def eval_types(self) -> AsyncEvalTypesWithRawResponse:
        """``eval_types``, with whole responses."""
        return self._client.eval_types.with_raw_response

    @property
    def reports(self) -> AsyncReportsWithRawResponse:
        """``reports``, with whole responses."""
        return self._client.reports.with_raw_response

    @property
    def files(self) -> AsyncFilesWithRawResponse:
        """``files``, with whole responses."""
        return self._client.files.with_raw_response


def check_client(client: object, instead: str) -> None:
    """See that a client is an ``AsyncAymaraAI``, else name what takes an ``AymaraAI``."""
    if not isinstance(client, AsyncAymaraAI):
        raise RequestValidationError(
            f"client must be an AsyncAymaraAI, not {client!r}; with an AymaraAI use {instead}. Nothing was sent.",
            path="client",
        )


def _unpickle(cls: type[AsyncAymaraAI], settings: ClientSettings) -> AsyncAymaraAI:
    """Make the client again; one whose key came from the environment has that of this process's."""
    client = cls.__new__(cls)
    client._bind(settings, _restored_session(settings))
    return client


def _restored_session(settings: ClientSettings, has_key: bool = False) -> SessionManager:
    if has_key:
        settings = attrs.evolve(settings, is_key_given=True)
    return SessionManager(settings.restored(), partial(_restored_session, settings))
