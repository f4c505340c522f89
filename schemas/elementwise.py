"""The base of layers that are one function of each value: activations and arithmetic."""

from __future__ import annotations

from . import ops
from .layer import Layer
from .ops import Value
from .shapes import Shape


class Elementwise(Layer):
    """y = f(x), value by value. Subclasses say the function as a formula of x (schemas/expression.py)."""

    def function(self) -> str:
        raise NotImplementedError  # every subclass overrides it

    def derivative(self) -> str | None:
        """Return the derivative as a formula of x and y; None finds it from the function."""
        return None

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Pointwise((x,), x.shape, function=self.function(), derivative=self.derivative())
