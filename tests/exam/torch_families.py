"""The families of builder.families against models of their own in torch: parameters, predictions, gradients.

Run `python tests/exam/torch_families.py [family ...]` where torch is installed. The models are written from the papers,
share no code with tsumiki, and register their layers in the order in which the documents name them.
"""

from __future__ import annotations

import copy
import statistics
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
"""Largest difference in float32, relative to the largest value; of gradients, in norm."""
EXACT = 1e-9
"""The same in float64."""
OWN = "torch's gradient"
"""How far torch's own float32 gradients are from its float64 ones."""
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


class Subsampling(nn.Module):
    """LeNet's: the mean of each 2×2 window, times a number of the channel, plus another."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(channels) + 0.5)
        self.bias = nn.Parameter(torch.randn(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x, 2) * self.scale[:, None, None] + self.bias[:, None, None]


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), Subsampling(6), nn.Conv2d(6, 16, 5), nn.Sigmoid(), Subsampling(16),
        nn.Flatten(), nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip


def cnn(hidden: int) -> nn.Module:
    parts: list[nn.Module] = []
    for before, channels in ((1, 16), (16, 32)):
        parts += [nn.Conv2d(before, channels, 3, padding=1), norm(channels), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(128, hidden), nn.ReLU(), nn.Linear(hidden, 1))


class UNet(nn.Module):
    """Two poolings; layers are registered in the order of the document."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()

        def block(before: int, channels: int) -> nn.Module:
            parts: list[nn.Module] = []
            for inside in (before, channels):
                parts += [nn.Conv2d(inside, channels, 3, padding=1, bias=False), norm(channels), nn.ReLU()]
            return nn.Sequential(*parts)

        w = width
        self.down_1, self.down_2, self.bottom = block(1, w), block(w, 2 * w), block(2 * w, 4 * w)
        self.enlarge_2, self.up_2 = nn.ConvTranspose2d(4 * w, 2 * w, 2, 2), block(4 * w, 2 * w)
        self.enlarge_1, self.up_1 = nn.ConvTranspose2d(2 * w, w, 2, 2), block(2 * w, w)
        self.last = nn.Conv2d(w, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = self.down_1(x)
        two = self.down_2(F.max_pool2d(one, 2))
        low = self.bottom(F.max_pool2d(two, 2))
        two = self.up_2(torch.cat([self.enlarge_2(low), two], 1))
        return self.last(self.up_1(torch.cat([self.enlarge_1(two), one], 1)))


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


def alexnet(classes: int, hidden: int) -> nn.Module:
    def lrn() -> nn.Module:
        return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)  # torch divides alpha by the size

    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4), nn.ReLU(), lrn(), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), lrn(), nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
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
    "lenet": (families.lenet, lenet, 8),
    "binary_cnn": (families.binary_cnn, lambda: cnn(32), 8),
    "regression_cnn": (families.regression_cnn, lambda: cnn(64), 8),
    "unet": (families.unet, lambda: UNet(16, 11), 6),
    "alexbn": (lambda: families.alexbn(**SMALL), lambda: alexbn(12, 64), 3),
    "alexnet": (lambda: families.alexnet(**SMALL), lambda: alexnet(12, 64), 3),
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


def measured(prediction: torch.Tensor, t: np.ndarray, task: str) -> torch.Tensor:
    """Return the task's own loss of what the last weighted layer gives."""
    if task == "classification":
        return F.cross_entropy(prediction, torch.from_numpy(t))
    wanted = torch.from_numpy(t).to(prediction.dtype).reshape(prediction.shape)
    if task == "binary":
        return F.binary_cross_entropy_with_logits(prediction, wanted)
    return F.mse_loss(prediction, wanted)


def likely(prediction: torch.Tensor, task: str) -> np.ndarray:
    """Return what the network predicts."""
    if task == "classification":
        return F.softmax(prediction, 1).numpy()
    return (torch.sigmoid(prediction) if task == "binary" else prediction).numpy()


