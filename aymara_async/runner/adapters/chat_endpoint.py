"""A model behind an OpenAI-compatible chat endpoint; needs the extra ``openai``."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from aymara_async.errors import ConfigurationError
from aymara_async.models import AgentInstructions, Eval, WorkflowInstructions
from aymara_async.runner.model_prompt import ModelPrompt

if TYPE_CHECKING:
    from openai import AsyncOpenAI


class ChatEndpoint:
    """Put prompts to a chat endpoint, with the conversation so far; an instance is a model for ``AsyncEvalRunner``.

    Use it as ``async with ChatEndpoint(...) as model``, or ``close`` it.

    Args:
        model: Name of the model at the endpoint.
        base_url: Where the endpoint is, such as ``"http://localhost:11434/v1"``; else ``OPENAI_BASE_URL``, else OpenAI.
        api_key: Its key; else ``OPENAI_API_KEY``. A local server usually takes any.
        system: The system prompt; by default the eval's ``ai_instructions``, None for none.
        client: A client of the ``openai`` package to use instead of making one; it stays yours to close.
        arguments: More arguments of ``chat.completions.create``, such as ``temperature=0``.

    Raises:
        ConfigurationError: The ``openai`` package is not installed, or has no key to use.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        system: str | None = "",
        client: AsyncOpenAI | None = None,
        **arguments: Any,
    ) -> None:
        self._model, self._system, self._arguments = model, system, arguments
        self._is_own = client is None
        self._client = _connect(base_url, api_key) if client is None else client

    async def __call__(self, prompt: ModelPrompt) -> str | None:
        """Return the answer, or None where the model refused; raises what the ``openai`` package raises."""
        system = system_prompt(prompt.eval) if self._system == "" else self._system
        messages: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
        completion = await self._client.chat.completions.create(
            model=self._model, messages=cast(Any, messages + prompt.messages), **self._arguments
        )
        if not completion.choices:
            raise ValueError("The endpoint's answer holds no choice")
        message = completion.choices[0].message
        return None if message.refusal else message.content or ""

    async def close(self) -> None:
        """Close the connections, unless the client is somebody else's."""
        if self._is_own:
            await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


def system_prompt(eval: Eval) -> str | None:
    """Return what the AI was told: the eval's instructions as text, those of a workflow one agent after the other."""
    told = eval.ai_instructions
    if told is None or isinstance(told, str):
        return told
    if isinstance(told, AgentInstructions):
        return told.system_prompt
    assert isinstance(told, WorkflowInstructions)
    return "\n\n".join(f"{agent.agent_name or 'Agent'}: {agent.system_prompt}" for agent in told.instructions)


def _connect(base_url: str | None, api_key: str | None) -> AsyncOpenAI:
    try:
        from openai import AsyncOpenAI, OpenAIError
    except ImportError as error:
        raise ConfigurationError(
            "ChatEndpoint needs the openai package: pip install 'aymara-async[openai]'. Nothing was sent."
        ) from error
    try:
        # The runner has its own retries, which a user can see and set.
        return AsyncOpenAI(base_url=base_url, api_key=api_key, max_retries=0)
    except OpenAIError as error:
        raise ConfigurationError(f"ChatEndpoint cannot be set up: {error} Nothing was sent.") from error
