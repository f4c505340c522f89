"""Rows of the contract for activations, arithmetic and shape: more of contract_cases.py."""

from __future__ import annotations

import math

import numpy as np
from contract_draws import SEED, STEP, Case, off_zero, plain, shape_of_any_rank, without_ties
from hypothesis import strategies as st

from builder.kernels import binary, elementwise, expression_loss, losses, strided

erf = np.vectorize(math.erf, otypes=[float])
sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731  # one line of many formulas
softplus = lambda x: np.log1p(np.exp(x))  # noqa: E731
SQRT2, PHI = math.sqrt(2), 1 / math.sqrt(2 * math.pi)
EPS, A, L = 1e-30, 1.6732632423543772, 1.0507009873554805

# --- one function of each value: f(layer, x) and f'(layer, x), straight from the literature -------------------------


FORMULAS = {
    "LeakyReLU": (lambda x, f: np.where(x > 0, x, f["slope"] * x), lambda x, f: np.where(x > 0, 1, f["slope"])),
    "ELU": (
        lambda x, f: np.where(x > 0, x, f["alpha"] * np.expm1(x)),
        lambda x, f: np.where(x > 0, 1, f["alpha"] * np.exp(x)),
    ),
    "SELU": (lambda x, f: L * np.where(x > 0, x, A * np.expm1(x)), lambda x, f: L * np.where(x > 0, 1, A * np.exp(x))),
    "ReLU6": (lambda x, f: np.clip(x, 0, 6), lambda x, f: ((x > 0) & (x < 6)) * 1.0),
    "HardSigmoid": (
        lambda x, f: np.clip(f["slope"] * x + f["offset"], 0, 1),
        lambda x, f: f["slope"] * ((f["slope"] * x + f["offset"] > 0) & (f["slope"] * x + f["offset"] < 1)),
    ),
    "HardTanh": (lambda x, f: np.clip(x, -1, 1), lambda x, f: (np.abs(x) < 1) * 1.0),
    "Softplus": (lambda x, f: softplus(x), lambda x, f: sigmoid(x)),
    "SoftSign": (lambda x, f: x / (1 + np.abs(x)), lambda x, f: (1 + np.abs(x)) ** -2.0),
    "Swish": (
        lambda x, f: x * sigmoid(f["beta"] * x),
        lambda x, f: sigmoid(f["beta"] * x) * (1 + f["beta"] * x * sigmoid(-f["beta"] * x)),
    ),
    "HardSwish": (
        lambda x, f: x * np.clip(x + 3, 0, 6) / 6,
        lambda x, f: np.where(x <= -3, 0, np.where(x >= 3, 1, (2 * x + 3) / 6)),
    ),
    "GELU": (
        lambda x, f: x * (1 + erf(x / SQRT2)) / 2,
        lambda x, f: (1 + erf(x / SQRT2)) / 2 + x * PHI * np.exp(-x * x / 2),
    ),
    "Mish": (
        lambda x, f: x * np.tanh(softplus(x)),
        lambda x, f: np.tanh(softplus(x)) + x * sigmoid(x) / np.cosh(softplus(x)) ** 2,
    ),
    "Abs": (lambda x, f: np.abs(x), lambda x, f: np.sign(x)),
    "Power": (lambda x, f: x ** f["exponent"], lambda x, f: f["exponent"] * x ** (f["exponent"] - 1)),
    "Exp": (lambda x, f: np.exp(x), lambda x, f: np.exp(x)),
    "Log": (lambda x, f: np.log(x), lambda x, f: 1 / x),
    "Square": (lambda x, f: x * x, lambda x, f: 2 * x),
    "Sqrt": (lambda x, f: np.sqrt(x), lambda x, f: 0.5 / np.sqrt(x)),
    "Clip": (lambda x, f: np.clip(x, f["low"], f["high"]), lambda x, f: ((x > f["low"]) & (x < f["high"])) * 1.0),
}
FIELDS = {
    "LeakyReLU": {"slope": st.sampled_from([0.0, 0.01, 0.3, -0.5])},
    "ELU": {"alpha": st.sampled_from([0.5, 1.0, 2.0])},
    "HardSigmoid": {"slope": st.sampled_from([0.2, 0.9]), "offset": st.sampled_from([0.5, 0.37])},
    "Swish": {"beta": st.sampled_from([0.5, 1.0, 1.7])},
    "Power": {"exponent": st.sampled_from([-1.0, 0.5, 2.0, 3.0])},
    "Clip": {"low": st.sampled_from([-0.511, 0.213]), "high": st.sampled_from([0.717, 1.371])},
}


def positive(rng, shape):
    return rng.uniform(0.2, 3.0, shape)


