"""What the contract test draws for each layer, and the NumPy twins it compares with: one row per registered layer."""

from __future__ import annotations

import numpy as np
from contract_draws import (
    SEED,
    STEP,
    Case,
    affine,
    average_pool,
    batch_normalization,
    concatenate,
    convolution,
    deconvolution,
    depthwise_convolution,
    global_pool,
    grouped,
    image,
    local_response,
    normal,
    off_zero,
    over,
    plain,
    pool,
    probabilities,
    reshape,
    separable_convolution,
    shape_of_any_rank,
    unpooling,
    upsample,
    without_ties,
)
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
