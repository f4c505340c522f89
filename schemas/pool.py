"""What all pooling layers share: a window, and what it makes of shapes."""

from __future__ import annotations

from pydantic import Field

from .errors import Remark
from .layer import Layer
from .shapes import Shape, Size2
from .window import PaddingField, Window, leftover, narrow_padding, slide, window


class Pool(Layer):
    """A window that keeps the channels and has no parameters. Over (C, L) it slides along the length."""

    kernel_size: Size2 = Field((2, 2), description="Height and width of the window, in pixels.")
    stride: Size2 | None = Field(None, description="Step of the window, in pixels; kernel_size when left out.")
    padding: PaddingField = Field((0, 0), description="Zeros around the image, in pixels; or 'same'.")
    ceil_mode: bool = Field(
        False, strict=True, description="Round the output size up, so that no pixel is left out (Chainer's cover_all)."
    )

    @property
    def step(self) -> tuple[int, int]:
        return self.stride or self.kernel_size

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        narrow_padding(self.type, self.kernel_size, self.padding)
        return (x[0], *slide(self.type, x, self.kernel_size, self.step, self.padding, ceil=self.ceil_mode))

    def remarks(self, x: Shape) -> list[Remark]:  # type: ignore[override]  # one input, fixed by arity
        return leftover(x, self.kernel_size, self.step, self.padding, ceil=self.ceil_mode)

    def window(self, x: Shape) -> Window:
        """Return the window over x."""
        return window(self.type, x, self.kernel_size, self.step, self.padding)
