"""How samples and answers are drawn: images as pixels, rows of values as curves, maps of classes in their colours."""

from __future__ import annotations

from typing import Any

import numpy as np

from builder.report.maps import classes_of, palette
from schemas.say import say

from . import colours, pictures
from .maps import strongest


def drawn(image: np.ndarray, side: int, heat: np.ndarray | None = None) -> np.ndarray:
    """Return a sample (C, H, W) about `side` pixels large, with heat (H, W) of 0 or more over it; a row as curves."""
    if image.shape[1] == 1 and image.shape[2] > 1:
        ground = None
        if heat is not None:
            plain = np.broadcast_to(np.array(pictures.GROUND, np.uint8), (1, heat.shape[1], 3))
            ground = colours.over(plain, heat[:1])[0]
        return pictures.curve(image[:, 0], side, ground)
    own = colours.picture(image)
    return pictures.zoom(own if heat is None else colours.over(own, heat), side)


def bands(values: np.ndarray, most: int, side: int) -> np.ndarray:
    """Return a layer's values along a row (C, L) as one band of colours for each channel, those that vary most."""
    painted = [colours.amount(values[c])[None] for c in strongest(values, most)]
    return pictures.sheet([pictures.zoom(band, 2 * side).repeat(8, axis=0) for band in painted], columns=2, gap=3)


def predicted(task: str, prediction: np.ndarray) -> np.ndarray:
    """Return a prediction that is an image (C, H, W), or a row (C, L), as a picture: classes in colours, or values."""
    planes = prediction if prediction.ndim == 3 else prediction[:, None]
    classes = classes_of(task, planes[None])
    if classes is None:
        return colours.picture(planes)
    table = np.frombuffer(palette(max(2, len(planes))), np.uint8).reshape(-1, 3)
    return np.asarray(table[classes[0] % len(table)])


def caption_of(answer: dict[str, Any]) -> str:
    """Say what a row of `predict` answers, without the full stop."""
    if "prediction" in answer:
        return say("The answer is {said}", said=answer["prediction"])
    if "pixels" in answer:
        most = sorted(answer["pixels"].items(), key=lambda item: -item[1])[:3]
        shares = ", ".join(f"{share:.1%} {name}" for name, share in most if share > 0)
        return say("The answer is an image: {shares}", shares=shares)
    return say(
        "The answer is an image of values from {low:.3g} to {high:.3g}, {mean:.3g} on average",
        low=answer["min"],
        high=answer["max"],
        mean=answer["mean"],
    )
