"""Activations, arithmetic and losses against PyTorch in float64: value, loss and gradient of each.

python tests/exam/torch_formulas.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

import builder

Layer = dict[str, Any]
SHAPES = ((6,), (6, 5, 4))
TOLERANCE = 1e-10


def layer(kind: str, /, **fields: Any) -> Layer:
    return {"type": kind, **fields}


CURVES: list[tuple[Layer, Callable[[torch.Tensor], torch.Tensor]]] = [
    (layer("ReLU"), F.relu),
    (layer("LeakyReLU", slope=0.2), lambda x: F.leaky_relu(x, 0.2)),
    (layer("ELU", alpha=1.5), lambda x: F.elu(x, 1.5)),
    (layer("SELU"), F.selu),
    (layer("ReLU6"), F.relu6),
    (layer("CReLU"), lambda x: torch.cat([F.relu(x), F.relu(-x)], 1)),
    (layer("Sigmoid"), torch.sigmoid),
    (layer("HardSigmoid", slope=1 / 6), lambda x: F.relu6(x + 3) / 6),  # its own slope is 1/6 in float32
    (layer("Tanh"), torch.tanh),
    (layer("HardTanh"), F.hardtanh),
    (layer("Softplus"), F.softplus),
    (layer("SoftSign"), F.softsign),
    (layer("Swish"), F.silu),
    (layer("HardSwish"), F.hardswish),
    (layer("GELU"), F.gelu),
    (layer("GELU", approximate=True), lambda x: F.gelu(x, approximate="tanh")),
    (layer("Mish"), F.mish),
    (layer("Softmax"), lambda x: F.softmax(x, 1)),
    (layer("LogSoftmax"), lambda x: F.log_softmax(x, 1)),
    (layer("Abs"), torch.abs),
    (layer("Maxout", pieces=3), lambda x: x.reshape(len(x), x.shape[1] // 3, 3, *x.shape[2:]).amax(2)),
    (layer("PReLU", slope=0.3), lambda x: F.prelu(x, torch.full((x.shape[1],), 0.3, dtype=x.dtype))),
    (layer("CustomActivation", expression="x * sigmoid(1.5 * x)"), lambda x: x * torch.sigmoid(1.5 * x)),
    (layer("Exp"), torch.exp),
    (layer("Square"), torch.square),
    (layer("Power", exponent=3.0), lambda x: x**3),
    (layer("Clip", low=-0.5, high=0.8), lambda x: torch.clamp(x, -0.5, 0.8)),
    (layer("Scale", factor=2.0, offset=-1.0), lambda x: 2 * x - 1),
    (layer("Sum", axes=[0], keep_axes=True), lambda x: x.sum(1, keepdim=True)),
    (layer("Mean", axes=[0], keep_axes=True), lambda x: x.mean(1, keepdim=True)),
    (layer("Max", axes=[0], keep_axes=True), lambda x: x.amax(1, keepdim=True)),
    (layer("Min", axes=[0], keep_axes=True), lambda x: x.amin(1, keepdim=True)),
    (layer("Slice", axis=0, start=1, step=2), lambda x: x[:, 1::2]),
    (layer("Split", axis=0, parts=3, index=1), lambda x: x.chunk(3, 1)[1]),
]

CLASSES, VALUES, CHANCES, SIGNS = "classes", "values", "chances", "signs"
LOSSES: list[tuple[list[Layer], str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]] = [
    ([layer("Softmax"), layer("CategoricalCrossEntropy", label_smoothing=0.1)], CLASSES,
     lambda y, t: F.cross_entropy(y, t, label_smoothing=0.1)),
    ([layer("SoftmaxCrossEntropy")], CLASSES, F.cross_entropy),
    ([layer("Sigmoid"), layer("BinaryCrossEntropy")], CHANCES, F.binary_cross_entropy_with_logits),
    ([layer("SigmoidCrossEntropy")], CHANCES, F.binary_cross_entropy_with_logits),
    ([layer("SquaredError")], VALUES, F.mse_loss),
    ([layer("SquaredError", reduction="sum")], VALUES, lambda y, t: F.mse_loss(y, t, reduction="sum") / len(y)),
    ([layer("AbsoluteError")], VALUES, F.l1_loss),
    ([layer("Huber", delta=0.7)], VALUES, lambda y, t: F.huber_loss(y, t, delta=0.7)),
    ([layer("Softmax"), layer("KLDivergence")], CHANCES,
     lambda y, t: F.kl_div(F.log_softmax(y, 1), t, reduction="sum") / (y.numel() / y.shape[1])),
    ([layer("CosineSimilarity")], VALUES,
     lambda y, t: (1 - F.cosine_similarity(y.flatten(1), t.flatten(1))).mean()),
    ([layer("Hinge")], SIGNS, lambda y, t: F.relu(1 - (2 * t - 1) * y).mean()),
    ([layer("CustomLoss", expression="mean(square(y - t)) + 0.1 * mean(abs(y - t))")], VALUES,
     lambda y, t: F.mse_loss(y, t) + 0.1 * F.l1_loss(y, t)),
]  # fmt: skip


def compiled(shape: tuple[int, ...], layers: list[Layer], task: str) -> Any:
    """Return a network whose first layer is a trained bias, so that its gradient is that of the input, summed."""
    first = layer("Scale", learned=True, name="w")
    document = {"format": 1, "task": task, "model": {"input": list(shape), "layers": [first, *layers]}}
    return builder.compile(document, dtype="float64", seed=0)


def compare(actual: np.ndarray, expected: torch.Tensor, what: str) -> None:
    np.testing.assert_allclose(actual, expected.detach().numpy(), rtol=TOLERANCE, atol=TOLERANCE, err_msg=what)


def examine_curve(entry: Layer, function: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, ...]) -> None:
    """Compare an activation's values, and its gradient under a squared error."""
    rng, what = np.random.default_rng(0), f"{entry} over {shape}"
    x = rng.standard_normal((3, *shape)) * 2
    net = compiled(shape, [entry, layer("SquaredError")], "regression")
    bias = torch.zeros(1, shape[0], *[1] * (len(shape) - 1), dtype=torch.float64, requires_grad=True)
    y = function(torch.tensor(x) + bias)
    t = rng.standard_normal(tuple(y.shape))
    F.mse_loss(y, torch.tensor(t)).backward()
    compare(net.predict(x), y, what)
    compare(net.gradient(x, t)["w/offset"].reshape(-1), bias.grad.reshape(-1), what)


