"""Commands that catch what an unset variable makes of their arguments, and groups that know what was meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import click

_LIKE_AN_OPTION = re.compile(r"--[A-Za-z]\S*|-[A-Za-z]")


class MayBeEmpty(click.Option):
    """An option whose empty value is as good as none, for CI, which can hardly leave out an option."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Convert what is not empty."""
        return super().type_cast_value(ctx, None if value == "" else value)


class Command(click.Command):
    """A command that refuses empty values, and options in the place of values."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Check the values before anything is made of them; raises ``click.UsageError``."""
        if not ctx.resilient_parsing:
            values, _, _ = self.make_parser(ctx).parse_args(list(args))
            for parameter in self.get_params(ctx):
                _check(parameter, values.get(str(parameter.name)), ctx)
        return super().parse_args(ctx, args)


class Group(click.Group):
    """A group of such commands."""

    command_class: type[click.Command] | None = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; raises ``click.UsageError``, which names those that may be meant."""
        names = self.list_commands(ctx)
        near = get_close_matches(args[0], names)
        if near and args[0] not in names and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(map(repr, near))}?")
        return super().resolve_command(ctx, args)


def _check(parameter: click.Parameter, value: object, ctx: click.Context) -> None:
    is_option = isinstance(parameter, click.Option)
    name = max(parameter.opts, key=len) if is_option else parameter.human_readable_name
    for one in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
        if one == "" and not isinstance(parameter, MayBeEmpty):
            raise click.UsageError(f"{name} is empty; is a variable unset?", ctx)
        if is_option and isinstance(one, str) and _LIKE_AN_OPTION.fullmatch(one):
            raise click.UsageError(f"{name} has no value, but {one} follows it; is a variable unset?", ctx)
