"""Options that several commands share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import click

from aymara_async.cli.terminal import Terminal

C = TypeVar("C", bound=Callable[..., Any])


def terminal_options(command: C) -> C:
    """Add ``--quiet`` and ``--debug``, which change the ``Terminal`` that the command gets."""
    quiet = click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, callback=_be_quiet, help="Tell nothing but errors on stderr."
    )
    debug = click.option(
        "--debug", is_flag=True, expose_value=False, callback=_debug, help="Tell all about errors, and log every call."
    )
    return quiet(debug(command))


def _be_quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.ensure_object(Terminal).is_quiet = value


def _debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.ensure_object(Terminal).is_debugging = value
    if value:
        logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        logging.getLogger("aymara_async").setLevel(logging.DEBUG)


def connection_options(command: C) -> C:
    """Add ``--base-url`` and ``--workspace``."""
    base_url = click.option(
        "--base-url", metavar="URL", help="Another server.  [default: AYMARA_AI_BASE_URL, or production]"
    )
    workspace = click.option("--workspace", metavar="UUID", help="The workspace to work in.")
    return base_url(workspace(command))
