"""The base of every layer, and the one registration from which schema, palette, docs, checks and tests are derived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from .errors import Remark
from .ops import Value
from .shapes import Shape

Category = Literal[
    "Basic", "Convolution", "Pooling", "Normalization", "Activation", "Regularization", "Arithmetic", "Shape", "Loss"
]

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^/$\x00-\x1f\x7f]+$",
        description="Name of the layer, unique in its stack; '<Type>_<n>' when left out.",
    ),
]


NotNegative = Annotated[float, Field(ge=0, le=1e6, strict=True, allow_inf_nan=False)]


class Layer(BaseModel):
    """What every layer has. Subclasses add their fields, `infer` and `lower`.

    infer(*shapes) -> shape      raises ShapeError with what, why and fixes
    remarks(*shapes) -> list     warnings for shapes that infer() accepts
    lower(*values) -> value      the primitive operations, see schemas/ops.py
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """Fewest and most inputs; None: any number."""

    type: str
    name: Name | None = None
    inputs: Annotated[list[str], Field(min_length=1, max_length=1000)] | None = Field(
        None,
        description="Names of the layers it reads, the one before it when left out. 'Input' is the stack's own input.",
    )
    trainable: bool = Field(True, strict=True, description="Whether training changes this layer's parameters.")
    learning_rate_factor: NotNegative = Field(
        1.0, description="Factor on the learning rate for this layer's parameters; with 0 they stay as they are."
    )
    weight_decay: NotNegative | None = Field(
        None, description="Weight decay of this layer's weights, instead of that of the training."
    )
    share: Name | None = Field(
        None, description="Name of a layer of the same type whose parameters this one uses, instead of its own."
    )

    def infer(self, *shapes: Shape) -> Shape:
        raise NotImplementedError  # the contract test proves that every registered layer overrides it

    def remarks(self, *shapes: Shape) -> list[Remark]:
        return []

    def lower(self, *values: Value) -> Value:
        raise NotImplementedError  # the contract test proves that every registered layer overrides it


Class = type[Layer]


@dataclass(frozen=True)
class Registration:
    """One registered layer: its class and what `@layer` was told."""

    type: str
    cls: Class
    category: Category
    onnx: str | None
    nnc: str | None
    since: int


REGISTRY: dict[str, Registration] = {}
"""Layer type -> registration, in the order of the palette. A registered name never changes its meaning."""

L = TypeVar("L", bound=Layer)


def layer(*, category: Category, onnx: str | None, nnc: str | None, since: int) -> Callable[[type[L]], type[L]]:
    """Register a layer class under its `type`. `onnx` and `nnc` are its names there, `since` the format version."""

    def register(cls: type[L]) -> type[L]:
        kind = cls.model_fields["type"].default
        if kind in REGISTRY:
            raise ValueError(f"layer type {kind!r} is registered already, by {REGISTRY[kind].cls.__qualname__}")
        REGISTRY[kind] = Registration(kind, cls, category, onnx, nnc, since)
        return cls

    return register
