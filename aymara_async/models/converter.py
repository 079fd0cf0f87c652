"""The one cattrs converter, by which JSON becomes models.

Who does what: msgspec decodes the bytes into attrs classes by itself wherever it can, which is nearly always. Two
unions it cannot tell apart, ``Tools`` and ``AIInstructions``; a value that has them is made by cattrs, whose hooks
choose the member and leave every part without such a union to msgspec again. Both are as strict.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime
from functools import cache, partial
from types import NoneType
from typing import Any, TypeAlias, TypeVar, get_args, get_origin

import attrs
import msgspec
from cattrs import transform_error
from cattrs.cols import list_structure_factory
from cattrs.errors import BaseValidationError
from cattrs.preconf.msgspec import MsgspecJsonConverter, configure_converter

from aymara_async.models.unions import beyond_text, choice_of, parts

T = TypeVar("T")
StructureHook: TypeAlias = Callable[[Any, Any], Any]

_learning: threading.RLock = threading.RLock()


def learn(cl: type[T], hook: Callable[[type, Any], object] | None = None) -> Callable[[bytes], T]:
    """Let msgspec learn a type, and return its decoder; ``hook`` makes what msgspec knows nothing of.

    One thread at a time: another one that used what is only half learnt would crash the process.
    """
    with _learning:
        return msgspec.json.Decoder(cl, dec_hook=hook).decode


def can_learn(cl: Any) -> bool:
    """Tell whether msgspec takes the type at all, if only the text of a union."""
    return not any(map(choice_of, parts(cl)))


def is_native(cl: Any) -> bool:
    """Tell whether msgspec decodes the type whole."""
    return can_learn(cl) and not any(map(beyond_text, parts(cl)))


class _Converter(MsgspecJsonConverter):
    """The converter, which knows when to leave a type to msgspec."""

    def get_loads_hook(self, cl: type[T]) -> Callable[[bytes], T]:
        """Let msgspec decode the bytes into the type itself, and cattrs make what msgspec refuses or cannot learn."""
        if not can_learn(cl):
            return partial(self._loads, cl=cl)
        decode = learn(cl, self.hook)
        if is_native(cl):
            return decode

        def loads(data: bytes) -> T:
            try:
                return decode(data)
            except msgspec.ValidationError:
                pass
            return self._loads(data, cl)

        return loads

    def hook(self, target: type, value: Any) -> object:
        """Make what msgspec knows nothing of; it asks with the arguments this way round."""
        return self.structure(value, target)

    def _loads(self, data: bytes, cl: type[T]) -> T:
        return self.read(msgspec.json.decode(data), cl)

    def read(self, value: object, cl: type[T]) -> T:
        """Make the type of what JSON can hold; raises ``msgspec.ValidationError``, as msgspec itself would say it."""
        try:
            return self.structure(value, cl)
        except (BaseValidationError, msgspec.ValidationError, ValueError, RecursionError) as error:
            reason, _, path = transform_error(error, "$", _reason)[0].rpartition(" @ ")
        reason, _, below = reason.partition(" - at `$")
        path += below.removesuffix("`")
        if not reason:
            path, _, name = path.rpartition(".")
            reason = f"Object missing required field `{name}`"
        raise msgspec.ValidationError(reason if path == "$" else f"{reason} - at `{path}`")


def _reason(error: BaseException, _: type | None) -> str:
    return "" if isinstance(error, KeyError) else str(error)  # a field that is missing: the path says which


def has_hook(cl: Any) -> bool:
    """Tell whether the value as a whole comes from a hook; raises ``TypeError`` for what is no type of JSON."""
    with _learning:
        return not can_learn(cl) or isinstance(msgspec.inspect.type_info(cl), msgspec.inspect.CustomType)


def _is_list(cl: Any) -> bool:
    return get_origin(cl) is list


@cache
def converter() -> _Converter:
    """Make the converter, once; the hook that is registered last is asked first."""
    made = _Converter()
    configure_converter(made)

    def natively(cl: Any) -> StructureHook:
        learn(cl)
        return lambda value, _: msgspec.convert(value, cl, dec_hook=made.hook)

    def by_fields(cl: Any) -> StructureHook:
        structure = made.gen_structure_attrs_fromdict(cl)
        return lambda value, _: structure(msgspec.convert(value, dict[str, Any]), cl)

    def one_by_one(cl: Any) -> StructureHook:
        structure = list_structure_factory(cl, made)
        return lambda value, _: structure(msgspec.convert(value, list[Any]), cl)

    def as_member(cl: Any) -> StructureHook:
        choose, may_be_null = choice_of(cl), NoneType in get_args(cl)
        assert choose is not None, "see the predicate"
        return lambda value, _: None if value is None and may_be_null else made.structure(value, choose(value))

    def beyond_its_text(cl: Any) -> StructureHook:
        return made.get_structure_hook(beyond_text(cl))

    for cl in (
        bool,
        int,
        float,
        str,
        bytes,
        date,
        datetime,
    ):  # the converter's own hooks for these come before any other
        made.register_structure_hook(cl, natively(cl))
    made.register_structure_hook_factory(lambda cl: is_native(cl) and not has_hook(cl), natively)
    made.register_structure_hook_factory(lambda cl: attrs.has(cl) and not is_native(cl), by_fields)
    made.register_structure_hook_factory(lambda cl: _is_list(cl) and not is_native(cl), one_by_one)
    made.register_structure_hook_factory(lambda cl: choice_of(cl) is not None, as_member)
    made.register_structure_hook_factory(lambda cl: beyond_text(cl) is not None, beyond_its_text)
    made.register_structure_hook_func(lambda cl: cl is object, lambda value, _: value)
    return made


def read_model(cls: type[T], value: object) -> T:
    """Make a model of a mapping as in the JSON; raises ``ValueError``, which names the field."""
    try:
        return converter().read(value, cls)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
