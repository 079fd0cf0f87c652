"""Enumerations of the API. They are open: a value that is not listed here is kept as the string it is."""

# ruff: noqa: PYI051 - the literals beside `str` are what an editor offers and what a reader wants to know

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

# A type checker and an editor see the listed values; a decoder sees ``str``, so that a value which the server adds
# later does not turn a good answer into an error.
if TYPE_CHECKING:
    Status: TypeAlias = Literal["created", "processing", "finished", "failed"] | str
    ContentType: TypeAlias = Literal["text", "image", "video"] | str
    ProcessingStatus: TypeAlias = Literal["pending", "processing", "completed", "failed"] | str
    FileType: TypeAlias = Literal["text", "image", "video", "document"] | str
    PromptExampleType: TypeAlias = Literal["good", "bad"] | str
    EvalRunExampleType: TypeAlias = Literal["pass", "fail"] | str
    PromptAction: TypeAlias = Literal["update", "delete"] | str
    ErrorCode: TypeAlias = (
        Literal[
            "auth.invalid_key",
            "auth.expired_key",
            "auth.insufficient_permissions",
            "validation.invalid_request",
            "validation.invalid_format",
            "resource.not_found",
            "resource.conflict",
            "quota.limit_exceeded",
            "server.internal_error",
        ]
        | str
    )
else:
    Status = str
    ContentType = str
    ProcessingStatus = str
    FileType = str
    PromptExampleType = str
    EvalRunExampleType = str
    PromptAction = str
    ErrorCode = str