DATA = {"Power": positive, "Log": positive, "Sqrt": positive}


def formula(kind):
    """Return the row of one function of each value; the layer's fields come back from the record's formula's source."""
    f, df = FORMULAS[kind]
    held = {}

    def draw(draw):
        held.clear()
        held.update({k: draw(v) for k, v in FIELDS.get(kind, {}).items()})
        return dict(held), shape_of_any_rank(draw)

    def forward(op, p, training, x):
        return f(x, held)

    def backward(op, p, dy, x):
        return [dy * df(x, held)], {}

    return Case(draw, forward, backward, DATA.get(kind, off_zero))


# --- the others ------------------------------------------------------------------------------------------------------


def crelu_forward(op, p, training, x):
    return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], 1)


def crelu_backward(op, p, dy, x):
    up, down = np.split(dy, 2, 1)
    return [up * (x > 0) - down * (x < 0)], {}


def _slopes(p, x):
    return p["slope"].reshape(1, -1, *[1] * (x.ndim - 2))


def prelu_forward(op, p, training, x):
    return np.where(x > 0, x, _slopes(p, x) * x)


def prelu_backward(op, p, dy, x):
    slope = np.where(x > 0, 0, dy * x)
    axes = (0, *range(2, x.ndim)) if p["slope"].shape[0] > 1 or x.shape[1] == 1 else tuple(range(x.ndim))
    return [np.where(x > 0, dy, dy * _slopes(p, x))], {"slope": slope.sum(axes).reshape(p["slope"].shape)}


def log_softmax_forward(op, p, training, x):
    shifted = x - x.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def log_softmax_backward(op, p, dy, x):
    return [dy - np.exp(log_softmax_forward(op, p, True, x)) * dy.sum(1, keepdims=True)], {}


def maxout(draw):
    pieces = draw(st.integers(2, 4))
    shape = shape_of_any_rank(draw)
    return {"pieces": pieces}, (shape[0] * pieces, *shape[1:])


def maxout_forward(op, p, training, x):
    return x.reshape(len(x), op.shape[0], -1, *x.shape[2:]).max(2)


def maxout_backward(op, p, dy, x):
    groups = x.reshape(len(x), op.shape[0], -1, *x.shape[2:])
    return [((groups == groups.max(2, keepdims=True)) * dy[:, :, None]).reshape(x.shape)], {}


def scale(draw):
    fields = {"factor": draw(st.sampled_from([1.0, -0.7, 0.5])), "offset": draw(st.sampled_from([0.0, 0.3]))}
    held_scale.update(fields)
    return {**fields, "learned": draw(st.booleans())}, shape_of_any_rank(draw)


held_scale: dict[str, float] = {}


def scale_forward(op, p, training, x):
    if "factor" not in p:
        return x * held_scale["factor"] + held_scale["offset"]
    shape = (1, -1, *[1] * (x.ndim - 2))
    return x * p["factor"].reshape(shape) + p["offset"].reshape(shape)


def scale_backward(op, p, dy, x):
    if "factor" not in p:
        return [dy * held_scale["factor"]], {}
    axes, shape = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    found = {"factor": (dy * x).sum(axes), "offset": dy.sum(axes)}
    return [dy * p["factor"].reshape(shape)], {k: v.reshape(p[k].shape) for k, v in found.items()}


def axes_of(draw, shape):
    some = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True))
    return draw(st.none() | st.just(some))


def reduction(draw):
    shape = shape_of_any_rank(draw)
    return {"axes": axes_of(draw, shape), "keep_axes": draw(st.booleans())}, shape


def reduced(data=off_zero):
    return Case(
        reduction,
        lambda op, p, training, x: strided.twin_reduce_forward(x, op.kind, op.axes, op.shape),
        lambda op, p, dy, x: ([strided.twin_reduce_backward(x, op.kind, op.axes, dy)], {}),
        data,
        40,
    )


def square(draw):
    size = draw(st.integers(1, 5))
    return {}, draw(st.sampled_from([(size, size), (draw(st.integers(1, 4)), size, size)]))


def transpose(draw):
    shape = shape_of_any_rank(draw)
    return {"axes": draw(st.none() | st.permutations(range(len(shape))))}, shape


def slices(draw):
    shape = shape_of_any_rank(draw)
    bounds = st.integers(-8, 8)
    axis = draw(st.integers(0, len(shape) - 1))
    return {
        "axis": axis,
        "start": draw(bounds),
        "stop": draw(st.none() | bounds),
        "step": draw(st.integers(1, 3)),
    }, shape


def split(draw):
    shape, parts = list(shape_of_any_rank(draw)), draw(st.integers(1, 3))
    axis = draw(st.integers(0, len(shape) - 1))
    shape[axis] *= parts
    return {"axis": axis, "parts": parts, "index": draw(st.integers(0, parts - 1))}, tuple(shape)


