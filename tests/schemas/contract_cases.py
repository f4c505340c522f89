"""What the contract test draws for each layer, and the NumPy twins it compares with: one row per registered layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from builder.kernels import (
    batch_norm,
    depthwise,
    elementwise,
    losses,
    lrn,
    normalize,
    pointwise,
    pooling,
    resample,
    tiles,
)

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


# --- twins -----------------------------------------------------------------------------------------------------------


def square(x):
    """Return (N, C, L) as (N, C, 1, L), an image as it is."""
    return x[:, :, None] if x.ndim == 3 else x


def conv_forward(op, p, training, x, name="weight"):
    weight, shift = p[name].reshape(op.filters), p.get("bias") if op.bias is not None else None
    y = tiles.twin_conv2d_forward(square(x), weight, shift, op.stride, op.padding, op.dilation, op.groups)
    return y.reshape(len(x), *op.shape)


def conv_backward(op, p, dy, x, name="weight"):
    how = (op.stride, op.padding, op.dilation, op.groups)
    dx, dweight, dbias = tiles.twin_conv2d_backward(square(x), p[name].reshape(op.filters), square(dy), *how)
    return [dx.reshape(x.shape)], {name: dweight.reshape(p[name].shape), "bias": dbias}


def depthwise_forward(op, p, training, x):
    if op.shape[0] != op.groups:
        return conv_forward(op, p, training, x)
    how = (op.stride, op.padding, op.dilation)
    y = depthwise.twin_depthwise_forward(square(x), p["weight"].reshape(op.filters), p.get("bias"), *how)
    return y.reshape(len(x), *op.shape)


def depthwise_backward(op, p, dy, x):
    if op.shape[0] != op.groups:
        return conv_backward(op, p, dy, x)
    how, weight = (op.stride, op.padding, op.dilation), p["weight"]
    dx, dweight, dbias = depthwise.twin_depthwise_backward(square(x), weight.reshape(op.filters), square(dy), *how)
    return [dx.reshape(x.shape)], {"weight": dweight.reshape(weight.shape), "bias": dbias}


def separable_forward(op, p, training, x):
    middle = conv_forward(op.inputs[0], p, training, x, "depthwise_weight")
    return conv_forward(op, p, training, middle, "pointwise_weight")


def separable_backward(op, p, dy, x):
    middle = conv_forward(op.inputs[0], p, True, x, "depthwise_weight")
    (dmiddle,), found = conv_backward(op, p, dy, middle, "pointwise_weight")
    dx, first = conv_backward(op.inputs[0], p, dmiddle, x, "depthwise_weight")
    return dx, {**first, **found}


def deconv_forward(op, p, training, x):
    """What a convolution from y to x would send back."""
    y = np.zeros((len(x), *op.shape))
    how = (op.stride, op.padding, op.dilation, op.groups)
    y = tiles.twin_conv2d_backward(square(y), p["weight"].reshape(op.filters), square(x), *how)[0]
    shift = p["bias"].reshape(1, -1, 1, 1) if op.bias is not None else 0
    return (y + shift).reshape(len(x), *op.shape)


def deconv_backward(op, p, dy, x):
    how, weight = (op.stride, op.padding, op.dilation, op.groups), p["weight"].reshape(op.filters)
    dx = tiles.twin_conv2d_forward(square(dy), weight, None, *how)[:, :, : square(x).shape[2], : square(x).shape[3]]
    dweight = tiles.twin_conv2d_backward(square(dy), weight, square(x), *how)[1]
    dbias = dy.sum((0, *range(2, dy.ndim)))
    return [dx.reshape(x.shape)], {"weight": dweight.reshape(p["weight"].shape), "bias": dbias}


def subsampling_forward(op, p, training, x):
    mean = average_forward(op.inputs[0], p, training, x)
    wide = (1, -1, *[1] * (mean.ndim - 2))
    return mean * p["scale"].reshape(wide) + p["bias"].reshape(wide)


def subsampling_backward(op, p, dy, x):
    mean, axes = average_forward(op.inputs[0], p, True, x), (0, *range(2, dy.ndim))
    dmean = dy * p["scale"].reshape(1, -1, *[1] * (dy.ndim - 2))
    return average_backward(op.inputs[0], p, dmean, x)[0], {"scale": (dy * mean).sum(axes), "bias": dy.sum(axes)}


def resample_forward(op, p, training, x):
    y = resample.twin_resample_forward(square(x), (1, *op.shape[1:])[-2:], op.mode, op.align_corners)
    return y.reshape(len(x), *op.shape)


def resample_backward(op, p, dy, x):
    return [resample.twin_resample_backward(square(x), square(dy), op.mode, op.align_corners).reshape(x.shape)], {}


def normalize_forward(op, p, training, x):
    how = (op.groups, op.center, op.total, op.epsilon)
    return normalize.twin_normalize_forward(x, p.get("gamma"), p.get("beta"), *how)


def normalize_backward(op, p, dy, x):
    how = (op.groups, op.center, op.total, op.epsilon)
    dx, dgamma, dbeta = normalize.twin_normalize_backward(x, p.get("gamma"), dy, *how)
    return [dx], {"gamma": dgamma, "beta": dbeta}


def lrn_forward(op, p, training, x):
    return lrn.twin_lrn_forward(x, op.size, op.alpha, op.beta, op.k)


def lrn_backward(op, p, dy, x):
    return [lrn.twin_lrn_backward(x, dy, op.size, op.alpha, op.beta, op.k)], {}


def affine_backward(op, p, dy, x):
    dx, dweight, dbias = tiles.twin_affine_backward(x, p["weight"], dy)
    return [dx], {"weight": dweight, "bias": dbias}


def running(op, p, training):
    return None if training and op.gamma.trainable else (p["mean"], p["variance"])


def norm_forward(op, p, training, x):
    return batch_norm.twin_batch_norm_forward(x, p["gamma"], p["beta"], op.epsilon, running(op, p, training))[0]


def norm_backward(op, p, dy, x):
    dx, dgamma, dbeta = batch_norm.twin_batch_norm_backward(x, p["gamma"], dy, op.epsilon, running(op, p, True))
    return [dx], {"gamma": dgamma, "beta": dbeta}


def pooled(op):
    """Return the twins' arguments of a window; the output of (C, L) is an image of height 1."""
    return (1, *op.shape[1:])[-2:], op.kernel, op.stride, op.padding


