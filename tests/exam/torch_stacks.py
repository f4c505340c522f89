"""Compare random documents with PyTorch: predictions, losses, gradients, running statistics, optimizers.

Run `python tests/exam/torch_stacks.py [count] [first seed]` where torch is installed, or `... layers [count]` for
networks of a single layer.
"""

from __future__ import annotations

import copy
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_documents import Draw
from torch_reference import Reference, expand, forward, needed
from torch_windows import KINDS

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tsumiki beside this file, installed or not

import builder
from schemas.training import Training

EXACT = 1e-9
"""Largest difference in float64, relative to the largest value."""
SINGLE = 1e-4
"""Largest difference in float32, relative to the largest value; of gradients, in norm."""


def far(found: Any, wanted: Any) -> float:
    """Return the largest difference, relative to the largest value."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if found.shape != wanted.shape:
        raise AssertionError(f"shapes differ: {found.shape} and {wanted.shape}")
    return float(np.abs(found - wanted).max(initial=0) / max(np.abs(wanted).max(initial=0), 1e-3))


def norms(found: dict[str, np.ndarray], wanted: dict[str, Any]) -> float:
    """Return the norm of the difference of two gradients, relative to the norm."""
    difference = sum(float(((found[k] - np.asarray(wanted[k])) ** 2).sum()) for k in wanted) ** 0.5
    return difference / max(sum(float((np.asarray(wanted[k]) ** 2).sum()) for k in wanted) ** 0.5, 1e-6)


def values(key: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    drawn = rng.standard_normal(shape)
    if key.endswith("weight"):
        inside = np.prod(shape[1:]) if len(shape) > 2 else shape[0]
        return drawn * (1.5 / inside) ** 0.5
    return 0.5 + rng.random(shape) if key.endswith(("/gamma", "/variance")) else 0.3 * drawn


def pair(draw: Draw, whole: list[Any], x: np.ndarray, y_shape: tuple[int, ...]) -> np.ndarray:
    """Return targets for x."""
    rng, loss = draw.rng, whole[-1]["type"]
    if loss == "CategoricalCrossEntropy":
        return rng.integers(0, y_shape[0], (len(x), *[n for n in y_shape[1:] if n != 1]))
    if loss == "BinaryCrossEntropy":
        return rng.integers(0, 2, (len(x), *y_shape))
    return rng.standard_normal((len(x), *y_shape))


def torch_optimizer(settings: Any, ref: Reference, decay: float) -> torch.optim.Optimizer:
    """Return torch's optimizer of the same formula; biases and normalisation are not decayed."""
    heavy = [ref.p[k] for k in ref.trained if k.endswith("weight")]
    light = [ref.p[k] for k in ref.trained if not k.endswith("weight")]
    groups = [{"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}]
    rate, o = settings.learning_rate, settings
    match o.type:
        case "SGD":
            return torch.optim.SGD(groups, lr=rate)
        case "Momentum":
            return torch.optim.SGD(groups, lr=rate, momentum=o.momentum)
        case "Nesterov":
            return torch.optim.SGD(groups, lr=rate, momentum=o.momentum, nesterov=True)
        case "Adam" | "AdamW":
            made = torch.optim.Adam if o.type == "Adam" else torch.optim.AdamW
            return made(groups, lr=rate, betas=(o.beta1, o.beta2), eps=o.epsilon)
        case "RMSprop":
            return torch.optim.RMSprop(groups, lr=rate, alpha=o.decay, eps=o.epsilon)
    return torch.optim.Adagrad(groups, lr=rate, eps=o.epsilon)


OPTIMIZERS = ("SGD", "Momentum", "Nesterov", "Adam", "AdamW", "RMSprop", "AdaGrad")


def train_both(seed: int, net: Any, ref: Reference, batches: list[tuple[np.ndarray, np.ndarray]], draw: Draw) -> float:
    """Take the same steps with both; return the largest difference of parameters and statistics."""
    kind = OPTIMIZERS[seed % 7]
    # A bias before BatchNormalization has a gradient of 0 but for rounding, which a small epsilon would make large.
    small = {} if kind in OPTIMIZERS[:3] else {"epsilon": 1e-4}
    settings = Training.model_validate({"optimizer": {"type": kind, "learning_rate": 0.01, **small}}).optimizer
    decay, accumulate = draw.pick(0.0, 0.05), draw.pick(1, 1, 2)
    clip = draw.pick(None, 0.1, 100.0)
    session = net.session(len(batches[0][0]), settings, decay, clip, accumulate)
    torch_side = torch_optimizer(settings, ref, decay)
    worst, pending = 0.0, []
    for number, (x, t) in enumerate(batches, 1):
        found = session.step(x, t, learning_rate=settings.learning_rate)
        loss, gradient = ref.gradient(x, t, move=True)
        worst = max(worst, far(found, loss))
        pending.append(gradient)
        if len(pending) < accumulate and number < len(batches):
            continue
        session.flush(settings.learning_rate)
        mean = {k: sum(g[k] for g in pending) / len(pending) for k in gradient}
        length = float(sum((g**2).sum() for g in mean.values())) ** 0.5
        factor = min(1.0, clip / length) if clip and length else 1.0
        for key, g in mean.items():
            ref.p[key].grad = g * factor
        torch_side.step()
        pending = []
    return max(worst, *(far(net.params[k], ref.p[k].detach()) for k in ref.p), 0.0)


def examine(seed: int) -> dict[str, float]:
    """Compare one random document; return the largest differences by what was compared. Raises AssertionError."""
    draw = Draw(seed)
    return compare(draw, seed, *draw.document())


def examine_layer(kind: str, seed: int) -> dict[str, float]:
    """Compare a network of one layer of this type, with random fields."""
    draw = Draw(seed)
    return compare(draw, seed, *draw.document_of(kind))


def compare(
    draw: Draw, seed: int, document: dict[str, Any], whole: list[Any], shape: tuple[int, ...]
) -> dict[str, float]:
    """Compare a document; `whole` are its layers with head and loss. Raises AssertionError where they differ."""
    net = builder.compile(copy.deepcopy(document), seed=seed, dtype="float64", threads=1 + seed % 2)
    expected: dict[str, tuple[int, ...]] = {}
    tensors = {"Input": torch.zeros(1, *shape, dtype=torch.float64)}
    steps = expand(document["model"], whole)
    for step in steps[:-1]:
        before = tuple(tensors[step.inputs[0]].shape[1:])
        wanted = needed(step, before)
        expected |= {f"{step.name}/{k}": s for k, s in wanted.items() if step.share is None}
        zeros = {k: torch.zeros(s, dtype=torch.float64) for k, s in wanted.items()}
        tensors[step.name] = forward(step, [tensors[n] for n in step.inputs], zeros, False, False)
    assert {k: net.params[k].shape for k in net.params} == expected, "names or layouts differ"
    shapes = builder.check(copy.deepcopy(document)).shapes
    for step in steps[:-1]:
        assert tuple(shapes[step.name]) == tuple(tensors[step.name].shape[1:]), f"shape of {step.name}"
    drawn = {key: values(key, s, draw.rng) for key, s in expected.items()}
    for key, value in drawn.items():
        net.params[key] = value
    ref = Reference(document["model"], whole, drawn)
    n = int(draw.rng.integers(2, 7))
    x = draw.rng.standard_normal((n, *shape))
    t = pair(draw, whole, x, tuple(tensors[steps[-1].inputs[0]].shape[1:]))
    before = {k: net.params[k].copy() for k in net.params}
    found = {
        "predict": far(net.predict(x, batch_size=draw.pick(1, 2, 256)), ref.run(x, False).detach()),
        "loss": far(net.loss(x, t), ref.loss(x, t, False).detach()),
        "training loss": far(net.loss(x, t, training=True), ref.loss(x, t, True).detach()),
    }
    gradient, wanted = net.gradient(x, t), ref.gradient(x, t)[1]
    assert set(gradient) == set(wanted), "keys of the gradient differ"
    found["gradient"] = norms(gradient, wanted)
    assert all((net.params[k] == before[k]).all() for k in before), "asking for a gradient changed parameters"
    single = builder.compile(copy.deepcopy(document), seed=seed, dtype="float32", threads=2)
    for key, value in drawn.items():
        single.params[key] = value
    exact32 = Reference(document["model"], whole, {k: v.astype(np.float32) for k, v in drawn.items()})
    x32 = x.astype(np.float32)
    found["single predict"] = far(single.predict(x32), exact32.run(x32, False).detach())
    found["single gradient"] = norms(single.gradient(x32, t), exact32.gradient(x32, t)[1])
    batches = [(x, t), (x[:-1] if n > 2 else x, t[:-1] if n > 2 else t), (x[::-1].copy(), t[::-1].copy())]
    found["optimizer"] = train_both(seed, net, ref, batches, draw)
    for what, difference in found.items():
        limit = SINGLE if what.startswith("single") else EXACT
        assert difference <= limit, f"{what} differs by {difference:.2g}, which is more than {limit:g}"
    return found


def main(count: int = 60, first: int = 0) -> int:
    """Examine `count` documents; print what differs; return how many failed."""
    failed, worst, kinds = 0, Counter(), Counter()
    for seed in range(first, first + count):
        document, whole, _ = Draw(seed).document()
        kinds.update(step.type for step in expand(document["model"], whole))
        try:
            for what, difference in examine(seed).items():
                worst[what] = max(worst[what], difference)
        except (AssertionError, builder.TsumikiError) as error:
            failed += 1
            print(f"seed {seed}: {type(error).__name__}: {error}")
    print(f"{count} documents, {failed} failed; layers: {dict(kinds)}")
    print({what: f"{difference:.1e}" for what, difference in worst.items()})
    return failed


def layers(count: int = 10) -> int:
    """Examine each layer of torch_windows.py in networks of its own; return how many failed."""
    failed = 0
    for kind in KINDS:
        worst: Counter[str] = Counter()
        for seed in range(count):
            try:
                for what, difference in examine_layer(kind, seed).items():
                    worst[what] = max(worst[what], difference)
            except (AssertionError, builder.TsumikiError) as error:
                failed += 1
                print(f"{kind}, seed {seed}: {type(error).__name__}: {error}")
        shown = ("predict", "gradient", "single predict", "single gradient")
        print(kind, {what: f"{worst[what]:.1e}" for what in shown})
    return failed


if __name__ == "__main__":
    if sys.argv[1:2] == ["layers"]:
        sys.exit(bool(layers(*(int(word) for word in sys.argv[2:]))))
    sys.exit(bool(main(*(int(word) for word in sys.argv[1:]))))
