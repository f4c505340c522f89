"""What the contract test draws: the fields of layers, shapes of inputs and data. A row is in contract_cases.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

SEED, STEP = 7, 3
"""Of the random numbers that Dropout draws."""


@dataclass(frozen=True)
class Case:
    """What to draw for a layer, and its twins.

    `forward(op, parameters, training, *xs)` -> y and `backward(op, parameters, dy, *xs)` -> ([dx...], {parameter:
    gradient}); `parameters` maps the record's names to arrays. A loss's twins take (x, targets, sample weights).
    """

    draw: Callable[[Any], tuple[dict[str, Any], tuple[int, ...]]]
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    data: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray] = lambda rng, shape: rng.standard_normal(shape)
    examples: int = 20


# --- what hypothesis draws -------------------------------------------------------------------------------------------

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


def shape_of_any_rank(draw: Any) -> tuple[int, ...]:
    return tuple(draw(st.lists(st.integers(1, 7), min_size=1, max_size=3)))


def image(draw: Any, channels: int = 20) -> tuple[int, ...]:
    return draw(st.integers(1, channels)), draw(st.integers(1, 10)), draw(st.integers(1, 10))


def row_or_image(draw: Any, fields: dict[str, Any], shape: tuple[int, ...]) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Return fields and shape as they are, or now and then for (C, L): as if one number had been said."""
    if draw(st.integers(0, 3)):
        return fields, shape
    flat = {k: (v[1], v[1]) if isinstance(v, tuple) else v for k, v in fields.items()}
    return flat, (shape[0], shape[1] * shape[2])


def sliding(draw: Any) -> dict[str, Any]:
    return {
        "kernel_size": draw(st.tuples(st.integers(1, 5), st.integers(1, 5))),
        "stride": draw(pairs),
        "dilation": draw(pairs),
        "padding": draw(st.one_of(st.just("same"), st.tuples(st.integers(0, 3), st.integers(0, 3)))),
        "bias": draw(st.booleans()),
    }


def convolution(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    groups, height, width = draw(st.integers(1, 4)), draw(st.integers(1, 10)), draw(st.integers(1, 10))
    fields = {"out_channels": groups * draw(st.integers(1, 40 // groups)), "groups": groups} | sliding(draw)
    return row_or_image(draw, fields, (groups * draw(st.integers(1, 20 // groups)), height, width))


def depthwise_convolution(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    return row_or_image(draw, {"multiplier": draw(st.sampled_from([1, 1, 1, 2]))} | sliding(draw), image(draw, 70))


def separable_convolution(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    fields = {"out_channels": draw(st.integers(1, 20)), "multiplier": draw(st.sampled_from([1, 2]))} | sliding(draw)
    return row_or_image(draw, fields, image(draw))


def deconvolution(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    groups, fields = draw(st.sampled_from([1, 1, 2, 3])), sliding(draw)
    fields |= {"groups": groups, "out_channels": groups * draw(st.integers(1, 30 // groups))}
    if fields["padding"] != "same":
        most = [max(fields["stride"][a], fields["dilation"][a]) - 1 for a in (0, 1)]
        fields["output_padding"] = draw(st.tuples(*(st.integers(0, m) for m in most)))
    size = (draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    return row_or_image(draw, fields, (groups * draw(st.integers(1, 12 // groups)), *size))


def pool(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    fields = {
        "kernel_size": draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
        "stride": draw(st.none() | pairs),
        "padding": draw(st.one_of(st.just("same"), st.tuples(st.integers(0, 3), st.integers(0, 3)))),
        "ceil_mode": draw(st.booleans()),
    }
    return row_or_image(draw, fields, image(draw))


def global_pool(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    return row_or_image(draw, {}, image(draw))


def unpooling(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    return row_or_image(draw, {"kernel_size": draw(pairs)}, image(draw))


def upsample(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    mode = draw(st.sampled_from(["nearest", "bilinear"]))
    fields = {"scale": draw(pairs), "mode": mode, "align_corners": draw(st.booleans())}
    return row_or_image(draw, fields, image(draw))


def grouped(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    groups, shape = draw(st.integers(1, 4)), shape_of_any_rank(draw)
    return {"groups": groups} | normal(draw), (groups * shape[0], *shape[1:])


def normal(draw: Any) -> dict[str, Any]:
    return {"affine": draw(st.booleans()), "epsilon": draw(st.floats(1e-3, 1e-1))}


def over(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    fields, shape = normal(draw) | {"over": draw(st.sampled_from(["sample", "channels"]))}, shape_of_any_rank(draw)
    return fields, (draw(st.sampled_from([shape[0], 40])), *shape[1:])


def local_response(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    fields = {"size": draw(st.sampled_from([1, 3, 5, 9])), "beta": draw(st.sampled_from([0.75, 0.5, 1.3]))}
    return fields | {"alpha": draw(st.floats(1e-4, 2)), "k": draw(st.floats(1, 3))}, shape_of_any_rank(draw)


def average_pool(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    fields, shape = pool(draw)
    return fields | {"include_padding": draw(st.booleans())}, shape


def affine(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    return {"out_features": draw(st.integers(1, 50)), "bias": draw(st.booleans())}, shape_of_any_rank(draw)


def batch_normalization(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    # One value per channel has variance 0, where 1 / std is as large as epsilon allows, and a test of rounding only.
    shape = shape_of_any_rank(draw)
    return {
        "momentum": draw(st.floats(0, 0.99)),
        "epsilon": draw(st.floats(1e-3, 1e-1)),
        "trainable": draw(st.booleans()),
    }, shape


def reshape(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    sizes = draw(st.permutations([draw(st.integers(1, 5)) for _ in range(3)]))
    target = draw(st.sampled_from([[-1], [sizes[1], -1], [sizes[2], sizes[0], sizes[1]], [-1, sizes[0], sizes[1]]]))
    return {"shape": target}, tuple(sizes)


def plain(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    return {}, shape_of_any_rank(draw)


def concatenate(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    shape = shape_of_any_rank(draw)
    return {"axis": draw(st.integers(0, len(shape) - 1))}, shape


# --- data ------------------------------------------------------------------------------------------------------------


def off_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Values at least 0.05 away from zero, where ReLU has no derivative."""
    x = rng.standard_normal(shape)
    return x + np.where(x >= 0, 0.05, -0.05)


def without_ties(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Values at least 0.01 apart, so that a small step changes no window's winner."""
    return (rng.permutation(np.prod(shape, dtype=int)).reshape(shape) - np.prod(shape) / 2) * 0.01


def probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(0.1, 0.9, shape)