def borders(draw):
    shape = shape_of_any_rank(draw)
    sizes = st.lists(st.integers(0, 3), min_size=len(shape), max_size=len(shape))
    return {"before": draw(sizes), "after": draw(st.none() | sizes)}, shape


def pad(draw):
    fields, shape = borders(draw)
    return fields | {"value": draw(st.sampled_from([0.0, -1.5]))}, shape


def sliced(draw):
    return Case(
        draw,
        lambda op, p, training, x: strided.twin_slice_forward(x, op.parts),
        lambda op, p, dy, x: ([strided.twin_slice_backward(x, op.parts, dy)], {}),
        examples=40,
    )


def broadcast(draw):
    shape = shape_of_any_rank(draw)
    small = (1,) if draw(st.booleans()) else tuple(draw(st.sampled_from([1, n])) for n in shape)
    return {"shape": list(shape)}, small


MORE: dict[str, Case] = {
    **{kind: formula(kind) for kind in FORMULAS},
    "CReLU": Case(plain, crelu_forward, crelu_backward, off_zero),
    "PReLU": Case(
        lambda draw: ({"shared": draw(st.booleans())}, shape_of_any_rank(draw)), prelu_forward, prelu_backward, off_zero
    ),
    "LogSoftmax": Case(plain, log_softmax_forward, log_softmax_backward, without_ties),
    "Maxout": Case(maxout, maxout_forward, maxout_backward, without_ties),
    "Scale": Case(scale, scale_forward, scale_backward),
    "Subtract": Case(
        plain,
        lambda op, p, training, *xs: binary.twin_subtract_forward(*xs),
        lambda op, p, dy, *xs: (binary.twin_subtract_backward(dy, len(xs)), {}),
    ),
    "Divide": Case(
        plain,
        lambda op, p, training, *xs: binary.twin_divide_forward(*xs),
        lambda op, p, dy, *xs: (binary.twin_divide_backward(dy, *xs), {}),
        positive,
    ),
    "Sum": reduced(),
    "Mean": reduced(),
    "Max": reduced(without_ties),
    "Min": reduced(without_ties),
    "MatMul": Case(
        square,
        lambda op, p, training, a, b: strided.twin_matmul_forward(a, b),
        lambda op, p, dy, a, b: (list(strided.twin_matmul_backward(a, b, dy)), {}),
    ),
    "Transpose": Case(
        transpose,
        lambda op, p, training, x: strided.twin_transpose_forward(x, op.axes),
        lambda op, p, dy, x: ([strided.twin_transpose_backward(dy, op.axes)], {}),
    ),
    "Slice": sliced(slices),
    "Split": sliced(split),
    "Crop": sliced(borders),
    "Pad": Case(
        pad,
        lambda op, p, training, x: strided.twin_pad_forward(x, op.before, op.shape, op.value),
        lambda op, p, dy, x: ([strided.twin_pad_backward(x, op.before, dy)], {}),
    ),
    "Broadcast": Case(
        broadcast,
        lambda op, p, training, x: strided.twin_broadcast_forward(x, op.shape),
        lambda op, p, dy, x: ([strided.twin_broadcast_backward(x, dy)], {}),
    ),
}


# --- losses ----------------------------------------------------------------------------------------------------------

loss_fields: dict[str, float] = {}


def fields(**choices):
    """Return a draw of a loss's fields, which its formulas find in `loss_fields`."""

    def draw(draw):
        loss_fields.clear()
        loss_fields.update({name: draw(st.sampled_from(values)) for name, values in choices.items()})
        return dict(loss_fields), shape_of_any_rank(draw)

    return draw


def mean_of(each, slope, draw=plain, data=off_zero):
    """Return the row of a loss that is the mean of a function of each value; the fields are the third argument."""
    return Case(
        draw,
        lambda x, t, w: expression_loss.twin_mean_forward(x, t, w, lambda x, t: each(x, t, loss_fields)),
        lambda x, t, w: expression_loss.twin_mean_backward(x, t, w, lambda x, t: slope(x, t, loss_fields)),
        data,
    )


def chances(rng, shape):
    return rng.uniform(0.1, 0.9, shape)


def beyond(rng, shape):
    """Errors off the corners of Huber and EpsilonInsensitive: targets lie between 0 and 1."""
    return rng.choice([-1.7, 2.9], shape) + rng.uniform(0, 0.4, shape)


def kl(x, t):
    return np.where(t > 0, t * np.log(np.maximum(t, 1e-12) / np.maximum(x, 1e-12)), 0)


