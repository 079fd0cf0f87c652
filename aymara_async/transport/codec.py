"""JSON to models, by the converter, and requests to JSON; both checked.

A request is checked by a strict struct made from the attrs class, so that instances and mappings take the same way.
"""

from __future__ import annotations

import logging
import re
from abc import ABC
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import attrs
import msgspec
from cattrs.errors import StructureHandlerNotFoundError

from aymara_async.errors import RequestValidationError
from aymara_async.models.converter import converter, has_hook, learn
from aymara_async.models.unions import Choose, choice_of, parts

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("aymara_async")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?")
_LOCATION = re.compile(r" - at `\$([^`]*)`")
_KEPT = (bytes, bytearray, memoryview, datetime)
"""What shall meet the type of its field as it is, and not as the text that it would become in JSON."""
_FIELD = re.compile(r"(?:required|unknown) field `([^`]*)`")


class InvalidJSONError(ValueError):
    """Data that does not fit its type; ``path`` is None where it is no JSON at all."""

    def __init__(self, reason: str, path: str | None) -> None:
        super().__init__(f"{reason} at {path}" if path else reason)
        self.reason = reason
        self.path = path

    @classmethod
    def explain(cls, error: Exception) -> InvalidJSONError:
        """Say where the fault is; the field's own name included where msgspec names only its object."""
        if not isinstance(error, msgspec.ValidationError):
            return cls(f"not JSON: {error}", None)
        text = str(error)
        path = "$" + "".join(reversed(_LOCATION.findall(text)))
        if field := _FIELD.search(text):
            path += f".{field[1]}"
        return cls(_LOCATION.sub("", text), path)


@cache
def decoder(cl: type[T]) -> Callable[[bytes], T]:
    """Return the function that decodes JSON to the type; it raises what ``InvalidJSONError.explain`` takes."""
    return converter().get_loads_hook(cl)


def decode_leniently(content: bytes, cl: type) -> object:
    """Decode JSON that has a byte order mark, or times without a zone, which are taken for UTC; raises as usual."""
    parsed = msgspec.json.decode(content.removeprefix(_BYTE_ORDER_MARK))
    if _add_zones(parsed):
        said_once()
    elif not content.startswith(_BYTE_ORDER_MARK):
        raise ValueError("there is nothing to be lenient about")
    return decoder(cl)(msgspec.json.encode(parsed))


def _add_zones(value: object) -> bool:
    """Add UTC to the times without a zone, in place, and tell whether there were any."""
    found = False
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str):
                if name.endswith("_at") and _NAIVE.fullmatch(item):
                    value[name] = f"{item}Z"
                    found = True
            elif _add_zones(item):
                found = True
    elif isinstance(value, list):
        for item in value:
            found = _add_zones(item) or found
    return found


@cache
def said_once() -> None:
    """Say in the log what is taken for granted, once in a process."""
    logger.warning("the server sends times without a time zone; they are taken for UTC")


def check_type(cl: type) -> None:
    """Raise ``RequestValidationError`` for what no JSON can be decoded to, before there is anything to decode."""
    try:
        if has_hook(cl):
            converter().get_structure_hook(cl)
    except (TypeError, NameError, StructureHandlerNotFoundError) as error:
        raise RequestValidationError(
            f"cast_to cannot be {cl!r}: JSON does not decode to it. Nothing was sent; pass an attrs class, dict, list, "
            "str, bytes, APIResponse or type(None).",
            path="cast_to",
        ) from error


