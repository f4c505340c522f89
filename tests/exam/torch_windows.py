"""Convolutions, pooling and normalisation within a sample in torch, over images (N, C, H, W) and rows (N, C, L)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

Fields = dict[str, Any]
Tensors = dict[str, torch.Tensor]
CONV = {1: F.conv1d, 2: F.conv2d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d}


def axes(value: Any, count: int) -> tuple[int, ...]:
    """Return one number per axis; of a row the last one counts."""
    given = (value,) if isinstance(value, int) else tuple(value)
    return given * count if len(given) == 1 else given[-count:]


def sides(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the zeros before and behind of padding 'same'."""
    total = max((-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def slid(x: torch.Tensor, f: Fields, weight: torch.Tensor, bias: Any, groups: int) -> torch.Tensor:
    """Return a convolution by the fields of a layer; the sizes of its filters are the weight's."""
    count = x.dim() - 2
    stride, dilation = axes(f.get("stride", 1), count), axes(f.get("dilation", 1), count)
    if f.get("padding", 0) == "same":
        each = zip(x.shape[2:], weight.shape[2:], stride, dilation, strict=True)
        x = F.pad(x, [n for pair in reversed([sides(*one) for one in each]) for n in pair])
        return CONV[count](x, weight, bias, stride, 0, dilation, groups)
    return CONV[count](x, weight, bias, stride, axes(f.get("padding", 0), count), dilation, groups)


def separable(x: torch.Tensor, f: Fields, p: Tensors) -> torch.Tensor:
    middle = slid(x, f, p["depthwise_weight"], None, x.shape[1])
    return CONV[x.dim() - 2](middle, p["pointwise_weight"], p.get("bias"))


def painted(x: torch.Tensor, f: Fields, p: Tensors) -> torch.Tensor:
    """Return a transposed convolution."""
    count, weight, groups = x.dim() - 2, p["weight"], f.get("groups", 1)
    stride, dilation = axes(f.get("stride", 1), count), axes(f.get("dilation", 1), count)
    if f.get("padding", 0) != "same":
        how = (stride, axes(f.get("padding", 0), count), axes(f.get("output_padding", 0), count), groups, dilation)
        return TRANSPOSED[count](x, weight, p.get("bias"), *how)
    full = TRANSPOSED[count](x, weight, None, stride, 0, 0, groups, dilation)
    cut: list[int] = []
    for a in reversed(range(count)):
        wanted = x.shape[2 + a] * stride[a]
        before = sides(wanted, weight.shape[2 + a], stride[a], dilation[a])[0]
        cut += [-before, wanted - full.shape[2 + a] + before]
    y = F.pad(full, cut)
    return y + p["bias"].view(1, -1, *[1] * count) if "bias" in p else y


def summed(x: torch.Tensor, kernel: Any, stride: Any, f: Fields) -> torch.Tensor:
    """Return the sums of windows over an image."""
    padding = f.get("padding", 0)
    if padding == "same":
        each = [sides(x.shape[2 + a], kernel[a], stride[a], 1) for a in (1, 0)]
        return F.avg_pool2d(F.pad(x, [n for pair in each for n in pair]), kernel, stride, divisor_override=1)
    return F.avg_pool2d(x, kernel, stride, axes(padding, 2), f.get("ceil_mode", False), True, 1)


def larger(x: torch.Tensor, f: Fields, p: Tensors) -> torch.Tensor:
    """Return an Upsample."""
    count = x.dim() - 2
    factor, corners = [float(n) for n in axes(f.get("scale", 2), count)], f.get("align_corners", False)
    if f.get("mode", "nearest") == "nearest":
        return F.interpolate(x, scale_factor=factor, mode="nearest")
    size = [int(n * s) for n, s in zip(factor, x.shape[2:], strict=True)]
    return F.interpolate(x, size=size, mode={1: "linear", 2: "bilinear"}[count], align_corners=corners)


def repeated(x: torch.Tensor, f: Fields, p: Tensors) -> torch.Tensor:
    """Return an Unpooling."""
    for a, times in enumerate(axes(f.get("kernel_size", 2), x.dim() - 2)):
        x = x.repeat_interleave(times, 2 + a)
    return x


def local_response(x: torch.Tensor, f: Fields, p: Tensors) -> torch.Tensor:
    size = f.get("size", 5)  # torch takes the mean of the squares, tsumiki and the paper their sum
    wide = x if x.dim() > 2 else x[:, :, None]
    how = (size, size * f.get("alpha", 1e-4), f.get("beta", 0.75), f.get("k", 2.0))
    return F.local_response_norm(wide, *how).reshape(x.shape)


def one_value(count: int) -> None:
    if count < 2:
        raise RuntimeError("a single value cannot be normalised: an error of the document")


def layer_norm(x: torch.Tensor, f: Fields, p: Tensors) -> torch.Tensor:
    pixel, epsilon = f.get("over", "sample") == "channels", f.get("epsilon", 1e-5)
    one_value(x.shape[1] if pixel else x[0].numel())
    if pixel:
        return F.layer_norm(x.movedim(1, -1), (x.shape[1],), p.get("gamma"), p.get("beta"), epsilon).movedim(-1, 1)
    return F.layer_norm(x, x.shape[1:], p.get("gamma"), p.get("beta"), epsilon)


def rms_norm(x: torch.Tensor, f: Fields, p: Tensors) -> torch.Tensor:
    epsilon = f.get("epsilon", 1e-6)
    if f.get("over", "channels") == "channels":
        return F.rms_norm(x.movedim(1, -1), (x.shape[1],), p.get("gamma"), epsilon).movedim(-1, 1)
    return F.rms_norm(x, x.shape[1:], p.get("gamma"), epsilon)


def group_norm(x: torch.Tensor, f: Fields, p: Tensors) -> torch.Tensor:
    groups = f.get("groups", 8)
    if x.shape[1] % groups:
        raise RuntimeError("the groups do not divide the channels")
    one_value(x[0].numel() // groups)
    return F.group_norm(x, groups, p.get("gamma"), p.get("beta"), f.get("epsilon", 1e-5))


def instance_norm(x: torch.Tensor, f: Fields, p: Tensors) -> torch.Tensor:
    if x.dim() < 3:
        raise RuntimeError("no image")
    one_value(x[0, 0].numel())
    return F.instance_norm(x, None, None, p.get("gamma"), p.get("beta"), True, 0.1, f.get("epsilon", 1e-5))


def unit_length(x: torch.Tensor, f: Fields, p: Tensors) -> torch.Tensor:
    over = 1 if f.get("over", "channels") == "channels" else tuple(range(1, x.dim()))
    return x / torch.sqrt((x**2).sum(over, keepdim=True) + f.get("epsilon", 1e-12))


def over_pixels(reduce: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    return lambda x, f, p: reduce(x, tuple(range(2, x.dim())), keepdim=True)


FORWARD: dict[str, Callable[[torch.Tensor, Fields, Tensors], torch.Tensor]] = {
    "Convolution": lambda x, f, p: slid(x, f, p["weight"], p.get("bias"), f.get("groups", 1)),
    "DepthwiseConvolution": lambda x, f, p: slid(x, f, p["weight"], p.get("bias"), x.shape[1]),
    "SeparableConvolution": separable,
    "Deconvolution": painted,
    "GlobalAveragePooling": over_pixels(torch.mean),
    "GlobalMaxPooling": over_pixels(torch.amax),
    "Unpooling": repeated,
    "Upsample": larger,
    "LRN": local_response,
    "LayerNormalization": layer_norm,
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "RMSNormalization": rms_norm,
    "L2Normalization": unit_length,
}
"""Layer -> its value, from its input, its fields and its parameters."""


KINDS = (*FORWARD, "MaxPooling", "AveragePooling", "SumPooling", "Subsampling")
"""What is examined in networks of its own."""


def needed(kind: str, f: Fields, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]] | None:
    """Return the parameters of one of these layers, None for all others."""
    count, c = len(shape) - 1, shape[0]
    kernel = axes(f.get("kernel_size", 3), count) if count else ()
    shift = {"bias": (f.get("out_channels", 0),)} if f.get("bias", True) else {}
    if kind == "Convolution":
        return {"weight": (f["out_channels"], c // f.get("groups", 1), *kernel)} | shift
    if kind == "Deconvolution":
        return {"weight": (c, f["out_channels"] // f.get("groups", 1), *kernel)} | shift
    if kind in ("DepthwiseConvolution", "SeparableConvolution"):
        middle = c * f.get("multiplier", 1)
        first = (middle, 1, *kernel)
        if kind == "DepthwiseConvolution":
            return {"weight": first} | ({"bias": (middle,)} if f.get("bias", True) else {})
        return {"depthwise_weight": first, "pointwise_weight": (f["out_channels"], middle, *[1] * count)} | shift
    if kind == "Subsampling":
        return {"scale": (c,), "bias": (c,)}
    if kind in ("GroupNormalization", "InstanceNormalization", "LayerNormalization", "RMSNormalization"):
        if not f.get("affine", True):
            return {}
        usual = {"LayerNormalization": "sample", "RMSNormalization": "channels"}.get(kind, "channels")
        size = (c,) if f.get("over", usual) == "channels" else shape
        return {"gamma": size} | ({} if kind == "RMSNormalization" else {"beta": size})
    return None


class Windows:
    """Draws one of these layers; `Draw` in torch_documents.py is made of it."""

    rng: np.random.Generator

    def pick(self, *values: Any) -> Any:
        raise NotImplementedError  # of Draw

    def some(self, **fields: Any) -> dict[str, Any]:
        raise NotImplementedError  # of Draw

    def size(self, low: int, high: int) -> Any:
        raise NotImplementedError  # of Draw

    def pooling(self) -> dict[str, Any]:
        raise NotImplementedError  # of Draw

    def of_type(self, kind: str, shape: tuple[int, ...]) -> dict[str, Any]:
        """Return a layer of this type with random fields."""
        if kind == "Convolution":
            return {"type": kind, "out_channels": int(self.rng.integers(1, 9)), **self.sliding(shape)}
        if kind == "GlobalAveragePooling":
            return {"type": kind}
        while True:
            entry = self.pooling() if kind in ("MaxPooling", "AveragePooling") and len(shape) == 3 else {}
            if kind in ("MaxPooling", "AveragePooling") and len(shape) == 2:
                entry = {"type": kind, "kernel_size": int(self.rng.integers(1, 4)), **self.some(ceil_mode=True)}
            elif not entry:
                entry = self.pick(self.window(shape), self.normalisation(shape))
            if entry["type"] == kind:
                return entry

    def sizes(self, low: int, high: int, shape: tuple[int, ...]) -> Any:
        """Return a size for every axis, as one number or two."""
        return self.size(low, high) if len(shape) == 3 else self.pick(int(self.rng.integers(low, high + 1)), [low])

    def sliding(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Return the fields of a convolution."""
        margin = self.pick("same", self.sizes(0, 3, shape))
        return {"kernel_size": self.sizes(1, 5, shape)} | self.some(
            stride=self.sizes(1, 3, shape), padding=margin, dilation=self.sizes(1, 3, shape), bias=False
        )

    def painting(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Return a Deconvolution."""
        groups = self.pick(1, 1, *[g for g in (2, 3) if shape[0] % g == 0])
        fields = self.sliding(shape) | {"out_channels": groups * int(self.rng.integers(1, 5))}
        if fields.get("padding") != "same":
            fields |= self.some(output_padding=1)
        return {"type": "Deconvolution", **fields} | ({"groups": groups} if groups > 1 else {})

    def window(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Return one layer for images and rows."""
        kind = self.pick(
            "DepthwiseConvolution", "SeparableConvolution", "Deconvolution", "SumPooling", "Subsampling", "Unpooling",
            "Upsample", "GlobalMaxPooling",
        )  # fmt: skip
        if kind == "Deconvolution":
            return self.painting(shape)
        if kind in ("DepthwiseConvolution", "SeparableConvolution"):
            out = {"out_channels": int(self.rng.integers(1, 9))} if kind == "SeparableConvolution" else {}
            return {"type": kind, **out, **self.sliding(shape), **self.some(multiplier=2)}
        if kind in ("SumPooling", "Subsampling"):
            kernel = self.sizes(1, 3, shape)
            least = min(axes(kernel, 2))
            margin = self.pick("same", least // 2)
            fields = {"kernel_size": kernel} | self.some(stride=self.sizes(1, 3, shape), padding=margin)
            return {"type": kind, **fields} | (self.some(ceil_mode=True) if fields.get("padding") != "same" else {})
        if kind == "Unpooling":
            return {"type": kind, "kernel_size": self.sizes(1, 3, shape)}
        if kind == "Upsample":
            mode = self.pick("nearest", "bilinear")
            corners = self.some(align_corners=True) if mode == "bilinear" else {}
            return {"type": kind, "mode": mode, "scale": self.sizes(1, 3, shape), **corners}
        return {"type": kind}

    def normalisation(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Return one layer that normalises within a sample."""
        kind = self.pick("LayerNormalization", "GroupNormalization", "InstanceNormalization", "RMSNormalization",
                         "L2Normalization", "LRN")  # fmt: skip
        # Far from 0: of few values that are alike, float32 would keep nothing.
        epsilon = {"epsilon": self.pick(0.01, 0.1)}
        if kind == "LRN":
            return {"type": kind, **self.some(size=self.pick(1, 3, 7), alpha=0.3, beta=self.pick(0.5, 1.2), k=1.5)}
        if kind == "L2Normalization":
            return {"type": kind, **epsilon, **self.some(over="sample")}
        fields = epsilon | self.some(affine=False)
        if kind == "GroupNormalization":
            fields["groups"] = self.pick(*[g for g in range(1, shape[0] + 1) if shape[0] % g == 0])
        elif kind == "LayerNormalization":
            fields |= self.some(over="channels")
        elif kind == "RMSNormalization":
            fields |= self.some(over="sample")
        return {"type": kind, **fields}
