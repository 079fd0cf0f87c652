"""The model of ``run``: a Python function, a chat endpoint or a shell command, as the options name it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import click
import msgspec

from aymara_async.cli.options import option, option_names
from aymara_async.cli.running.function import load_function
from aymara_async.cli.text_input import text_or_file
from aymara_async.errors import ConfigurationError

if TYPE_CHECKING:
    from aymara_async.runner import Model

_OPENAI, _OPENAI_KEY = "api.openai.com", "OPENAI_API_KEY"
_NO_KEY = "none"
"""Sent to an endpoint that wants no key: the protocol's client insists on some."""

_OWNERS = {
    "model_name": "endpoint",
    "endpoint_key_env": "endpoint",
    "system": "endpoint",
    "params": "endpoint",
    "command_json": "command",
}


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.UsageError(f"--param {text!r} is not NAME=VALUE, such as temperature=0. Nothing was sent.")
    if name in {"model", "messages", "base_url", "api_key", "system", "client", "self"}:
        raise click.UsageError(f"--param {name} has an option of its own, or is set by the command. Nothing was sent.")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _parameters(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
    return dict(map(_parameter, given))


@attrs.frozen(kw_only=True)
class ModelSource:
    """Where the answers come from."""

    model: str | None = option(
        metavar="MODULE:FUNCTION",
        help="A Python function, plain or async, that takes the prompt and returns the answer.",
    )
    endpoint: str | None = option(
        metavar="URL", help="A chat endpoint that speaks OpenAI's protocol; needs --model-name."
    )
    model_name: str | None = option(metavar="NAME", help="Name of the model at the endpoint.")
    endpoint_key_env: str | None = option(
        metavar="NAME",
        help=f"Environment variable with the key of the endpoint.  [default: {_OPENAI_KEY} for {_OPENAI}, else no key]",
    )
    system: str | None = option(
        type=text_or_file,
        metavar="TEXT",
        help="System prompt for the endpoint, or @FILE.  [default: the eval's ai_instructions]",
    )
    params: Mapping[str, Any] = option(
        "--param",
        multiple=True,
        callback=_parameters,
        metavar="NAME=VALUE",
        help="A parameter for the endpoint, as JSON or text: temperature=0.",
    )
    command: str | None = option(
        metavar="LINE", help="A shell command that reads the prompt from stdin and writes the answer to stdout."
    )
    command_json: bool = option(is_flag=True, help="Send it a line of JSON instead: prompt, messages, turn, category.")

    def __attrs_post_init__(self) -> None:
        kinds = ("model", "endpoint", "command")
        named = option_names(ModelSource, [name for name in kinds if getattr(self, name) is not None])
        if len(named) != 1:
            given = f", not {' and '.join(named)}" if named else ""
            raise click.UsageError(f"Name one model with --model, --endpoint or --command{given}. Nothing was sent.")
        if self.endpoint is not None and self.model_name is None:
            raise click.UsageError("--endpoint needs --model-name. Nothing was sent.")
        for field, owner in _OWNERS.items():
            if getattr(self, field) and getattr(self, owner) is None:
                (name,) = option_names(ModelSource, [field])
                raise click.UsageError(f"{name} is for --{owner}; leave it out. Nothing was sent.")

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.model_name or self.model or self.command or ""

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Model, None]:
        """Load the function, or connect to the endpoint; raises ``click.UsageError`` and ``ConfigurationError``."""
        if self.model is not None:
            yield load_function(self.model)
        elif self.command is not None:
            from aymara_async.runner.adapters.shell_command import ShellCommand

            yield ShellCommand(self.command, as_json=self.command_json)
        else:
            from aymara_async.runner.adapters.chat_endpoint import ChatEndpoint

            assert self.endpoint is not None
            assert self.model_name is not None
            system = "" if self.system is None else self.system or None
            key = self._endpoint_key(self.endpoint)
            async with ChatEndpoint(
                self.model_name, base_url=self.endpoint, api_key=key, system=system, **self.params
            ) as model:
                yield model

    def _endpoint_key(self, endpoint: str) -> str:
        """Give no key to an endpoint that it is not meant for."""
        name = self.endpoint_key_env
        if name is None:
            if urlsplit(endpoint).hostname != _OPENAI:
                return _NO_KEY
            name = _OPENAI_KEY
        key = os.environ.get(name)
        if not key:
            raise ConfigurationError(f"The environment variable {name} holds no key for {endpoint}. Nothing was sent.")
        return key