def weighed(
    model: nn.Module, x: np.ndarray, t: np.ndarray, task: str, dtype: torch.dtype = torch.float64
) -> tuple[float, list[np.ndarray]]:
    """Return torch's training loss and gradients, worked out in a dtype. Running statistics move."""
    model.to(dtype).train().zero_grad()
    loss = measured(model(torch.from_numpy(x).to(dtype)), t, task)
    loss.backward()
    return loss.item(), [public(value.grad).astype(np.float64) for value in model.parameters()]


def apart(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """Return the norm of the difference, relative to the norm."""
    wrong = sum(float(((a - b) ** 2).sum()) for a, b in zip(found, wanted, strict=True))
    return (wrong / sum(float((b**2).sum()) for b in wanted)) ** 0.5


def compared(name: str, dtype: str, seed: int) -> dict[str, float]:
    """Compare one family on one random batch; return the largest relative differences from torch in float64.

    In float32 also those of torch's own float32 gradients.
    """
    make, model, samples = CASES[name]
    rng = np.random.default_rng(seed)
    net = builder.compile({**make(), "training": {"exact": True}}, seed=1, dtype=dtype, threads=2)
    torch.manual_seed(seed)
    other = model()
    for key, (_, value) in zip(net.trained, other.named_parameters(), strict=True):
        assert net.params[key].shape == public(value).shape, f"{name}: {key}"
        net.params[key] = public(value)
    x = rng.standard_normal((samples, *net.input_shape)).astype("float32").astype(dtype)
    if net.task == "classification":
        t = rng.integers(0, net.output_shape[0], (samples, *net.output_shape[1:]))
    else:
        t = rng.integers(0, 2, samples) if net.task == "binary" else rng.standard_normal(samples)
    loss, wanted = weighed(other, x, t, net.task)
    gradient = net.gradient(x, t)
    off = {"loss": abs(net.loss(x, t, training=True) - loss) / abs(loss)}
    off["gradient"] = apart([gradient[key] for key in net.trained], wanted)
    if dtype == "float32":
        off[OWN] = apart(weighed(copy.deepcopy(other), x, t, net.task, torch.float32)[1], wanted)
    other.eval()
    running = [buffer for where, buffer in other.named_buffers() if where.endswith(("running_mean", "running_var"))]
    keys = [key for key, parameter in net.parameters if parameter.statistic]
    for key, buffer in zip(keys, running, strict=True):
        net.params[key] = buffer.numpy()
    with torch.no_grad():
        truth = likely(other(torch.from_numpy(x).double()), net.task)
    off["predict"] = float(np.abs(net.predict(x) - truth).max() / np.abs(truth).max())
    fast = builder.compile(make(), seed=1, dtype=dtype, threads=2)
    fast.params.update(net.params)
    off["Winograd's predict"] = float(np.abs(fast.predict(x) - truth).max() / np.abs(truth).max())
    return off


def examine(name: str, dtype: str = "float64") -> dict[str, float]:
    """Compare one family with the truth, torch in float64; return the largest relative differences.

    Raises AssertionError beyond LIMIT. In float32 it is the median of three batches that counts, and the direct form of
    convolution: a value close to zero can fall on the other side of a ReLU, and two close ones can change places in a
    maximum, which moves a gradient by more than rounding does, in torch as here; the more rounding, the more often. The
    deeper a network, the further: where torch's own float32 is far from the truth, the limit is three times as far.
    """
    draws = [compared(name, dtype, seed) for seed in ((7,) if dtype == "float64" else (7, 8, 9))]
    off = {what: statistics.median(draw[what] for draw in draws) for what in draws[0]}
    limit = EXACT if dtype == "float64" else LIMIT
    for what, difference in off.items():
        most = max(limit, 3 * off.get(OWN, 0.0)) if what == "gradient" else limit
        assert what == OWN or difference <= most, f"{name}: {what} differs by {difference:.2g}, more than {most:.2g}"
    return off


def main(names: list[str]) -> None:
    for name in names or CASES:
        for dtype in ("float64", "float32"):
            print(f"{name:15} {dtype}", {what: f"{value:.1e}" for what, value in examine(name, dtype).items()})


if __name__ == "__main__":
    main(sys.argv[1:])
