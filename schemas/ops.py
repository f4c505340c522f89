"""The primitive operations that `Layer.lower` may return: frozen records, the engine's whole vocabulary.

An operation is also its output value: `shape` is that of one sample. Records say WHAT is computed, never how:
no threads, tiles or memory layout. Axes are those the user sees, (C, H, W) or (F,); channels are axis 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from .initialisers import Initialiser, Zeros
from .shapes import Pair, Shape

Padding = tuple[Pair, Pair]
"""((top, bottom), (left, right)), in pixels."""


@dataclass(frozen=True, eq=False)
class Parameter:
    """A trained array, or a running statistic (`statistic=True`: kept and saved, but not trained).

    `shape` is the public layout. `fan` is (fan_in, fan_out) for the initialiser. `decays` says whether weight decay
    applies (weights yes; biases and normalisation's scale and shift no). `learning_rate_factor` and `weight_decay`
    are its layer's own; a decay of None is that of the training.
    """

    name: str
    shape: Shape
    initial: Initialiser = field(default_factory=Zeros)
    fan: Pair = (1, 1)
    kind: Literal["weight", "bias", "scale", "statistic"] = "weight"
    trainable: bool = True
    learning_rate_factor: float = 1.0
    weight_decay: float | None = None

    @property
    def statistic(self) -> bool:
        return self.kind == "statistic"

    @property
    def decays(self) -> bool:
        return self.kind == "weight"

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Op:
    """Base of all operations: the values it reads and the shape it gives."""

    inputs: tuple[Op, ...]
    shape: Shape

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return ()

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of the forward pass for one sample; convolution and affine only, as the literature counts."""
        return 0


Value = Op


@dataclass(frozen=True, eq=False)
class Input(Op):
    """The network's input, or a value that comes from elsewhere."""


def value(shape: Shape) -> Value:
    """Return a free input of the given shape, as `check` and the tests use it."""
    return Input((), shape)


@dataclass(frozen=True, eq=False)
class _Filters(Op):
    """What convolution and its transpose share. weight (K, C/groups, FH, FW), bias one per output channel.

    Axes of length one may be left out of the weight's shape: (K, C/groups, FL) slides over (C, L), the image of height
    1, and (K,) scales each channel.
    """

    weight: Parameter
    bias: Parameter | None
    stride: Pair
    padding: Padding
    dilation: Pair
    groups: int

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (self.weight,) if self.bias is None else (self.weight, self.bias)

    @property
    def filters(self) -> tuple[int, int, int, int]:
        """The weight's shape with all four axes."""
        first, inside = (*self.weight.shape, 1)[:2]
        height, width = (1, 1, *self.weight.shape[2:])[-2:]
        return first, inside, height, width

    @property
    def depthwise(self) -> bool:
        """Whether every channel has one filter of its own."""
        return self.groups > 1 and self.filters[:2] == (self.groups, 1)


@dataclass(frozen=True, eq=False)
class Conv2d(_Filters):
    """Cross-correlation, as all of deep learning's "convolutions"."""

    @property
    def multiply_adds(self) -> int:
        _, c, fh, fw = self.filters
        return math.prod(self.shape) * c * fh * fw


@dataclass(frozen=True, eq=False)
class Deconv2d(_Filters):
    """The transpose of a Conv2d with the same weight, stride, padding and dilation, which maps this one's output shape
    to its input shape; then the bias. weight (C, K/groups, FH, FW): K is its own number of output channels."""

    @property
    def multiply_adds(self) -> int:
        _, k, fh, fw = self.filters
        return math.prod(self.inputs[0].shape) * k * fh * fw


@dataclass(frozen=True, eq=False)
class Affine(Op):
    """x W + b over the input flattened in (C, H, W) order. weight (in_features, out_features), bias (out_features,)."""

    weight: Parameter
    bias: Parameter | None

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (self.weight,) if self.bias is None else (self.weight, self.bias)

    @property
    def multiply_adds(self) -> int:
        return self.weight.size


@dataclass(frozen=True, eq=False)
class BatchNorm(Op):
    """Normalise each channel over batch and pixels (Ioffe and Szegedy 2015), then scale by gamma, shift by beta.

    Training uses the batch's mean and biased variance and moves the running ones:
    running = momentum * running + (1 - momentum) * batch. Use takes the running ones.
    """

    gamma: Parameter
    beta: Parameter
    mean: Parameter
    variance: Parameter
    momentum: float
    epsilon: float

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (self.gamma, self.beta, self.mean, self.variance)


@dataclass(frozen=True, eq=False)
class Pointwise(Op):
    """y = f(x), value by value. `function` is an expression of x and `derivative` one of x and y, e.g.
    "1 / (1 + exp(-x))" and "y * (1 - y)"; see builder/kernels/pointwise.py for the grammar."""

    function: str
    derivative: str | None = None
    """None: found from the function symbolically."""


@dataclass(frozen=True, eq=False)
class MaxPool2d(Op):
    """Largest value of each window; padding never wins."""

    kernel: Pair
    stride: Pair
    padding: Padding


@dataclass(frozen=True, eq=False)
class AveragePool2d(Op):
    """Mean of each window. `include_padding` counts padded zeros in the divisor.

    Positions beyond the declared padding (ceil mode) never count, as in PyTorch. `total`: the sum, not divided.
    """

    kernel: Pair
    stride: Pair
    padding: Padding
    include_padding: bool
    total: bool = False


@dataclass(frozen=True, eq=False)
class GlobalAveragePool(Op):
    """Mean of each channel over all pixels: (C, H, W) -> (C, 1, 1)."""


@dataclass(frozen=True, eq=False)
class Resample(Op):
    """An image enlarged to `shape`, value by value between the nearest or the four neighbouring pixels."""

    mode: Literal["nearest", "bilinear"]
    align_corners: bool = False


@dataclass(frozen=True, eq=False)
class LRN(Op):
    """x / (k + alpha * sum of x^2 over the `size` nearest channels)^beta (Krizhevsky et al. 2012). `size` is odd."""

    size: int
    alpha: float
    beta: float
    k: float


@dataclass(frozen=True, eq=False)
class Normalize(Op):
    """(x - mean) / sqrt(spread + epsilon) * gamma + beta, within each sample.

    Mean and spread are taken over each of `groups` groups of channels with all their pixels, or, where `groups` is
    None, over the channels of each pixel. `center` says whether the mean is subtracted (else it counts as 0), `total`
    whether spread is the sum of squares instead of their mean. gamma and beta are one per channel or, in one group, one
    per value of a sample.
    """

    groups: int | None
    center: bool
    total: bool
    epsilon: float
    gamma: Parameter | None
    beta: Parameter | None

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(p for p in (self.gamma, self.beta) if p is not None)


@dataclass(frozen=True, eq=False)
class Softmax(Op):
    """exp(x) / sum(exp(x)) over the channels (axis 0)."""


@dataclass(frozen=True, eq=False)
class Dropout(Op):
    """In training, zero each value with probability p and divide the others by 1 - p; in use, identity.

    `channels`: whole channels of a sample are dropped.
    """

    p: float
    channels: bool = False


@dataclass(frozen=True, eq=False)
class GaussianNoise(Op):
    """In training, add a normal number with this standard deviation to each value; in use, identity."""

    std: float


@dataclass(frozen=True, eq=False)
class Add(Op):
    """Sum of equally shaped values."""


@dataclass(frozen=True, eq=False)
class Multiply(Op):
    """Product of equally shaped values."""


@dataclass(frozen=True, eq=False)
class Concatenate(Op):
    """Join along an axis of the sample (0: channels)."""

    axis: int


@dataclass(frozen=True, eq=False)
class Reshape(Op):
    """The same values in (C, H, W) order under another shape."""


@dataclass(frozen=True, eq=False)
class Binary(Op):
    """y = f(a, b), value by value, of two equally shaped values: an expression of x (the first) and y (the second)."""

    function: str


@dataclass(frozen=True, eq=False)
class Broadcast(Op):
    """The same values repeated along axes of size 1. A single value, (1,), takes any shape."""


@dataclass(frozen=True, eq=False)
class Reduce(Op):
    """Sum, mean, largest or smallest value over some axes of the sample; the gradient of a tie is shared equally."""

    kind: Literal["sum", "mean", "max", "min"]
    axes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Transpose(Op):
    """The axes of the sample in another order: axis i of the result is axis axes[i] of the input."""

    axes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Slice(Op):
    """Some of the values: per axis (start, step, count)."""

    parts: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, eq=False)
