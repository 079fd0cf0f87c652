"""Options, each written once: as a field of the attrs class that a command gets, with those that belong together."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping
from functools import wraps
from typing import Any, TypeVar

import attrs
import click

from aymara_async.cli.command import MayBeEmpty
from aymara_async.cli.terminal import Terminal

C = TypeVar("C", bound=Callable[..., Any])

_OPTION = "aymara_async.cli.option"


def option(*names: str, **settings: Any) -> Any:
    """Declare a field as an option; the arguments are those of ``click.option``, the name is by default the field's."""
    return attrs.field(metadata={_OPTION: (names, settings)})


def options(group: type[Any], *, required: Collection[str] = ()) -> Callable[[C], C]:
    """Add the options of an attrs class, in the order of its fields.

    The command gets an instance as its argument of the class's name, in snake case. ``required`` names the fields that
    must be given here.
    """
    fields = [field for field in attrs.fields(group) if _OPTION in field.metadata]
    argument = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", group.__name__).lower()

    def decorate(command: C) -> C:
        @wraps(command)
        def grouped(*args: Any, **given: Any) -> Any:
            made = group(**{field.name: given.pop(field.name) for field in fields})
            return command(*args, **{argument: made}, **given)

        decorated: Any = grouped
        for field in reversed(fields):
            names, settings = field.metadata[_OPTION]
            must: dict[str, Any] = {"required": True} if field.name in required else {}
            decorated = click.option(*(names or (_name(field.name),)), field.name, **settings, **must)(decorated)
        return decorated  # type: ignore[no-any-return]  # of the same kind as the command

    return decorate


def option_names(group: type[Any], fields: Collection[str]) -> list[str]:
    """Name the options of these fields, as people write them."""
    named = {field.name: field.metadata[_OPTION][0] for field in attrs.fields(group) if _OPTION in field.metadata}
    return [(named[field] or (_name(field),))[0] for field in fields]


def _name(field: str) -> str:
    return f"--{field.replace('_', '-')}"


GRACE_PERIOD: Mapping[str, Any] = {
    "type": click.FloatRange(min=0),
    "metavar": "SECONDS",
    "default": 30,
    "show_default": True,
    "help": "How long a call whose answer was lost may take to show at the server; then it is sent again.",
}
"""The option ``--grace-period``."""
RUN_KEY: Mapping[str, Any] = {
    "metavar": "TEXT",
    "help": "Whole name of the run, and of a new eval: with it, the same command goes on from any machine.",
}
"""The option ``--run-key``."""


@attrs.frozen(kw_only=True)
class Connection:
    """Which server to work with, and where on it."""

    base_url: str | None = option(metavar="URL", help="Another server.  [default: AYMARA_AI_BASE_URL, or production]")
    workspace: str | None = option(cls=MayBeEmpty, metavar="UUID", help="The workspace to work in.")
    allow_http: bool = option(is_flag=True, help="Send the key unencrypted to a server that is not on this machine.")


def terminal_options(command: C) -> C:
    """Add ``--quiet`` and ``--debug``, which change the ``Terminal`` that the command gets."""
    quiet = click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, callback=_be_quiet, help="Tell nothing but errors on stderr."
    )
    return quiet(debug_option(command))


def _be_quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.ensure_object(Terminal).is_quiet = value


def _debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Terminal).is_debugging = True
        logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        logging.getLogger("aymara_async").setLevel(logging.DEBUG)


def debug_option(command: C) -> C:
    """Add ``--debug``, which changes the ``Terminal`` that the command gets."""
    return click.option(
        "--debug", is_flag=True, expose_value=False, callback=_debug, help="Tell all about errors, and log every call."
    )(command)
