"""What the contract test draws for each layer, and the NumPy twins it compares with: one row per registered layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from builder.kernels import batch_norm, elementwise, losses, pointwise, pooling, tiles

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


def convolution(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    groups, height, width = draw(st.integers(1, 4)), draw(st.integers(1, 10)), draw(st.integers(1, 10))
    fields = {
        "out_channels": groups * draw(st.integers(1, 40 // groups)),
        "kernel_size": draw(st.tuples(st.integers(1, 5), st.integers(1, 5))),
        "stride": draw(pairs),
        "dilation": draw(pairs),
        "groups": groups,
        "padding": draw(st.one_of(st.just("same"), st.tuples(st.integers(0, 3), st.integers(0, 3)))),
        "bias": draw(st.booleans()),
    }
    return fields, (groups * draw(st.integers(1, 20 // groups)), height, width)


def pool(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    fields = {
        "kernel_size": draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
        "stride": draw(st.none() | pairs),
        "padding": draw(st.one_of(st.just("same"), st.tuples(st.integers(0, 3), st.integers(0, 3)))),
        "ceil_mode": draw(st.booleans()),
    }
    return fields, image(draw)


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


def conv_forward(op, p, training, x):
    return tiles.twin_conv2d_forward(x, p["weight"], p.get("bias"), op.stride, op.padding, op.dilation, op.groups)


def conv_backward(op, p, dy, x):
    dx, dweight, dbias = tiles.twin_conv2d_backward(x, p["weight"], dy, op.stride, op.padding, op.dilation, op.groups)
    return [dx], {"weight": dweight, "bias": dbias}


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


def max_forward(op, p, training, x):
    return pooling.twin_max_pool_forward(x, op.shape[1:], op.kernel, op.stride, op.padding)


def max_backward(op, p, dy, x):
    return [pooling.twin_max_pool_backward(x, dy, op.kernel, op.stride, op.padding)], {}


def average_forward(op, p, training, x):
    return pooling.twin_average_pool_forward(x, op.shape[1:], op.kernel, op.stride, op.padding, op.include_padding)


def average_backward(op, p, dy, x):
    return [pooling.twin_average_pool_backward(x, dy, op.kernel, op.stride, op.padding, op.include_padding)], {}


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
    "Affine": Case(
        affine, lambda op, p, training, x: tiles.twin_affine_forward(x, p["weight"], p.get("bias")), affine_backward
    ),
    "BatchNormalization": Case(batch_normalization, norm_forward, norm_backward),
    "ReLU": Case(plain, *simple(pointwise.twin_relu_forward, pointwise.twin_relu_backward), off_zero),
    "Sigmoid": Case(plain, *simple(pointwise.twin_sigmoid_forward, pointwise.twin_sigmoid_backward)),
    "Tanh": Case(plain, *simple(pointwise.twin_tanh_forward, pointwise.twin_tanh_backward)),
    "Softmax": Case(plain, *simple(losses.twin_softmax_forward, losses.twin_softmax_backward)),
    "MaxPooling": Case(pool, max_forward, max_backward, without_ties, 80),
    "AveragePooling": Case(average_pool, average_forward, average_backward, examples=80),
    "GlobalAveragePooling": Case(
        lambda draw: ({}, image(draw)),
        *simple(pooling.twin_global_average_pool_forward, pooling.twin_global_average_pool_backward),
    ),
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
