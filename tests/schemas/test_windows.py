"""Windows over images and rows, and what is said where they do not fit: worked numbers."""

from __future__ import annotations

from typing import Any

import pytest

import builder
from schemas.errors import ShapeError
from schemas.layer import REGISTRY


def layer(kind: str, **fields: Any) -> Any:
    return REGISTRY[kind].cls.model_validate({"type": kind, **fields})


CONV = {"out_channels": 8}
SHAPES = [
    ("Convolution", {**CONV, "kernel_size": 5}, (3, 40), (8, 36)),
    ("Convolution", {**CONV, "kernel_size": [5], "padding": [2], "stride": [2]}, (3, 40), (8, 20)),
    ("Convolution", {**CONV, "kernel_size": [1, 5], "padding": [0, 2]}, (3, 40), (8, 40)),
    ("Convolution", {**CONV, "padding": "same", "stride": 3, "dilation": 2}, (3, 40), (8, 14)),
    ("DepthwiseConvolution", {"multiplier": 2}, (3, 9, 8), (6, 7, 6)),
    ("SeparableConvolution", CONV, (3, 9, 8), (8, 7, 6)),
    # PyTorch's documentation: ConvTranspose2d(kernel 4, stride 2, padding 1) doubles; Keras' "same" is size * stride.
    ("Deconvolution", {**CONV, "kernel_size": 4, "stride": 2, "padding": 1}, (3, 7, 5), (8, 14, 10)),
    ("Deconvolution", {**CONV, "stride": 2, "padding": 1, "output_padding": 1}, (3, 7, 5), (8, 14, 10)),
    ("Deconvolution", {**CONV, "kernel_size": 2, "stride": 3, "padding": "same"}, (3, 7, 5), (8, 21, 15)),
    ("Deconvolution", {**CONV, "stride": 2}, (3, 7), (8, 15)),
    ("MaxPooling", {"ceil_mode": True}, (3, 7), (3, 4)),
    ("SumPooling", {"kernel_size": 3, "stride": 2}, (3, 7, 9), (3, 3, 4)),
    ("Subsampling", {}, (6, 28, 28), (6, 14, 14)),
    ("GlobalAveragePooling", {}, (6, 28), (6, 1)),
    ("GlobalMaxPooling", {}, (6, 28, 3), (6, 1, 1)),
    ("Unpooling", {"kernel_size": [2, 3]}, (6, 4, 5), (6, 8, 15)),
    ("Upsample", {"scale": 2, "mode": "bilinear"}, (6, 5), (6, 10)),
]


