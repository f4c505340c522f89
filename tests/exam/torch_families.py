"""The families of builder.families against models of their own in torch: parameters, predictions, gradients.

Run `python tests/exam/torch_families.py [family ...]` where torch is installed. The models are written from the papers,
share no code with tsumiki, and register their layers in the order in which the documents name them.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tsumiki beside this file, installed or not

import builder
from builder import families

LIMIT = 1e-4
"""Largest difference in float32 relative to the largest value; of gradients, in norm."""
EPSILON = 1e-5
"""What batch normalisation adds to the variance."""


def norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=EPSILON)


def simple_convnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 30, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(4320, 100), nn.ReLU(), nn.Linear(100, 10),
    )  # fmt: skip


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    )


def lenet5() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def alexbn(classes: int, hidden: int) -> nn.Module:
    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4), norm(96), nn.ReLU(), pool(),
        nn.Conv2d(96, 256, 5, padding=2), norm(256), nn.ReLU(), pool(),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), pool(), nn.Flatten(),
        nn.Linear(9216, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, classes),
    )  # fmt: skip


def vgg(stages: tuple[int, ...], inputs: int, classes: int, hidden: int) -> nn.Module:
    parts: list[nn.Module] = []
    before = 3
    for channels, times in zip((64, 128, 256, 512, 512), stages, strict=True):
        for _ in range(times):
            parts += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
        parts.append(nn.MaxPool2d(2))
    parts += [nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(hidden, classes))


class Block(nn.Module):
    """A residual block, basic (expansion 1) or bottleneck (4), with a projection where the shape changes."""

    def __init__(self, before: int, channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        out = channels * expansion
        if expansion == 1:
            sizes = [(before, channels, 3, stride), (channels, channels, 3, 1)]
        else:
            sizes = [(before, channels, 1, 1), (channels, channels, 3, stride), (channels, out, 1, 1)]
        parts: list[nn.Module] = []
        for inside, outside, size, step in sizes:
            parts += [nn.Conv2d(inside, outside, size, step, size // 2, bias=False), norm(outside), nn.ReLU()]
        self.main = nn.Sequential(*parts[:-1])
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != out:
            self.shortcut = nn.Sequential(nn.Conv2d(before, out, 1, stride, bias=False), norm(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.main(x) + self.shortcut(x))


def resnet(stages: tuple[int, ...], width: int, expansion: int, classes: int, imagenet: bool) -> nn.Module:
    if imagenet:
        stem = [nn.Conv2d(3, width, 7, 2, 3, bias=False), norm(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    else:
        stem = [nn.Conv2d(3, width, 3, 1, 1, bias=False), norm(width), nn.ReLU()]
    parts, before = list(stem), width
    for number, times in enumerate(stages):
        for turn in range(times):
            channels = width << number
            parts.append(Block(before, channels, 2 if number and not turn else 1, expansion))
            before = channels * expansion
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


Case = tuple[Callable[[], dict[str, Any]], Callable[[], nn.Module], int]
SMALL = {"classes": 12, "hidden_size": 64, "p": 0.0}
"""Fewer classes and hidden units, and no chance: the convolutions are the published ones."""
CASES: dict[str, Case] = {
    "simple_convnet": (families.simple_convnet, simple_convnet, 8),
    "mlp": (families.mlp, mlp, 8),
    "lenet5": (families.lenet5, lenet5, 8),
    "alexbn": (lambda: families.alexbn(**SMALL), lambda: alexbn(12, 64), 3),
    "vgg16": (lambda: families.vgg(16, (3, 64, 64), **SMALL), lambda: vgg((2, 2, 3, 3, 3), 2048, 12, 64), 3),
    "vgg19": (lambda: families.vgg(19, (3, 64, 64), **SMALL), lambda: vgg((2, 2, 4, 4, 4), 2048, 12, 64), 3),
    "resnet18": (lambda: families.resnet(18, (3, 64, 64), 12), lambda: resnet((2, 2, 2, 2), 64, 1, 12, True), 4),
    "resnet34": (lambda: families.resnet(34, (3, 64, 64), 12), lambda: resnet((3, 4, 6, 3), 64, 1, 12, True), 4),
    "resnet50": (lambda: families.resnet(50, (3, 64, 64), 12), lambda: resnet((3, 4, 6, 3), 64, 4, 12, True), 4),
    "resnet20": (lambda: families.resnet(20), lambda: resnet((3, 3, 3), 16, 1, 10, False), 8),
}
"""Family -> its document, its model in torch, and how many samples are tried."""


def public(value: torch.Tensor) -> np.ndarray:
    """Return a parameter in tsumiki's layout: a matrix is (in, out) there and (out, in) in torch."""
    array = value.detach().numpy()
    return np.ascontiguousarray(array.T) if array.ndim == 2 else array


