"""Data sets made of the digits, for tasks that scikit-learn has no small images for. The same numbers on any machine.

digits_parity    is the digit even or odd: yes or no
digits_angle     each image is turned around its centre by a known angle: a number to predict
digits_upright   the first 900 images as they are, and which digit it is
digits_turned    the other 897 images, turned, and which digit it is: a harder task, related to the one before
digits_pixels    paper, or ink of which digit: a class for every pixel
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PARITY = ("even", "odd")
PIXELS = ("paper", *(f"ink of {k}" for k in range(10)))
INK = 8.0
"""Value (of 16) from which a pixel counts as ink."""
WIDEST = 60.0
"""Largest angle, in degrees, counter-clockwise where positive."""

HALF = 900
"""Images that `upright` takes; `turned` takes the others, so that no image is in both."""


def parity(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and 0 where the digit is even, 1 where it is odd."""
    return x, y.astype(int) % 2


def pixels(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and (n, 8, 8) classes: 0 for paper, 1 + digit for ink.

    >>> import numpy as np
    >>> pixels(np.array([[16.0] + 63 * [0.0]]), np.array([7]))[1][0, 0, :3]
    array([8, 0, 0])
    """
    import numpy as np

    ink = x.reshape(-1, 8, 8) >= INK
    return x, np.where(ink, 1 + y.astype(int)[:, None, None], 0)


def angle(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the images, each turned by its own angle, and the angles in degrees.

    Sample i is turned by WIDEST · (2 · frac(i · golden ratio) - 1): every angle about equally often, none by chance.
    """
    import numpy as np

    from schemas.data import Rotate

    from .augment import rotate

    golden = (math.sqrt(5) - 1) / 2
    share = np.array([i * golden % 1 for i in range(len(x))])
    turned = rotate(x.reshape(-1, 1, 8, 8).astype(np.float32), Rotate(degrees=WIDEST), share)
    return turned.reshape(len(x), -1), WIDEST * (2 * share - 1)


def upright(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first images and their digits."""
    return x[:HALF], y[:HALF]


def turned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the other images as `angle` turns them, and their digits."""
    return angle(x, y)[0][HALF:], y[HALF:]


MADE = {
    "digits_parity": parity,
    "digits_angle": angle,
    "digits_upright": upright,
    "digits_turned": turned,
    "digits_pixels": pixels,
}
"""Name -> what makes it of the digits' images (n, 64) and labels (n,)."""
