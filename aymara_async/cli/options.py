"""Options that several commands share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import click

from aymara_async.cli.command import MayBeEmpty
from aymara_async.cli.terminal import Terminal

C = TypeVar("C", bound=Callable[..., Any])

ALLOW_HTTP = "aymara_async.allow_http"
"""Where a command's context keeps whether the key may be sent unencrypted."""


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


def connection_options(command: C) -> C:
    """Add ``--base-url``, ``--workspace`` and ``--allow-http``; the last is told to ``open_client`` alone."""
    base_url = click.option(
        "--base-url", metavar="URL", help="Another server.  [default: AYMARA_AI_BASE_URL, or production]"
    )
    workspace = click.option("--workspace", cls=MayBeEmpty, metavar="UUID", help="The workspace to work in.")
    allow_http = click.option(
        "--allow-http",
        is_flag=True,
        expose_value=False,
        callback=_allow_http,
        help="Send the key unencrypted to a server that is not on this machine.",
    )
    return base_url(workspace(allow_http(command)))


def _allow_http(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[ALLOW_HTTP] = value
