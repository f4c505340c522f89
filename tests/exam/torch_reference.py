"""What a document means, in torch: Repeat and Unit expanded, layers named, parameters laid out by the documentation.

It shares no code with tsumiki.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
import torch_windows
from torch_windows import axes as per_axis

POOLS = ("MaxPooling", "AveragePooling", "SumPooling", "Subsampling")
SIZES = ("kernel_size", "stride", "padding")


class Step(NamedTuple):
    """One layer of the expanded network."""

    name: str
    type: str
    fields: dict[str, Any]
    inputs: list[str]
    share: str | None = None
    """The layer whose parameters it uses."""


def filled(value: Any, arguments: dict[str, Any]) -> Any:
    if isinstance(value, str) and value.startswith("$"):
        return arguments[value[1:]]
    if isinstance(value, dict):
        return {k: filled(v, arguments) for k, v in value.items()}
    return [filled(v, arguments) for v in value] if isinstance(value, list) else value


def expand(model: dict[str, Any], entries: list[dict[str, Any]]) -> list[Step]:
    """Return the layers in document order, Repeat and Unit written out, every input by its full name."""
    numbers: Counter[str] = Counter()
    found: list[Step] = []

    def walk(stack: list[Any], prefix: str, source: str, arguments: dict[str, Any], outer: dict[str, str]) -> str:
        seen, before = {**outer, "Input": source}, source
        for template in stack:
            entry = filled(template, arguments)
            kind = entry["type"]
            if "name" in entry:
                name, short = prefix + entry["name"], entry["name"]
            else:
                numbers[kind] += 1
                name = short = f"{kind}_{numbers[kind]}"
            inputs = [seen[n] for n in entry["inputs"]] if "inputs" in entry else [before]
            if kind == "Repeat":
                before = inputs[0]
                for turn in range(1, entry["n"] + 1):
                    before = walk(template["layers"], f"{name}/{turn}/", before, arguments, seen)
            elif kind == "Unit":
                unit = model["units"][entry["unit"]]
                given = {**unit.get("arguments", {}), **entry.get("arguments", {})}
                before = walk(unit["layers"], f"{name}/", inputs[0], given, {})
            else:
                found.append(Step(name, kind, entry, inputs, seen[entry["share"]] if "share" in entry else None))
                before = name
            seen[short] = before
        return before

    walk(entries, "", "Input", {}, {})
    return found


def two(value: Any) -> tuple[int, int]:
    return per_axis(value, 2)  # type: ignore[return-value]  # of two


def margins(shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any = (1, 1)) -> list[int]:
    """Return (left, right, top, bottom) as F.pad wants them."""
    if padding != "same":
        height, width = two(padding)
        return [width, width, height, height]
    sides = []
    for axis in (1, 0):
        size = shape[2 + axis]
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        total = max((-(-size // stride[axis]) - 1) * stride[axis] + reach - size, 0)
        sides += [total // 2, total - total // 2]
    return sides


def needed(step: Step, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Return the parameters of a layer whose first input has this shape (without the batch)."""
    f = step.fields
    found = torch_windows.needed(step.type, f, shape)
    if found is not None:
        return found
    if step.type == "Affine":
        weight = (int(np.prod(shape)), f["out_features"])
        return {"weight": weight} | ({"bias": (f["out_features"],)} if f.get("bias", True) else {})
    if step.type == "BatchNormalization":
        return dict.fromkeys(("gamma", "beta", "mean", "variance"), (shape[0],))
    return {}


def average(x: torch.Tensor, kernel: Any, stride: Any, f: dict[str, Any]) -> torch.Tensor:
    padding, ceil, counted = f.get("padding", 0), f.get("ceil_mode", False), f.get("include_padding", False)
    if padding != "same" and all(2 * p <= k for p, k in zip(two(padding), kernel, strict=True)):
        return F.avg_pool2d(x, kernel, stride, two(padding), ceil, counted)
    # torch refuses padding above half the window, and knows no "same".
    sides = margins(x.shape, kernel, stride, padding)
    ones = F.pad(torch.ones_like(x), sides, value=float(counted))
    area = kernel[0] * kernel[1]
    total = F.avg_pool2d(F.pad(x, sides), kernel, stride) * area
    return total / (F.avg_pool2d(ones, kernel, stride) * area)


