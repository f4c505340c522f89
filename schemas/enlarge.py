"""The shape after enlarging an image."""

from __future__ import annotations

from .shapes import Pair, Shape
from .window import along, image


def enlarged(kind: str, x: Shape, name: str, factors: Pair) -> Shape:
    """Return x with its height and width, or its length, times the factors of the field `name`.

    >>> enlarged("Upsample", (8, 5, 7), "scale", (2, 3)), enlarged("Upsample", (8, 7), "scale", (2, 2))
    ((8, 10, 21), (8, 14))
    """
    image(kind, x)
    if len(x) == 2:
        return x[0], x[1] * along(kind, name, factors, 1)[1]
    return x[0], x[1] * factors[0], x[2] * factors[1]
