"""What a model is given: the prompt, which is text, and the conversation that led to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import attrs

from aymara_async.models import Eval, EvalPrompt, EvalResponse


@attrs.frozen(kw_only=True)
class Said:
    """An earlier turn of a conversation."""

    prompt: EvalPrompt
    response: EvalResponse
    """What the model answered, as it was submitted."""


class ModelPrompt(str):
    """The text to answer, a ``str`` for whoever expects one, with what else is known of it."""

    __slots__ = ("eval", "history", "prompt")

    prompt: EvalPrompt
    """The prompt as the API gave it."""
    eval: Eval
    """The eval that it belongs to, with the AI's instructions."""
    history: Sequence[Said]
    """The earlier turns of the same conversation, oldest first; empty in the first turn."""

    def __new__(cls, prompt: EvalPrompt, *, eval: Eval, history: Sequence[Said] = ()) -> Self:
        """Make one of a prompt and what was said before it."""
        made = super().__new__(cls, prompt.content)
        made.prompt, made.eval, made.history = prompt, eval, tuple(history)
        return made

    @property
    def turn(self) -> int:
        """Which turn of the conversation this is, counted from 1."""
        return len(self.history) + 1

    @property
    def category(self) -> str | None:
        """What the prompt is about."""
        return self.prompt.category

    @property
    def messages(self) -> list[dict[str, str]]:
        """The conversation as chat messages, this prompt last; a refusal or a file is an assistant's empty message."""
        messages: list[dict[str, str]] = []
        for said in self.history:
            answer = said.response.content
            messages.append({"role": "user", "content": said.prompt.content})
            messages.append({"role": "assistant", "content": answer if isinstance(answer, str) else ""})
        return [*messages, {"role": "user", "content": str.__str__(self)}]

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.prompt, self.eval, self.history)


def _restore(cls: type[ModelPrompt], prompt: EvalPrompt, eval: Eval, history: Sequence[Said]) -> ModelPrompt:
    return cls(prompt, eval=eval, history=history)
