"""The `model` section: layers in order, and the two ways of saying a stack of them once: Repeat and Unit.

    {"type": "Repeat", "n": 3, "layers": [...]}                               the stack three times, one after the other
    "units": {"Residual": {"arguments": {"channels": 16}, "layers": [...]}}   a named stack; null: must be given
    {"type": "Unit", "unit": "Residual", "arguments": {"channels": 32}}       that stack, used like a layer

Inside a unit, a value that is "$channels" stands for the argument. Both are expanded in builder/graph.py.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, JsonValue
from pydantic_core import PydanticCustomError, core_schema

from .layer import REGISTRY, Layer, Name
from .shapes import LARGEST

MOST_LAYERS = 10_000
"""Layers that one list may hold. What Repeat and Unit expand to is limited in builder/graph.py."""

MOST_REPEATS = 1_000

MOST_UNITS = 1_000


def _finite(value: JsonValue) -> JsonValue:
    """Refuse NaN and Infinity, which JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("wrong_value", "NaN and Infinity are no values")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _finite(part)
    return value


Argument = Annotated[JsonValue, AfterValidator(_finite)]
ArgumentName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Inputs = Annotated[list[str], Field(min_length=1, max_length=1000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stacked(BaseModel):
    """What holds a list of layers."""

    @classmethod
    def model_json_schema(cls, *args: Any, **keywords: Any) -> dict[str, Any]:
        """Return the JSON Schema, in which every layer is a definition of its own."""
        from .whole import twin

        return super(Stacked, twin(cls)).model_json_schema(*args, **keywords)  # type: ignore[misc]  # a twin is a subclass


class RepeatHead(_Part):
    """What a Repeat says beside its layers."""

    type: Literal["Repeat"] = "Repeat"
    name: Name | None = Field(None, description="Name of the repetition; 'Repeat_<n>' when left out.")
    inputs: Inputs | None = Field(
        None, description="Name of the layer that the first round reads; the one before when left out."
    )
    n: Annotated[int, Field(ge=1, le=MOST_REPEATS, strict=True)] = Field(description="How many times.")


class Repeat(Stacked, RepeatHead):
    """Put the same stack of layers n times one after the other; each time has its own weights."""

    layers: list[Entry] = Field(min_length=1, max_length=MOST_LAYERS, description="The stack that is repeated.")


class Unit(_Part):
    """Use one of the model's units, a named stack of layers, as if it were a layer."""

    type: Literal["Unit"] = "Unit"
    name: Name | None = Field(None, description="Name of this use; 'Unit_<n>' when left out.")
    inputs: Inputs | None = Field(
        None, description="Name of the layer that the unit reads; the one before when left out."
    )
    unit: Name = Field(description="Name of the unit, one of model.units.")
    arguments: dict[ArgumentName, Argument] = Field(
        default_factory=dict, max_length=100, description="Values for the unit's arguments."
    )


class _Kinds:
    """Tells Pydantic that "type" says which class reads an entry. Those of layers are looked up when one is read."""

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        choices: dict[Hashable, core_schema.CoreSchema] = {kind: _layer(kind) for kind in REGISTRY}
        choices |= {"Repeat": handler.generate_schema(Repeat), "Unit": handler.generate_schema(Unit)}
        return core_schema.tagged_union_schema(choices, discriminator="type")


def _layer(kind: str) -> core_schema.CoreSchema:
    """Return the schema of a layer whose class need not be there yet."""

    def read(value: Any) -> Layer:
        return REGISTRY[kind].cls.__pydantic_validator__.validate_python(value)

    def told(_: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(REGISTRY[kind].cls.__pydantic_core_schema__)

    return core_schema.no_info_plain_validator_function(read, metadata={"pydantic_js_functions": [told]})


if TYPE_CHECKING:
    Entry = Layer | Repeat | Unit
else:
    Entry = Annotated[Any, _Kinds()]
"""What a list of layers holds: any registered layer, a Repeat or a Unit."""


class UnitHead(_Part):
    """What a unit's definition says beside its layers."""

    arguments: dict[ArgumentName, Argument] = Field(
        default_factory=dict, max_length=100, description="Arguments and their defaults; null: every use must give it."
    )


class UnitDefinition(UnitHead):
    """A named stack of layers. Its layers are templates: a value "$name" stands for the argument of that name."""

    layers: list[dict[str, JsonValue]] = Field(min_length=1, max_length=MOST_LAYERS, description="The unit's stack.")


def _not_too_large(shape: tuple[int, ...]) -> tuple[int, ...]:
    if math.prod(shape) > LARGEST:
        raise PydanticCustomError("wrong_value", "one sample would have more than 2147483647 values")
    return shape


class Shell(_Part):
    """What the model says beside its layers and units."""

    input: (
        Annotated[
            tuple[Annotated[int, Field(ge=1, le=LARGEST, strict=True)], ...],
            Field(min_length=1, max_length=3),
            AfterValidator(_not_too_large),
        ]
        | None
    ) = Field(
        None, description="Shape of one sample: [channels, height, width] or [features]; the data's when left out."
    )


class Model(Stacked, Shell):
    """The network: its input, its layers in order, and the units they use."""

    layers: list[Entry] = Field(
        min_length=1, max_length=MOST_LAYERS, description="The layers in order; the last is the loss."
    )
    units: dict[Name, UnitDefinition] = Field(
        default_factory=dict, max_length=MOST_UNITS, description="Named stacks of layers."
    )


Repeat.model_rebuild()
Model.model_rebuild()

STACKS: dict[str, type[BaseModel]] = {"Repeat": Repeat, "Unit": Unit}
TYPES: tuple[str, ...] = (*REGISTRY, *STACKS)
"""Every value that "type" may have in a list of layers."""


def placeholder(value: Any) -> str | None:
    """Return the argument that a value stands for.

    >>> placeholder("$channels"), placeholder("channels"), placeholder(3)
    ('channels', None, None)
    """
    return value[1:] if isinstance(value, str) and value.startswith("$") else None


def placeholders(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield (path, argument) for every "$argument" in a template.

    >>> list(placeholders({"type": "Convolution", "kernel_size": ["$k", 1]}))
    [(('kernel_size', 0), 'k')]
    """
    name = placeholder(value)
    if name is not None:
        yield path, name
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from placeholders(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from placeholders(part, (*path, index))


def substitute(value: Any, arguments: Mapping[str, Any]) -> Any:
    """Return the template with every "$name" replaced by its argument. What has no argument stays as it is.

    >>> substitute({"type": "Convolution", "out_channels": "$channels"}, {"channels": 32})
    {'type': 'Convolution', 'out_channels': 32}
    """
    name = placeholder(value)
    if name is not None:
        return arguments.get(name, value)
    if isinstance(value, dict):
        return {key: substitute(part, arguments) for key, part in value.items()}
    return [substitute(part, arguments) for part in value] if isinstance(value, list) else value
