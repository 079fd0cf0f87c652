"""A Python function as the model of ``run``, named by its module."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

import click

from aymara_async.errors import ConfigurationError

if TYPE_CHECKING:
    from aymara_async.runner import Model


def load_function(path: str) -> Model:
    """Import a function, from the current folder too; raises ``ConfigurationError``."""
    module_name, colon, names = path.partition(":")
    if not colon or not names or module_name.endswith(".py") or "/" in module_name:
        raise click.UsageError(
            f"--model {path!r} is not MODULE:FUNCTION, such as answers:reply for reply in answers.py."
        )
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: object = import_module(module_name)
    except (Exception, SystemExit) as error:
        raise _not_imported(module_name, error) from error
    for name in names.split("."):
        if not hasattr(found, name):
            hint = _hint(found, name) if isinstance(found, ModuleType) else ""
            raise ConfigurationError(f"--model: {module_name} has no {names!r}{hint}. Nothing was sent.")
        found = getattr(found, name)
    if isinstance(found, type):
        raise ConfigurationError(f"--model: {path} is a class; name a function, or an instance. Nothing was sent.")
    if not callable(found):
        kind = type(found).__name__
        raise ConfigurationError(f"--model: {path} cannot be called; it is of type {kind}. Nothing was sent.")
    return cast("Model", found)


def _not_imported(module_name: str, error: BaseException) -> ConfigurationError:
    if isinstance(error, ModuleNotFoundError) and error.name and f"{module_name}.".startswith(f"{error.name}."):
        return ConfigurationError(
            f"--model: there is no module {error.name!r}, neither installed nor in {Path.cwd()}. Nothing was sent."
        )
    said = f": {error}" if str(error) else ""
    return ConfigurationError(
        f"--model: {module_name} cannot be imported, it raises {type(error).__name__}{said}. Nothing was sent; "
        "--debug shows where."
    )


def _hint(module: ModuleType, name: str) -> str:
    """Name what it could have been."""
    own = sorted(
        one
        for one, value in vars(module).items()
        if callable(value) and not isinstance(value, type) and not one.startswith("_")
        if getattr(value, "__module__", None) == module.__name__
    )
    near = get_close_matches(name, own) or own[:5]
    return f", but {', '.join(near)}" if near else ""