def _strict_type(annotation: Any) -> Any:
    """Replace the attrs classes in an annotation by their strict structs."""
    if attrs.has(annotation):
        return _strict_struct(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return Annotated[_strict_type(arguments[0]), *arguments[1:]]
    if choose := choice_of(annotation):
        others = [other for other in (NoneType, msgspec.UnsetType) if other in arguments]
        return Union[(_strict_union(choose), *others)]
    if origin in (Union, UnionType):
        return Union[tuple(_strict_type(argument) for argument in arguments)]  # noqa: UP007 - of a number only known here
    if origin is list:
        return list[_strict_type(arguments[0])]  # type: ignore[misc]  # made at runtime, on purpose
    return annotation


class _Member(ABC):
    """What msgspec is shown for a union that it cannot tell apart; its hook makes the value, of whatever type."""

    choose: Choose

    @classmethod
    def __subclasshook__(cls, _: type) -> bool:
        return True


@cache
def _strict_union(choose: Choose) -> type[_Member]:
    return type("Member", (_Member,), {"choose": staticmethod(choose)})


def _structure_strictly(target: type, value: object) -> object:
    if target is object:  # any JSON
        return value
    assert issubclass(target, _Member), "msgspec knows all else that is in a request"
    try:
        return msgspec.convert(value, _strict_type(target.choose(value)), dec_hook=_structure_strictly)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error  # or its path would not begin with that of the union


@cache
def _strict_struct(cls: type) -> type[msgspec.Struct]:
    hints = get_type_hints(cls, include_extras=True)
    fields: list[Any] = []
    for field in attrs.fields(cls):
        annotation = _strict_type(hints[field.name])
        if field.default is attrs.NOTHING:
            fields.append((field.name, annotation))
        else:
            fields.append((field.name, annotation | msgspec.UnsetType, msgspec.UNSET))
    struct = msgspec.defstruct(cls.__name__, fields, kw_only=True, forbid_unknown_fields=True)
    learn(struct)
    return struct


def as_text(value: object) -> object:
    """Make plain text of what is text but for its class, such as ``UserString``; leave all else as it is."""
    cls = type(value)
    if cls is str:
        return value
    if issubclass(cls, str):
        return str.__str__(cast(str, value))
    is_like_text = hasattr(cls, "casefold") and hasattr(cls, "encode")
    return str(value) if is_like_text or isinstance(value, str) else value


def _plain(value: object) -> object:
    """Give msgspec what it has no encoding for: other mappings, other iterables, other text."""
    if isinstance(value, Mapping):
        return dict(value)
    text = as_text(value)
    if isinstance(text, str):
        return text
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"a value of type `{type(value).__name__}` has no JSON form")


def _find(value: object, is_fault: Callable[[object], bool], path: str = "$") -> str | None:
    """Find a faulty text or number among builtins."""
    if isinstance(value, dict):
        found = (_find(item, is_fault, f"{path}.{key}") for key, item in value.items())
    elif isinstance(value, list | tuple):
        found = (_find(item, is_fault, f"{path}[{index}]") for index, item in enumerate(value))
    else:
        return path if is_fault(value) else None
    return next(filter(None, found), None)


def _is_surrogate(value: object) -> bool:
    return isinstance(value, str) and not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value)


def _is_not_finite(value: object) -> bool:
    return isinstance(value, float) and not isfinite(value)


def encode(value: object, cls: Any = object) -> bytes:
    """Encode to JSON; raises ``RequestValidationError`` where a part has no JSON form.

    ``cls`` is the type of the value, as far as it is known.
    """
    try:
        encoded = msgspec.json.encode(value, enc_hook=_plain)
        # NaN and infinity would be written as null, which means something else; the search takes as long as the rest.
        is_suspect = bool({float, object} & parts(cls)) and b"null" in encoded
        path = _find(msgspec.to_builtins(value, enc_hook=_plain), _is_not_finite) if is_suspect else None
    except UnicodeEncodeError as error:
        path = _find(msgspec.to_builtins(value, enc_hook=_plain), _is_surrogate)
        raise RequestValidationError(
            f"The text at {path} holds a lone surrogate, which UTF-8 cannot carry. Nothing was sent; clean the text, "
            "for instance with text.encode('utf-8', 'replace').decode().",
            path=path,
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestValidationError(f"The request cannot be written as JSON: {error}. Nothing was sent.") from error
    if path is not None:
        raise RequestValidationError(
            f"The number at {path} is not finite, so JSON cannot carry it. Nothing was sent.", path=path
        )
    return encoded


def encode_request(cls: type, fields: Mapping[str, object], extra: Mapping[str, object] | None = None) -> bytes:
    """Check the fields against the request class and encode those that are given.

    ``UNSET`` means not given; ``extra`` is added unchecked. Raises ``RequestValidationError`` for a field that is
    wrong, missing or unknown, at any depth.
    """
    given = {name: value for name, value in fields.items() if value is not msgspec.UNSET}
    body: object = _check(cls, given)
    if extra:
        return encode({**msgspec.to_builtins(body, enc_hook=_plain), **extra})
    return encode(body, cls)


def _check(cls: type, given: dict[str, object]) -> msgspec.Struct:
    strict = _strict_struct(cls)
    try:
        return msgspec.convert(given, strict, dec_hook=_structure_strictly)
    except msgspec.ValidationError:
        # Instances and other mappings are no builtins; only they pay for the detour.
        pass
    try:
        plain = msgspec.to_builtins(given, enc_hook=_plain, builtin_types=_KEPT)
        return msgspec.convert(plain, strict, dec_hook=_structure_strictly)
    except msgspec.ValidationError as error:
        fault = InvalidJSONError.explain(error)
        raise RequestValidationError(
            f"{cls.__name__} is not valid: {fault.reason} at {fault.path}. Nothing was sent.", path=fault.path
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestValidationError(f"{cls.__name__} is not valid: {error}. Nothing was sent.") from error