@pytest.mark.parametrize(("kind", "fields", "given", "expected"), SHAPES)
def test_shapes(kind: str, fields: dict[str, Any], given: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert expected == layer(kind, **fields).infer(given)


REFUSED = [
    ("Convolution", {**CONV, "kernel_size": [3, 5]}, (3, 40), "window_not_flat", {"kernel_size": 5}),
    ("Convolution", {**CONV, "padding": [1, 2]}, (3, 40), "window_not_flat", {"padding": 2}),
    ("Convolution", {**CONV, "kernel_size": 7}, (3, 5), "window_too_large", {"padding": 1}),
    ("Convolution", CONV, (40,), "input_not_image", None),
    ("MaxPooling", {"kernel_size": 9}, (3, 5), "window_too_large", {"padding": 2}),
    ("Upsample", {"scale": [2, 3]}, (3, 5), "window_not_flat", {"scale": 3}),
    (
        "Deconvolution",
        {**CONV, "stride": 2, "output_padding": 2},
        (3, 5, 5),
        "output_padding",
        {"output_padding": [1, 1]},
    ),
    ("Deconvolution", {**CONV, "stride": 2, "padding": "same", "output_padding": 1}, (3, 5), "output_padding", None),
    ("Deconvolution", {**CONV, "padding": 3}, (3, 2, 2), "window_too_large", {"padding": [1, 1]}),
    ("Deconvolution", {**CONV, "groups": 2}, (3, 5, 5), "groups_do_not_divide", {"groups": 1}),
    ("LRN", {"size": 4}, (8, 5, 5), "even_size", {"size": 3}),
    ("GroupNormalization", {}, (20, 5, 5), "groups_do_not_divide", {"groups": 10}),
    ("GroupNormalization", {"groups": 4}, (4,), "one_value", None),
    ("InstanceNormalization", {}, (4, 1, 1), "one_value", None),
    ("LayerNormalization", {"over": "channels"}, (1, 5, 5), "one_value", None),
]


@pytest.mark.parametrize(("kind", "fields", "given", "code", "fix"), REFUSED)
def test_what_does_not_fit_is_refused_with_a_fix_that_works(
    kind: str, fields: dict[str, Any], given: tuple[int, ...], code: str, fix: dict[str, Any] | None
) -> None:
    with pytest.raises(ShapeError) as caught:
        layer(kind, **fields).infer(given)
    assert code == caught.value.code
    if fix is not None:
        assert fix == dict(caught.value.fixes[0].fields)
    for one in caught.value.fixes:
        layer(kind, **{**fields, **one.fields}).infer(given)


@pytest.mark.parametrize("kind", ["Convolution", "DepthwiseConvolution", "MaxPooling", "SumPooling", "Subsampling"])
def test_values_of_a_row_that_no_window_sees_are_told(kind: str) -> None:
    made = layer(kind, kernel_size=3, stride=2, **(CONV if kind == "Convolution" else {}))
    (remark,) = made.remarks((4, 8))
    assert "No window reaches 1 value at the end" in remark.what
    for fix in remark.fixes:
        changed = layer(kind, **{**made.model_dump(exclude_unset=True), **fix.fields})
        assert [] == changed.remarks((4, 8))


def report(layers: list[dict[str, Any]], shape: tuple[int, ...]) -> Any:
    found = builder.check({"format": 1, "task": "regression", "model": {"input": list(shape), "layers": layers}})
    assert found.ok, found.errors
    return found


def test_parameters_and_multiply_adds_of_the_literature() -> None:
    # MobileNet's second layer (Howard et al. 2017, table 1): depthwise 3 × 3 × 32 on 112 × 112, then 1 × 1 × 32 × 64.
    layers = [
        {"type": "DepthwiseConvolution", "padding": 1, "bias": False},
        {"type": "Convolution", "out_channels": 64, "kernel_size": 1, "bias": False},
        {"type": "SeparableConvolution", "out_channels": 32, "padding": 1, "bias": False},
        {"type": "Deconvolution", "out_channels": 16, "kernel_size": 2, "stride": 2},
        {"type": "Subsampling"},
    ]
    depthwise, pointwise, separable, up, pooled, *_ = report(layers, (32, 112, 112)).layers
    assert (288, 3_612_672) == (depthwise.weights, depthwise.multiply_adds)
    assert (2048, 25_690_112) == (pointwise.weights, pointwise.multiply_adds)
    assert (64 * 9 + 64 * 32, (64 * 9 + 64 * 32) * 112 * 112) == (separable.weights, separable.multiply_adds)
    assert (32 * 16 * 4, 16, 32 * 16 * 4 * 112 * 112) == (up.weights, up.biases, up.multiply_adds)
    assert (32, 16) == (pooled.parameters, pooled.biases)


def test_lenets_subsampling_has_12_and_32_numbers() -> None:
    layers = [{"type": "Subsampling"}, {"type": "Convolution", "out_channels": 16, "kernel_size": 5}]
    first, _, second, *_ = report([*layers, {"type": "Subsampling"}], (6, 28, 28)).layers
    assert (12, (6, 14, 14), 32, (16, 5, 5)) == (
        first.parameters,
        first.output_shape,
        second.parameters,
        second.output_shape,
    )


def test_receptive_fields_through_an_hourglass() -> None:
    layers = [
        {"type": "Convolution", "name": "a", "out_channels": 4, "padding": 1},
        {"type": "MaxPooling", "name": "b"},
        {"type": "Convolution", "name": "c", "out_channels": 4, "padding": 1},
        {"type": "Unpooling", "name": "d"},
        {"type": "Convolution", "name": "e", "out_channels": 4, "padding": 1},
        {"type": "Deconvolution", "name": "f", "out_channels": 4, "kernel_size": 2, "stride": 2},
    ]
    known = {info.name: info.receptive_field for info in report(layers, (1, 16, 16)).layers}
    # 3, 4, then two steps of 2 beside; each output of d sees what its input saw; e reads 3 of these, 1 pixel apart.
    assert [(3, 3), (4, 4), (8, 8), (8, 8), (10, 10), (10, 10)] == [known[name] for name in "abcdef"]
