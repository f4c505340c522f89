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
from builder.answers import answer
from builder.targets import Mixed

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

ARRANGED: list[tuple[list[Layer], Callable[[torch.Tensor], torch.Tensor], tuple[int, ...]]] = [
    ([layer("Pad", before=[1, 0, 2], after=[0, 3, 1], value=0.5)],
     lambda x: F.pad(x, (2, 1, 0, 3, 1, 0), value=0.5), (3, 5, 4)),
    ([layer("Pad", before=[2])], lambda x: F.pad(x, (2, 2)), (6,)),
    ([layer("Crop", before=[1, 2, 0], after=[0, 1, 3])], lambda x: x[:, 1:, 2:-1, :-3], (3, 5, 4)),
    ([layer("Transpose")], lambda x: x.permute(0, 3, 2, 1), (3, 5, 4)),
    ([layer("Transpose", axes=[1, 2, 0])], lambda x: x.permute(0, 2, 3, 1), (3, 5, 4)),
    ([layer("Transpose", axes=[1, 0])], lambda x: x.transpose(1, 2), (3, 5)),
    ([layer("Broadcast", shape=[3, 5, 4])], lambda x: x.expand(-1, 3, 5, 4), (3, 1, 4)),
    ([layer("Broadcast", shape=[2, 3, 4])], lambda x: x[:, :, None, None].expand(-1, 2, 3, 4), (1,)),
    ([layer("Transpose", axes=[0, 2, 1], name="turned"), layer("MatMul", inputs=["w", "turned"])],
     lambda x: x @ x.transpose(2, 3), (3, 5, 4)),
    ([layer("Tanh", name="bent"), layer("Transpose", name="turned"), layer("MatMul", inputs=["turned", "bent"])],
     lambda x: torch.tanh(x).transpose(1, 2) @ torch.tanh(x), (5, 4)),
]  # fmt: skip
"""Layers that need a shape of their own, after a layer named w."""

CLASSES, VALUES, CHANCES, SIGNS, HOLES = "classes", "values", "chances", "signs", "classes with holes"
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
    ([layer("SoftmaxCrossEntropy", ignore_index=255)], HOLES, lambda y, t: F.cross_entropy(y, t, ignore_index=255)),
    ([layer("Softmax"), layer("CategoricalCrossEntropy", ignore_index=255)], HOLES,
     lambda y, t: F.cross_entropy(y, t, ignore_index=255)),
    ([layer("EpsilonInsensitive", epsilon=0.4)], VALUES, lambda y, t: F.relu((y - t).abs() - 0.4).mean()),
    ([layer("Sigmoid"), layer("Dice", smooth=0.5)], CHANCES, lambda y, t: dice(torch.sigmoid(y), t, 0.5)),
    ([layer("Softmax"), layer("Dice")], CLASSES, lambda y, t: dice(F.softmax(y, 1), one_hot(y, t), 1.0)),
    ([layer("Softmax"), layer("Focal", gamma=1.5)], CLASSES, lambda y, t: focal(F.softmax(y, 1), one_hot(y, t), 1.5)),
    ([layer("Sigmoid"), layer("Focal", alpha=0.25)], SIGNS, lambda y, t: focal_of_yes(y, t, 2.0, 0.25)),
    ([layer("CustomLoss", expression="mean(square(y - t)) + 0.1 * mean(abs(y - t))")], VALUES,
     lambda y, t: F.mse_loss(y, t) + 0.1 * F.l1_loss(y, t)),
]  # fmt: skip


def one_hot(y: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return F.one_hot(t, y.shape[1]).movedim(-1, 1).to(y.dtype)


def dice(y: torch.Tensor, t: torch.Tensor, smooth: float) -> torch.Tensor:
    """Return the mean over the samples of 1 - (2 sum(y t) + s) / (sum(y) + sum(t) + s)."""
    y, t = y.flatten(1), t.flatten(1)
    return (1 - (2 * (y * t).sum(1) + smooth) / (y.sum(1) + t.sum(1) + smooth)).mean()


def focal(y: torch.Tensor, t: torch.Tensor, gamma: float) -> torch.Tensor:
    """Return the mean over samples and pixels of -(1 - p)^gamma log p, p the probability of the class."""
    p = (y * t).sum(1)
    return (-((1 - p) ** gamma) * p.log()).mean()


def focal_of_yes(y: torch.Tensor, t: torch.Tensor, gamma: float, alpha: float) -> torch.Tensor:
    """Return torchvision's sigmoid_focal_loss, times 2: there half and half is weight 1/2, here it is weight 1."""
    p, each = torch.sigmoid(y), F.binary_cross_entropy_with_logits(y, t, reduction="none")
    right = p * t + (1 - p) * (1 - t)
    return 2 * ((alpha * t + (1 - alpha) * (1 - t)) * each * (1 - right) ** gamma).mean()


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


def examine_arranged(
    layers: list[Layer], function: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, ...]
) -> None:
    """Compare the values of layers, and their gradient under a squared error."""
    rng, what = np.random.default_rng(2), f"{layers} over {shape}"
    x = rng.standard_normal((3, *shape))
    net = compiled(shape, [*layers, layer("SquaredError")], "regression")
    bias = torch.zeros(1, shape[0], *[1] * (len(shape) - 1), dtype=torch.float64, requires_grad=True)
    y = function(torch.tensor(x) + bias)
    t = rng.standard_normal(tuple(y.shape))
    F.mse_loss(y, torch.tensor(t)).backward()
    compare(net.predict(x), y, what)
    compare(net.gradient(x, t)["w/offset"].reshape(-1), bias.grad.reshape(-1), what)