def weighed(model: nn.Module, x: np.ndarray, t: np.ndarray, dtype: torch.dtype) -> tuple[float, list[np.ndarray]]:
    """Return torch's training loss and gradients, in a given precision."""
    model.to(dtype).train().zero_grad()
    loss = F.cross_entropy(model(torch.from_numpy(x).to(dtype)), torch.from_numpy(t))
    loss.backward()
    return loss.item(), [public(value.grad).astype(np.float64) for value in model.parameters()]


def apart(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """Return the norm of the difference, relative to the norm."""
    wrong = sum(float(((a - b) ** 2).sum()) for a, b in zip(found, wanted, strict=True))
    return (wrong / sum(float((b**2).sum()) for b in wanted)) ** 0.5


def examine(name: str, dtype: str = "float64") -> dict[str, float]:
    """Compare one family with the truth, torch in float64; return the largest relative differences.

    Raises AssertionError beyond LIMIT. In float32 a deep network's gradient may be off by more, since a value close to
    zero can fall on the other side of a ReLU: there, three times what torch's own float32 is off is the limit.
    """
    make, model, samples = CASES[name]
    document, rng = make(), np.random.default_rng(7)
    net = builder.compile(document, seed=1, dtype=dtype, threads=2)
    torch.manual_seed(3)
    other = model()
    for key, (_, value) in zip(net.trained, other.named_parameters(), strict=True):
        assert net.params[key].shape == public(value).shape, f"{name}: {key}"
        net.params[key] = public(value)
    x = rng.standard_normal((samples, *net.input_shape)).astype("float32").astype(dtype)
    t = rng.integers(0, net.output_shape[0], samples)
    single = copy.deepcopy(other)
    loss, wanted = weighed(other, x, t, torch.float64)
    gradient = net.gradient(x, t)
    off = {"loss": abs(net.loss(x, t, training=True) - loss) / abs(loss)}
    off["gradient"] = apart([gradient[key] for key in net.trained], wanted)
    limits = {"loss": LIMIT, "gradient": LIMIT, "predict": LIMIT}
    if dtype == "float32":
        off["torch's gradient"] = apart(weighed(single, x, t, torch.float32)[1], wanted)
        limits["gradient"] = max(LIMIT, 3 * off["torch's gradient"])
    other.eval()
    statistics = [
        buffer for where, buffer in other.named_buffers() if where.endswith(("running_mean", "running_var"))
    ]
    keys = [key for key, parameter in net.parameters if parameter.statistic]
    for key, buffer in zip(keys, statistics, strict=True):
        net.params[key] = buffer.numpy()
    with torch.no_grad():
        likely = F.softmax(other(torch.from_numpy(x).double()), 1).numpy()
    off["predict"] = float(np.abs(net.predict(x) - likely).max() / np.abs(likely).max())
    for what, limit in limits.items():
        assert off[what] <= limit, f"{name}: {what} differs by {off[what]:.2g}, which is more than {limit:.2g}"
    return off


def main(names: list[str]) -> None:
    for name in names or CASES:
        for dtype in ("float64", "float32"):
            print(f"{name:15} {dtype}", {what: f"{value:.1e}" for what, value in examine(name, dtype).items()})


if __name__ == "__main__":
    main(sys.argv[1:])
