"""Where a command's calls go: the API, or a sandbox that lives as long as the command."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs

from aymara_async.cli.options import Connection
from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import ConfigurationError
from aymara_async.scoring.rows import PromptRow

if TYPE_CHECKING:
    from aymara_async.sandbox.judge import Judge


_KEYS = ("AYMARA_AI_API_KEY", "AYMARA_AI_BEARER_TOKEN")


@asynccontextmanager
async def open_client(connection: Connection) -> AsyncGenerator[AsyncAymaraAI, None]:
    """Connect to the API, with the key from the environment; raises ``ConfigurationError``."""
    if not any(map(os.environ.get, _KEYS)):
        raise ConfigurationError(
            f"There is no API key. Set the environment variable {_KEYS[0]}. Without an account, use --sandbox where a "
            "command has it, or the key that `aymara-async sandbox` prints. Nothing was sent."
        )
    try:
        client = AsyncAymaraAI(
            base_url=connection.base_url, workspace_uuid=connection.workspace, allow_http=connection.allow_http
        )
    except ConfigurationError as error:
        raise ConfigurationError(error.message.replace("pass allow_http=True", "add --allow-http")) from None
    async with client:
        yield client


@asynccontextmanager
async def open_sandbox(
    workspace_uuid: str | None, harmless: Collection[str], tell: Callable[[str], None]
) -> AsyncGenerator[AsyncAymaraAI, None]:
    """Start a sandbox and connect to it; no account is needed.

    ``harmless`` are contents of prompts that its stand-in judge wants answered, not refused.
    """
    from aymara_async.sandbox import Sandbox

    async with Sandbox(judge=_judge(frozenset(harmless))) as sandbox:
        tell("Started an embedded sandbox; its stand-in judge knows only how refusals read")
        # A proxy that the environment names could not reach it.
        os.environ["no_proxy"] = ",".join(filter(None, (os.environ.get("no_proxy"), "127.0.0.1")))
        client = AsyncAymaraAI(
            base_url=sandbox.url, api_key=sandbox.api_key, workspace_uuid=workspace_uuid, use_sandbox=False
        )
        async with client:
            yield client


def tell_unused_marks(prompts: Iterable[PromptRow], tell: Callable[[str], None]) -> None:
    """Tell that a server that is not the embedded sandbox hears nothing of which prompts are harmless."""
    if any(prompt.is_harmless for prompt in prompts):
        tell('"safe" in the prompts is ignored: only the judge of --sandbox is told of it')


def _judge(harmless: Collection[str]) -> Judge:
    from aymara_async.sandbox.judge import JudgedEval, JudgedPrompt, JudgedResponse, Verdict, stand_in_judge

    def judge(prompt: JudgedPrompt, response: JudgedResponse, judged_eval: JudgedEval) -> Verdict:
        if prompt.content in harmless:
            # The stand-in wants an answer for every eval type that it does not know as one of safety.
            judged_eval = attrs.evolve(judged_eval, eval_type="a harmless prompt")
        return stand_in_judge(prompt, response, judged_eval)

    return judge
