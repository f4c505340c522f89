"""Layers of one's own, from Python.

@builder.layer(category="Activation")
class Snake(builder.Elementwise):
    '''Keep values and add a wave: y = x + sin(x)^2.'''
    type: Literal["Snake"] = "Snake"

    def function(self) -> str:
        return "x + sin(x) * sin(x)"

net = builder.compile({..., "layers": [..., {"type": "Snake"}, ...]})
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from schemas.errors import UsageError
from schemas.layer import REGISTRY, Category, Layer, layer as register

L = TypeVar("L", bound=Layer)


def layer(*, category: Category, onnx: str | None = None, nnc: str | None = None) -> Callable[[type[L]], type[L]]:
    """Register a layer class under its `type`, for documents that this process reads.

    The class is a `Layer` with `infer` and `lower`, an `Elementwise` with `function`, or a `FormulaLoss` with
    `formula`. Raises UsageError for a name that is taken, and after the first document: what documents may say is then
    settled.
    """

    def made(cls: type[L]) -> type[L]:
        kind = cls.model_fields["type"].default if "type" in cls.model_fields else None
        if not isinstance(kind, str):
            raise UsageError(f'{cls.__name__} needs a field `type: Literal["{cls.__name__}"] = "{cls.__name__}"`.')
        if kind in REGISTRY:
            raise UsageError(f"There is a layer {kind!r} already; a registered name never changes its meaning.")
        if "schemas.model" in sys.modules:
            raise UsageError(
                f"The layer {kind!r} comes too late: register layers right after `import builder`, before the first "
                "document is checked or compiled."
            )
        return register(category=category, onnx=onnx, nnc=nnc, since=1)(cls)

    return made