def examine_mixed() -> None:
    """Compare mixup, with label smoothing and class weights, with torch's soft targets."""
    rng, share, smooth = np.random.default_rng(3), 0.3, 0.1
    x, first, second = rng.standard_normal((8, 4)), rng.integers(0, 4, 8), rng.integers(0, 4, 8)
    weights = np.array([0.5, 1.0, 2.0, 0.25])
    net = compiled((4,), [layer("SoftmaxCrossEntropy", label_smoothing=smooth)], "classification")
    program = net.program(8, "train")
    program.feeds.inputs[:] = x
    answer(program, x, Mixed(first, second, share), (weights[first], weights[second]))
    value = program.run(1)
    bias = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    y, expected = torch.tensor(x) + bias, torch.zeros((), dtype=torch.float64)
    for t, part in ((first, share), (second, 1 - share)):
        each = F.cross_entropy(y, torch.tensor(t), label_smoothing=smooth, reduction="none")
        expected = expected + part * (each * torch.tensor(weights[t])).mean()
    expected.backward()
    np.testing.assert_allclose(value, expected.item(), rtol=TOLERANCE)
    gradient = net.params.public("w/offset", net.params.gradients)
    compare(gradient.reshape(-1), bias.grad, "mixup")


def examine_heads() -> None:
    """Compare a network with three losses, two of them on one trunk's own heads, with torch's weighted sum."""
    rng = np.random.default_rng(4)
    x, t = rng.standard_normal((5, 3, 6, 6)), rng.integers(0, 4, 5)
    layers = [
        layer("Convolution", out_channels=4, kernel_size=3, padding=1, name="c1"), layer("Tanh", name="h1"),
        layer("Affine", out_features=4, name="a1"), layer("SoftmaxCrossEntropy", loss_weight=0.3, name="aux"),
        layer("Convolution", out_channels=3, kernel_size=1, inputs=["h1"], name="c2"),
        layer("SquaredError", target="input", loss_weight=0.5, name="copy"),
        layer("AveragePooling", inputs=["h1"]), layer("Affine", out_features=4, name="a2"), layer("Softmax"),
        layer("CategoricalCrossEntropy", name="main"),
    ]  # fmt: skip
    net = builder.compile({"format": 1, "model": {"input": [3, 6, 6], "layers": layers}}, dtype="float64", seed=0)
    p = {key: torch.tensor(value, requires_grad=True) for key, value in net.params.items()}
    given = torch.tensor(x)
    trunk = torch.tanh(F.conv2d(given, p["c1/weight"], p["c1/bias"], padding=1))
    side = trunk.flatten(1) @ p["a1/weight"] + p["a1/bias"]
    again = F.conv2d(trunk, p["c2/weight"], p["c2/bias"])
    main = F.avg_pool2d(trunk, 2).flatten(1) @ p["a2/weight"] + p["a2/bias"]
    target = torch.tensor(t)
    own = F.cross_entropy(main, target)
    whole = own + 0.3 * F.cross_entropy(side, target) + 0.5 * F.mse_loss(again, given)
    whole.backward()
    np.testing.assert_allclose(net.loss(x, t), own.item(), rtol=TOLERANCE)
    np.testing.assert_allclose(net.loss(x, t, training=True), whole.item(), rtol=TOLERANCE)
    for key, value in net.gradient(x, t).items():
        compare(value, p[key].grad, key)


def examine_loss(
    ending: list[Layer], kind: str, loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], shape: tuple[int, ...]
) -> None:
    """Compare a loss and its gradient."""
    task = {CLASSES: "classification", HOLES: "classification", VALUES: "regression"}.get(kind, "binary")
    if ending[-1]["type"] == "KLDivergence":
        task = "classification"
    shape = (1, *shape[1:]) if task == "binary" else shape
    rng, what = np.random.default_rng(1), f"{ending} over {shape}"
    x = rng.standard_normal((3, *shape)) * 2
    t: np.ndarray = rng.standard_normal(x.shape)
    if kind in (CLASSES, HOLES):
        t = rng.integers(0, shape[0], (3, *shape[1:]))
        t = np.where(rng.random(t.shape) < 0.4, 255, t) if kind == HOLES else t
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
    cases: list[tuple[Any, ...]] = [(examine_curve, *case, shape) for shape in SHAPES for case in CURVES]
    cases += [(examine_loss, *case, shape) for shape in SHAPES for case in LOSSES]
    cases += [(examine_arranged, *case) for case in ARRANGED]
    for examine, *case in (*cases, (examine_mixed,), (examine_heads,)):
        try:
            examine(*case)
        except AssertionError as error:
            wrong += 1
            print(error)
    return wrong


if __name__ == "__main__":
    print("agreed" if main() == 0 else "differed")