def max_forward(op, p, training, x):
    return pooling.twin_max_pool_forward(square(x), *pooled(op)).reshape(len(x), *op.shape)


def max_backward(op, p, dy, x):
    return [pooling.twin_max_pool_backward(square(x), square(dy), *pooled(op)[1:]).reshape(x.shape)], {}


def average_forward(op, p, training, x):
    y = pooling.twin_average_pool_forward(square(x), *pooled(op), op.include_padding)
    return y.reshape(len(x), *op.shape)


def average_backward(op, p, dy, x):
    dx = pooling.twin_average_pool_backward(square(x), square(dy), *pooled(op)[1:], op.include_padding)
    return [dx.reshape(x.shape)], {}


def sum_forward(op, p, training, x):
    return pooling.twin_sum_pool_forward(square(x), *pooled(op)).reshape(len(x), *op.shape)


def sum_backward(op, p, dy, x):
    return [pooling.twin_sum_pool_backward(square(x), square(dy), *pooled(op)[1:]).reshape(x.shape)], {}


def mean_forward(op, p, training, x):
    return pooling.twin_global_average_pool_forward(square(x)).reshape(len(x), *op.shape)


def mean_backward(op, p, dy, x):
    return [pooling.twin_global_average_pool_backward(square(x), square(dy)).reshape(x.shape)], {}


def dropout_forward(op, p, training, x):
    return elementwise.twin_dropout_forward(x, op.p, SEED, STEP, 1) if training else x


def simple(forward, backward):
    """Wrap twins of x and dy alone."""
    return lambda op, p, training, x: forward(x), lambda op, p, dy, x: ([backward(x, dy)], {})


def loss(forward, backward):
    """Wrap a loss's twins of x, targets and sample weights."""
    return lambda x, t, weights: forward(x, t, weights), lambda x, t, weights: backward(x, t, weights)


