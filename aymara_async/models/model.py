"""What every model shares: the attrs decorator, the way back to JSON, and what other libraries ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar, dataclass_transform, get_type_hints

import attrs
import msgspec

T = TypeVar("T")

Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
"""A datetime that carries its time zone; one without is refused in a request."""


class _DataclassFields:
    """Describe the fields of a model as those of a dataclass, once somebody asks for them."""

    def __get__(self, instance: object, owner: type[Any]) -> dict[str, dataclasses.Field[Any]]:
        if not attrs.has(owner):  # msgspec and cattrs look at classes before they are made
            raise AttributeError("__dataclass_fields__")
        hints = get_type_hints(owner, include_extras=True)  # cattrs, which takes a model for a dataclass, needs all
        described = [(field.name, hints[field.name], _dataclass_field(field)) for field in attrs.fields(owner)]
        made: Any = dataclasses.make_dataclass(owner.__name__, described, kw_only=True)
        fields = {field.name: field for field in dataclasses.fields(made)}
        type.__setattr__(owner, "__dataclass_fields__", fields)
        return fields


def _dataclass_field(field: attrs.Attribute[Any]) -> Any:
    if field.default is attrs.NOTHING:
        return dataclasses.field()
    factory = getattr(field.default, "factory", None)
    if factory is not None:
        return dataclasses.field(default_factory=factory)
    return dataclasses.field(default=field.default)


class Model:
    """Give a model its way back to JSON, and into pydantic, FastAPI and pandas."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]] = _DataclassFields()  # type: ignore[assignment]
    """Lets ``dataclasses.asdict``, ``pandas.DataFrame`` and FastAPI see the fields."""

    def to_dict(self) -> dict[str, object]:
        """Convert to builtins, as in the JSON: datetimes as RFC 3339 strings, fields left out of a request omitted."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]  # an attrs class always becomes a dict

    def to_json(self) -> str:
        """Convert to a JSON string."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def _convert(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        from aymara_async.models.converter import read_model

        return read_model(cls, value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Mapping[str, object]:
        """Let pydantic take an instance, or a mapping as in the JSON, and write it as JSON."""
        from pydantic_core import core_schema  # pydantic calls this, so it is there

        written = core_schema.plain_serializer_function_ser_schema(_as_json)
        return core_schema.no_info_plain_validator_function(cls._convert, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, object]:
        """Tell pydantic, and with it FastAPI's documentation, which fields there are."""
        fields = cls.__dataclass_fields__.values()
        required = [one.name for one in fields if one.default is one.default_factory is dataclasses.MISSING]
        properties = {one.name: {"title": one.name} for one in fields}
        return {"type": "object", "title": cls.__name__, "properties": properties, "required": required}


def to_builtins(value: object) -> object:
    """Convert a model to what JSON can hold: ``json.dumps(found, default=to_builtins)``.

    Raises ``TypeError`` for anything else, as ``json`` wants it.
    """
    if isinstance(value, Model):
        return value.to_dict()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _as_json(value: Model) -> dict[str, object]:
    return value.to_dict()


@dataclass_transform(kw_only_default=True, field_specifiers=(attrs.field,))
def model(cls: type[T]) -> type[T]:
    """Make an attrs class with keyword-only arguments; without slots, which decode at two thirds of the speed."""
    return attrs.define(cls, kw_only=True, slots=False)