def examine_loss(
    ending: list[Layer], kind: str, loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], shape: tuple[int, ...]
) -> None:
    """Compare a loss and its gradient."""
    task = {CLASSES: "classification", VALUES: "regression"}.get(kind, "binary")
    if ending[-1]["type"] == "KLDivergence":
        task = "classification"
    shape = (1, *shape[1:]) if task == "binary" else shape
    rng, what = np.random.default_rng(1), f"{ending} over {shape}"
    x = rng.standard_normal((3, *shape)) * 2
    t: np.ndarray = rng.standard_normal(x.shape)
    if kind == CLASSES:
        t = rng.integers(0, shape[0], (3, *shape[1:]))
    elif kind == CHANCES:
        t = rng.random(x.shape)
        t = t / t.sum(1, keepdims=True) if task == "classification" else t
    elif kind == SIGNS:
        t = (t > 0) * 1.0
    net = compiled(shape, ending, task)
    bias = torch.zeros(1, shape[0], *[1] * (len(shape) - 1), dtype=torch.float64, requires_grad=True)
    value = loss(torch.tensor(x) + bias, torch.tensor(t))
    value.backward()
    np.testing.assert_allclose(net.loss(x, t), value.item(), rtol=TOLERANCE, err_msg=what)
    compare(net.gradient(x, t)["w/offset"].reshape(-1), bias.grad.reshape(-1), what)


def main() -> int:
    """Return how many do not agree, and print what differs."""
    wrong = 0
    cases = [(examine_curve, case) for case in CURVES] + [(examine_loss, case) for case in LOSSES]
    for shape in SHAPES:
        for examine, case in cases:
            try:
                examine(*case, shape)  # type: ignore[operator]  # each function with its own cases
            except AssertionError as error:
                wrong += 1
                print(error)
    return wrong


if __name__ == "__main__":
    print("agreed" if main() == 0 else "differed")
