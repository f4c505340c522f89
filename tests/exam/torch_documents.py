"""Random documents over every layer, with branches, Repeat and Unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch_reference import expand, forward, needed, two
from torch_windows import Windows


class Draw(Windows):
    """Draws one document. Every candidate is tried on the reference, and dropped where the shapes do not fit."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.units: dict[str, Any] = {}
        self.count = 0

    def pick(self, *values: Any) -> Any:
        return values[self.rng.integers(len(values))]

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def size(self, low: int, high: int) -> Any:
        a, b = (int(n) for n in self.rng.integers(low, high + 1, 2))
        return a if self.chance(0.5) else [a, b]

    def name(self) -> str:
        self.count += 1
        return f"{self.pick('left', 'block', '層', 'a b', 'x.1')}{self.count}"

    def shape(self, entries: list[Any], shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return the shape after the entries, by torch; None where they do not fit."""
        try:
            values = {"Input": torch.zeros(1, *shape, dtype=torch.float64)}
            last = "Input"
            for step in expand({"units": self.units}, entries):
                xs = [values[n] for n in step.inputs]
                own = {k: torch.zeros(s, dtype=torch.float64) for k, s in needed(step, tuple(xs[0].shape[1:])).items()}
                values[step.name] = forward(step, xs, own, False, False)
                last = step.name
        except (RuntimeError, IndexError, ZeroDivisionError):  # the shapes do not fit
            return None
        found = tuple(values[last].shape[1:])
        return found if 0 < int(np.prod(found)) < 4000 and torch.isfinite(values[last]).all() else None

    def convolution(self, channels: int) -> dict[str, Any]:
        groups = self.pick(1, 1, *[g for g in (2, 3, channels) if channels % g == 0])
        entry = {
            "type": "Convolution",
            "out_channels": groups * int(self.rng.integers(1, 5)),
            "kernel_size": self.size(1, 5),
        }
        return (
            entry
            | self.some(
                stride=self.size(1, 3), padding=self.pick("same", self.size(0, 3)), dilation=self.size(1, 3), bias=False
            )
            | ({"groups": groups} if groups > 1 else {})
        )

    def pooling(self) -> dict[str, Any]:
        kernel = self.size(1, 4)
        entry = {"type": self.pick("MaxPooling", "AveragePooling"), "kernel_size": kernel}
        least = min(two(kernel))
        entry |= self.some(stride=self.size(1, 4), padding=self.pick("same", int(self.rng.integers(0, least))))
        if entry.get("padding") != "same":
            entry |= self.some(ceil_mode=True)
        sides = two(kernel) if entry.get("padding", "same") == "same" else two(entry["padding"])
        if (
            entry.get("ceil_mode")
            and "padding" in entry
            and any(2 * p > k for p, k in zip(sides, two(kernel), strict=True))
        ):
            del entry["ceil_mode"]  # no torch operation to compare with
        return entry | (self.some(include_padding=True) if entry["type"] == "AveragePooling" else {})

    def some(self, **fields: Any) -> dict[str, Any]:
        return {k: v for k, v in fields.items() if self.chance(0.5)}

    def simple(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Return one layer that may stand after this shape."""
        kinds = "ReLU Sigmoid Tanh Softmax Identity BatchNormalization Dropout Flatten Reshape Affine".split()
        kinds += ["normalisation"] * 3
        if len(shape) == 3:
            kinds += ["Convolution"] * 5 + ["Pooling"] * 3 + ["GlobalAveragePooling"] + ["window"] * 5
        elif len(shape) == 2:
            kinds += ["window", "row"] * 4
        kind = self.pick(*kinds)
        if kind in ("window", "normalisation"):
            return getattr(self, kind)(shape)
        if kind == "row":
            filters = {"type": "Convolution", "out_channels": int(self.rng.integers(1, 6)), **self.sliding(shape)}
            pools = [{"type": k, "kernel_size": int(self.rng.integers(1, 4))} for k in ("MaxPooling", "AveragePooling")]
            return self.pick(filters, filters, *pools, {"type": "GlobalAveragePooling"})
        if kind == "Convolution":
            return self.convolution(shape[0])
        if kind == "Pooling":
            return self.pooling()
        if kind == "Affine":
            return {"type": kind, "out_features": int(self.rng.integers(1, 20)), **self.some(bias=False)}
        if kind == "Dropout":
            return {"type": kind, "p": 0.0}
        if kind == "BatchNormalization":
            return {"type": kind, **self.some(momentum=self.pick(0.5, 0.99, 0.0), epsilon=self.pick(1e-3, 1e-6))}
        if kind == "Reshape":
            total = int(np.prod(shape))
            first = self.pick(*[d for d in range(1, total + 1) if total % d == 0])
            second = self.pick(*[d for d in range(1, total // first + 1) if total // first % d == 0])
            return {"type": kind, "shape": self.pick([first, -1], [first, second, -1], [total // first, first], [-1])}
        return {"type": kind}

    def keeping(self, shape: tuple[int, ...], depth: int) -> list[Any]:
        """Return a stack that keeps the shape."""
        if len(shape) == 3:
            conv = {"type": "Convolution", "out_channels": shape[0], "padding": "same"}
            conv["kernel_size"] = self.pick(1, 3, [1, 3], 2)
            window = {"type": self.pick("MaxPooling", "AveragePooling"), "kernel_size": 3, "stride": 1, "padding": 1}
            base: list[Any] = [conv, *([window] if self.chance(0.3) else [])]
        elif len(shape) == 1:
            base = [{"type": "Affine", "out_features": shape[0]}]
        else:
            base = [{"type": "BatchNormalization"}]
        base += [
            {"type": self.pick("ReLU", "Tanh", "Sigmoid", "BatchNormalization")} for _ in range(self.rng.integers(0, 3))
        ]
        if depth < 2 and base[0]["type"] in ("Convolution", "Affine") and self.chance(0.2):
            first = {**base[0], "name": self.name()}  # and once more, with the same parameters
            base = [first, *base[1:], {**base[0], "share": first["name"]}]
        if depth < 2 and self.chance(0.4):
            start, end = self.name(), self.name()
            base = [{"type": "Identity", "name": start}, *base, {"type": "Tanh", "name": end}]
            base.append({"type": self.pick("Add", "Multiply"), "inputs": self.pick([start, end], ["Input", end])})
        return base

    def block(self, shape: tuple[int, ...], depth: int) -> list[Any]:
        """Return a piece: one layer, two branches, a Repeat or a Unit."""
        kind = self.pick("layer", "layer", "layer", "layer", "join", "repeat", "unit") if depth < 3 else "layer"
        if kind == "repeat":
            body = self.keeping(shape, depth) if self.chance(0.7) else self.stack(shape, depth + 1, 2)
            times = int(self.rng.integers(1, 4))
            return [{"type": "Repeat", "n": times, "layers": body, **self.some(name=self.name())}]
        if kind == "unit":
            unit = f"U{len(self.units)}"
            body = self.keeping(shape, depth)
            arguments: dict[str, Any] = {}
            if body[0]["type"] == "Convolution" and not any("share" in entry for entry in body):
                body[0]["out_channels"], arguments = "$channels", {"channels": self.pick(None, shape[0])}
            self.units[unit] = {"arguments": arguments, "layers": body}
            call = {"type": "Unit", "unit": unit, **self.some(name=self.name())}
            given = {"arguments": {"channels": shape[0]}} if arguments and arguments["channels"] is None else {}
            return [call | given] * self.pick(1, 2) if "name" not in call else [call | given]
        if kind == "join":
            start, ends = self.name(), [self.name() for _ in range(self.pick(2, 2, 3))]
            entries: list[Any] = [{"type": "Identity", "name": start}]
            join = self.pick("Add", "Multiply", "Concatenate")
            for end in ends:
                branch = self.keeping(shape, depth + 1)
                branch[0]["inputs"] = [start]
                branch.append({"type": self.pick("Identity", "ReLU", "Tanh"), "name": end})
                entries += branch
            axis = {"axis": int(self.rng.integers(len(shape)))} if join == "Concatenate" and self.chance(0.5) else {}
            return [*entries, {"type": join, "inputs": [*ends, *([start] if self.chance(0.3) else [])], **axis}]
        return [self.simple(shape)]

    def stack(self, shape: tuple[int, ...], depth: int, length: int) -> list[Any]:
        entries: list[Any] = []
        for _ in range(length):
            for _ in range(8):
                now = self.shape(entries, shape)
                more = self.block(now, depth)
                if self.shape([*entries, *more], shape) is not None:
                    entries += more
                    break
        return entries or [{"type": "Identity"}]

    def document_of(self, kind: str) -> tuple[dict[str, Any], list[Any], tuple[int, ...]]:
        """Return the document of a network of one layer for images or rows, and an Affine."""
        while True:
            size = tuple(int(n) for n in self.rng.integers(2, 9, self.pick(2, 3, 3)))
            entry = self.of_type(kind, size)
            if self.shape([entry], size) is not None:
                break
        layers = [entry, {"type": "Affine", "out_features": 2}, {"type": "SquaredError"}]
        return {"format": 1, "task": "regression", "model": {"input": list(size), "layers": layers}}, layers, size

    def document(self) -> tuple[dict[str, Any], list[Any], tuple[int, ...]]:
        """Return (document, its layers with head and loss written out, input shape)."""
        sizes = (int(self.rng.integers(1, 5)), int(self.rng.integers(3, 11)), int(self.rng.integers(3, 11)))
        shape = self.pick(sizes, sizes, sizes, (int(self.rng.integers(1, 12)),), sizes[:2])
        body = self.stack(shape, 0, int(self.rng.integers(2, 8)))
        task = self.pick("classification", "classification", "binary", "regression")
        outputs = int(self.rng.integers(2, 6))
        end = {
            "classification": [{"type": "Affine", "out_features": outputs}, {"type": "Softmax"},
                               {"type": "CategoricalCrossEntropy"}],
            "binary": [{"type": "Affine", "out_features": 1}, {"type": "Sigmoid"}, {"type": "BinaryCrossEntropy"}],
            "regression": [{"type": "Affine", "out_features": outputs - 1}, {"type": "SquaredError"}],
        }[task]  # fmt: skip
        now = self.shape(body, shape) or shape
        least = 1  # head and loss that follow from the task may be left out
        if task == "classification" and len(now) == 3 and self.chance(0.3):
            pool = {"type": "GlobalAveragePooling"}
            end[:1] = [{"type": "Convolution", "out_channels": outputs, "kernel_size": 1}, pool]
            least = 3  # without Affine and Softmax, nothing would say that this is the head
        whole = self.chance(0.7) or (task == "regression" and outputs != 2)
        given = end if whole else end[: self.pick(least, max(least, len(end) - 1))]
        model = {"input": list(shape), "layers": [*body, *given], **({"units": self.units} if self.units else {})}
        return {"format": 1, "task": task, "model": model}, [*body, *end], shape