def forward(step: Step, xs: list[torch.Tensor], p: dict[str, torch.Tensor], training: bool, move: bool) -> torch.Tensor:
    """Compute one layer. `move` lets BatchNormalization's running statistics follow the batch."""
    f, x, kind = step.fields, xs[0], step.type
    if kind in torch_windows.FORWARD:
        return torch_windows.FORWARD[kind](x, f, p)
    if kind in POOLS and x.dim() == 3:  # a row is an image of height 1
        flat = {"kernel_size": 2, **f}
        for name in SIZES:
            if flat.get(name, "same") != "same":
                flat[name] = (int(name != "padding"), per_axis(flat[name], 1)[0])
        return forward(step._replace(fields=flat), [x[:, :, None]], p, training, move).squeeze(2)
    if kind == "Affine":
        return x.flatten(1) @ p["weight"] + p.get("bias", 0.0)
    if kind == "BatchNormalization":
        axes = [0, *range(2, x.dim())]
        wide = (1, -1, *[1] * (x.dim() - 2))
        if training:
            mean, variance = x.mean(axes), x.var(axes, unbiased=False)
            if move:
                keep = f.get("momentum", 0.9)
                with torch.no_grad():
                    p["mean"].mul_(keep).add_((1 - keep) * mean)
                    p["variance"].mul_(keep).add_((1 - keep) * variance)
        else:
            mean, variance = p["mean"], p["variance"]
        scaled = (x - mean.view(wide)) / torch.sqrt(variance.view(wide) + f.get("epsilon", 1e-5))
        return scaled * p["gamma"].view(wide) + p["beta"].view(wide)
    if kind in POOLS and f.get("ceil_mode"):
        room = zip(x.shape[2:], two(f.get("padding", 0)), two(f.get("kernel_size", 2)), strict=True)
        if any(size + 2 * margin < window for size, margin, window in room):
            raise RuntimeError(
                "torch takes windows larger than the image when it rounds up; for tsumiki they are errors"
            )
    if kind == "MaxPooling":
        kernel = two(f.get("kernel_size", 2))
        stride = two(f["stride"]) if f.get("stride") else kernel
        padding = f.get("padding", 0)
        if padding != "same" and all(2 * q <= k for q, k in zip(two(padding), kernel, strict=True)):
            return F.max_pool2d(x, kernel, stride, two(padding), 1, f.get("ceil_mode", False))
        return F.max_pool2d(F.pad(x, margins(x.shape, kernel, stride, padding), value=-torch.inf), kernel, stride)
    if kind in ("AveragePooling", "SumPooling", "Subsampling"):
        kernel = two(f.get("kernel_size", 2))
        pool = torch_windows.summed if kind == "SumPooling" else average
        y = pool(x, kernel, two(f["stride"]) if f.get("stride") else kernel, f)
        return y * p["scale"].view(-1, 1, 1) + p["bias"].view(-1, 1, 1) if kind == "Subsampling" else y
    if kind == "Softmax" and x.shape[1] == 1:
        raise RuntimeError("one class to choose from is an error of the document")
    if kind == "Reshape":
        return x.reshape(len(x), *f["shape"])
    if kind in ("Add", "Multiply") and any(other.shape != x.shape for other in xs):
        raise RuntimeError("torch would broadcast these")
    if kind == "Add":
        return sum(xs[1:], xs[0])
    if kind == "Multiply":
        for other in xs[1:]:
            x = x * other
        return x
    if kind == "Concatenate":
        return torch.cat(xs, 1 + f.get("axis", 0))
    simple = {
        "ReLU": torch.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Softmax": lambda v: torch.softmax(v, 1),
        "Flatten": lambda v: v.flatten(1), "Identity": lambda v: v, "Dropout": lambda v: v,
    }  # fmt: skip
    return simple[kind](x)


def loss_of(kind: str, y: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Return the loss of each sample."""
    if kind == "CategoricalCrossEntropy":
        picked = -torch.log(y.gather(1, t.reshape(len(y), 1, *y.shape[2:])))
        return picked.flatten(1).mean(1)
    t = t.reshape(y.shape)
    each = (y - t) ** 2 if kind == "SquaredError" else -(t * torch.log(y) + (1 - t) * torch.log(1 - y))
    return each.flatten(1).mean(1)


class Reference:
    """The document as a torch model over parameters named like tsumiki's."""

    def __init__(self, model: dict[str, Any], entries: list[dict[str, Any]], params: dict[str, np.ndarray]) -> None:
        self.steps = expand(model, entries)
        self.p = {k: torch.tensor(v, dtype=torch.float64) for k, v in params.items()}
        self.trained = [k for k in self.p if not k.endswith(("/mean", "/variance"))]
        for key in self.trained:
            self.p[key].requires_grad_()

    def run(self, x: np.ndarray, training: bool, move: bool = False) -> torch.Tensor:
        values = {"Input": torch.tensor(x, dtype=torch.float64)}
        for step in self.steps[:-1]:
            name = step.share or step.name
            own = {k.rpartition("/")[2]: v for k, v in self.p.items() if k.rpartition("/")[0] == name}
            values[step.name] = forward(step, [values[n] for n in step.inputs], own, training, move)
        return values[self.steps[-1].inputs[0]]

    def loss(self, x: np.ndarray, t: np.ndarray, training: bool, move: bool = False) -> torch.Tensor:
        labels = self.steps[-1].type == "CategoricalCrossEntropy"
        wanted = torch.tensor(t, dtype=torch.int64 if labels else torch.float64)
        return loss_of(self.steps[-1].type, self.run(x, training, move), wanted).mean()

    def gradient(self, x: np.ndarray, t: np.ndarray, move: bool = False) -> tuple[float, dict[str, torch.Tensor]]:
        loss = self.loss(x, t, True, move)
        found = torch.autograd.grad(loss, [self.p[k] for k in self.trained], allow_unused=True)
        pairs = zip(self.trained, found, strict=True)
        return float(loss.detach()), {k: torch.zeros_like(self.p[k]) if g is None else g for k, g in pairs}