CASES: dict[str, Case] = {
    "Convolution": Case(convolution, conv_forward, conv_backward, examples=80),
    "DepthwiseConvolution": Case(depthwise_convolution, depthwise_forward, depthwise_backward, examples=60),
    "SeparableConvolution": Case(separable_convolution, separable_forward, separable_backward),
    "Deconvolution": Case(deconvolution, deconv_forward, deconv_backward, examples=60),
    "Affine": Case(
        affine, lambda op, p, training, x: tiles.twin_affine_forward(x, p["weight"], p.get("bias")), affine_backward
    ),
    "BatchNormalization": Case(batch_normalization, norm_forward, norm_backward),
    "LayerNormalization": Case(over, normalize_forward, normalize_backward),
    "GroupNormalization": Case(grouped, normalize_forward, normalize_backward),
    "InstanceNormalization": Case(lambda draw: (normal(draw), image(draw)), normalize_forward, normalize_backward),
    "RMSNormalization": Case(over, normalize_forward, normalize_backward),
    "L2Normalization": Case(
        lambda draw: ({k: v for k, v in over(draw)[0].items() if k != "affine"}, shape_of_any_rank(draw)),
        normalize_forward,
        normalize_backward,
    ),
    "LRN": Case(local_response, lrn_forward, lrn_backward),
    "ReLU": Case(plain, *simple(pointwise.twin_relu_forward, pointwise.twin_relu_backward), off_zero),
    "Sigmoid": Case(plain, *simple(pointwise.twin_sigmoid_forward, pointwise.twin_sigmoid_backward)),
    "Tanh": Case(plain, *simple(pointwise.twin_tanh_forward, pointwise.twin_tanh_backward)),
    "Softmax": Case(plain, *simple(losses.twin_softmax_forward, losses.twin_softmax_backward)),
    "MaxPooling": Case(pool, max_forward, max_backward, without_ties, 80),
    "AveragePooling": Case(average_pool, average_forward, average_backward, examples=80),
    "SumPooling": Case(pool, sum_forward, sum_backward),
    "Subsampling": Case(average_pool, subsampling_forward, subsampling_backward),
    "GlobalAveragePooling": Case(global_pool, mean_forward, mean_backward),
    "GlobalMaxPooling": Case(global_pool, max_forward, max_backward, without_ties),
    "Unpooling": Case(unpooling, resample_forward, resample_backward),
    "Upsample": Case(upsample, resample_forward, resample_backward),
    "Dropout": Case(
        lambda draw: ({"p": draw(st.floats(0, 0.9))}, shape_of_any_rank(draw)),
        dropout_forward,
        lambda op, p, dy, x: ([elementwise.twin_dropout_backward(dy, op.p, SEED, STEP, 1)], {}),
    ),
    "Add": Case(
        plain,
        lambda op, p, training, *xs: elementwise.twin_add_forward(*xs),
        lambda op, p, dy, *xs: (elementwise.twin_add_backward(dy, len(xs)), {}),
    ),
    "Multiply": Case(
        plain,
        lambda op, p, training, *xs: elementwise.twin_multiply_forward(*xs),
        lambda op, p, dy, *xs: (elementwise.twin_multiply_backward(dy, *xs), {}),
    ),
    "Concatenate": Case(
        concatenate,
        lambda op, p, training, *xs: elementwise.twin_concatenate_forward(op.axis, *xs),
        lambda op, p, dy, *xs: (elementwise.twin_concatenate_backward(op.axis, dy, *xs), {}),
    ),
    "Flatten": Case(plain, *simple(lambda x: x.reshape(len(x), -1), lambda x, dy: dy.reshape(x.shape))),
    "Reshape": Case(
        reshape,
        lambda op, p, training, x: x.reshape(len(x), *op.shape),
        lambda op, p, dy, x: ([dy.reshape(x.shape)], {}),
    ),
    "Identity": Case(plain, *simple(lambda x: x, lambda x, dy: dy)),
    "CategoricalCrossEntropy": Case(
        plain, *loss(losses.twin_cross_entropy_forward, losses.twin_cross_entropy_backward), probabilities
    ),
    "BinaryCrossEntropy": Case(
        plain, *loss(losses.twin_binary_cross_entropy_forward, losses.twin_binary_cross_entropy_backward), probabilities
    ),
    "SquaredError": Case(plain, *loss(losses.twin_squared_error_forward, losses.twin_squared_error_backward)),
}
