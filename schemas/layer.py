"""The base of every layer, and the one registration from which schema, palette, docs, checks and tests are derived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from .errors import Remark
from .layers import MODULES
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


class Registry(Mapping[str, Registration]):
    """Layer type -> registration, in the order of the palette. A registered name never changes its meaning.

    The product's own layers are imported when they are asked for: to make all eighty models takes 0.2 s, and a
    document needs a few.
    """

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = {kind: f"{__package__}.layers.{module}" for kind, module in modules.items()}
        self._found: dict[str, Registration] = {}

    def __getitem__(self, kind: str) -> Registration:
        if kind not in self._found and kind in self._modules:
            import_module(self._modules[kind])
        return self._found[kind]

    def __contains__(self, kind: object) -> bool:
        return kind in self._modules or kind in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._modules, *self._found)))

    def __len__(self) -> int:
        return len({*self._modules, *self._found})

    def add(self, made: Registration) -> None:
        """Register a layer. Raises ValueError where its name is taken."""
        kind, owner = made.type, self._modules.get(made.type, made.cls.__module__)
        if kind in self._found or owner != made.cls.__module__:
            raise ValueError(f"layer type {kind!r} is registered already, by {self[kind].cls.__qualname__}")
        self._found[kind] = made


REGISTRY = Registry(MODULES)

L = TypeVar("L", bound=Layer)


def layer(*, category: Category, onnx: str | None, nnc: str | None, since: int) -> Callable[[type[L]], type[L]]:
    """Register a layer class under its `type`. `onnx` and `nnc` are its names there, `since` the format version."""

    def register(cls: type[L]) -> type[L]:
        kind = cls.model_fields["type"].default
        REGISTRY.add(Registration(kind, cls, category, onnx, nnc, since))
        return cls

    return register