class Pad(Op):
    """The input inside a larger array of one value; `before` says how much comes before it on each axis."""

    before: tuple[int, ...]
    value: float


@dataclass(frozen=True, eq=False)
class MatMul(Op):
    """Matrix product of the last two axes, (M, K) by (K, N), for each entry of a third one, and each sample."""

    @property
    def multiply_adds(self) -> int:
        return math.prod(self.shape) * self.inputs[0].shape[-1]


@dataclass(frozen=True, eq=False)
class Constant(Op):
    """One value everywhere."""

    value: float


@dataclass(frozen=True, eq=False)
class Learned(Op):
    """A trained array as a value, the same for every sample. Its axes of size 1 are repeated to `shape`."""

    parameter: Parameter

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (self.parameter,)


@dataclass(frozen=True, eq=False)
class Loss(Op):
    """Base of losses, which compare their input with the targets. `scale` multiplies loss and gradient."""

    scale: float = field(default=1.0, kw_only=True)


@dataclass(frozen=True, eq=False)
class CrossEntropy(Loss):
    """Loss: -log of the probability given to the true class, mean over the batch. Its input is probabilities.

    `smoothing` s takes 1 - s of the true class and s / classes of every one for the target. Samples (or pixels) whose
    label is `ignore` have no loss, and the mean is that of the others.
    """

    smoothing: float = field(default=0.0, kw_only=True)
    ignore: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, eq=False)
class BinaryCrossEntropy(Loss):
    """Loss: -(t log y + (1 - t) log(1 - y)), mean over batch and outputs. Its input is probabilities."""


@dataclass(frozen=True, eq=False)
class SquaredError(Loss):
    """Loss: mean over batch and outputs of (y - t)^2, without the half."""


@dataclass(frozen=True, eq=False)
class ExpressionLoss(Loss):
    """Loss: a formula of prediction y and target t with mean(...) and sum(...) over the values of a sample, the mean
    over the batch. What stands outside both is allowed once at most one value is left (see schemas/expression.py)."""

    formula: str


LOSSES = (CrossEntropy, BinaryCrossEntropy, SquaredError, ExpressionLoss)


def walk(outputs: Sequence[Op], stop: Sequence[Op] = ()) -> list[Op]:
    """Return every operation that the outputs need, each after its inputs; `stop` values are not entered."""
    order: list[Op] = []
    seen = {id(op) for op in stop}
    stack = [(op, False) for op in reversed(outputs)]
    while stack:
        op, ready = stack.pop()
        if ready:
            order.append(op)
        elif id(op) not in seen:
            seen.add(id(op))
            stack.append((op, True))
            stack.extend((i, False) for i in reversed(op.inputs))
    return order