def focal(x, t, f):
    if x.shape[1] > 1 and not f["independent"]:
        return -t * (1 - x) ** f["gamma"] * np.log(x) * x.shape[1]
    a, g = f["alpha"], f["gamma"]
    return -2 * (a * t * (1 - x) ** g * np.log(x) + (1 - a) * (1 - t) * x**g * np.log(1 - x))


def focal_slope(x, t, f):
    g, a = f["gamma"], f["alpha"]
    yes = t * (g * (1 - x) ** (g - 1) * np.log(x) - (1 - x) ** g / x)
    if x.shape[1] > 1 and not f["independent"]:
        return yes * x.shape[1]
    no = (1 - t) * (x**g / (1 - x) - g * x ** (g - 1) * np.log(1 - x))
    return 2 * (a * yes + (1 - a) * no)


def huber(x, t, f):
    d = np.abs(x - t)
    return np.where(d <= f["delta"], d * d / 2, f["delta"] * (d - f["delta"] / 2))


MORE |= {
    "AbsoluteError": mean_of(lambda x, t, f: np.abs(x - t), lambda x, t, f: np.sign(x - t), data=beyond),
    "Huber": mean_of(
        huber, lambda x, t, f: np.clip(x - t, -f["delta"], f["delta"]), fields(delta=[0.5, 1.0, 5.0]), beyond
    ),
    "EpsilonInsensitive": mean_of(
        lambda x, t, f: np.maximum(np.abs(x - t) - f["epsilon"], 0),
        lambda x, t, f: np.sign(x - t) * (np.abs(x - t) > f["epsilon"]),
        fields(epsilon=[0.0, 0.5, 5.0]),
        beyond,
    ),
    "KLDivergence": mean_of(lambda x, t, f: kl(x, t) * x.shape[1], lambda x, t, f: -t / x * x.shape[1], data=chances),
    "Focal": mean_of(
        focal, focal_slope, fields(gamma=[0.5, 2.0], alpha=[0.5, 0.2], independent=[False, True]), chances
    ),
    "Hinge": mean_of(
        lambda x, t, f: np.maximum(1 - (2 * t - 1) * x, 0),
        lambda x, t, f: -(2 * t - 1) * ((2 * t - 1) * x < 1),
        data=lambda rng, shape: rng.choice([-3.0, 0.4], shape),
    ),
    "CustomLoss": mean_of(
        lambda x, t, f: (x - t) ** 2 + 0.1 * np.abs(x - t),
        lambda x, t, f: 2 * (x - t) + 0.1 * np.sign(x - t),
        lambda draw: ({"expression": "mean(square(y - t)) + 0.1 * mean(abs(y - t))"}, shape_of_any_rank(draw)),
        beyond,
    ),
    "Dice": Case(
        fields(smooth=[0.1, 1.0]),
        lambda x, t, w: expression_loss.twin_dice_forward(x, t, w, loss_fields["smooth"]),
        lambda x, t, w: expression_loss.twin_dice_backward(x, t, w, loss_fields["smooth"]),
        chances,
    ),
    "CosineSimilarity": Case(plain, expression_loss.twin_cosine_forward, expression_loss.twin_cosine_backward, chances),
    "SigmoidCrossEntropy": Case(
        plain,
        losses.twin_sigmoid_binary_cross_entropy_forward,
        losses.twin_sigmoid_binary_cross_entropy_backward,
    ),
    "SoftmaxCrossEntropy": Case(
        plain, losses.twin_softmax_cross_entropy_forward, losses.twin_softmax_cross_entropy_backward
    ),
    "CustomActivation": Case(
        lambda draw: ({"expression": "x * sigmoid(1.5 * x)"}, shape_of_any_rank(draw)),
        lambda op, p, training, x: x * sigmoid(1.5 * x),
        lambda op, p, dy, x: ([dy * sigmoid(1.5 * x) * (1 + 1.5 * x * sigmoid(-1.5 * x))], {}),
    ),
}

MORE |= {
    "SpatialDropout": Case(
        lambda draw: ({"p": draw(st.floats(0.05, 0.9))}, shape_of_any_rank(draw)),
        lambda op, p, training, x: elementwise.twin_dropout_channels_forward(x, op.p, SEED, STEP, 1) if training else x,
        lambda op, p, dy, x: ([elementwise.twin_dropout_channels_forward(dy, op.p, SEED, STEP, 1)], {}),
    ),
    "GaussianNoise": Case(
        lambda draw: ({"std": draw(st.sampled_from([0.1, 3.0]))}, shape_of_any_rank(draw)),
        lambda op, p, training, x: elementwise.twin_gaussian_noise_forward(x, op.std, SEED, STEP, 1) if training else x,
        lambda op, p, dy, x: ([dy], {}),
    ),
}
