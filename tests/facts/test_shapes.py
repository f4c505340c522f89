"""Facts about shapes and counts from the mission's documents, through `builder.check`; the numbers are the facts'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import builder
from schemas.patch import apply

EXAMPLES = Path(__file__).parents[2] / "examples"


def layer(kind: str, /, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


def conv(channels: int, /, **fields: Any) -> dict[str, Any]:
    return layer("Convolution", out_channels=channels, **fields)


def affine(features: int, /) -> dict[str, Any]:
    return layer("Affine", out_features=features)


RELU, BN = layer("ReLU"), layer("BatchNormalization")
POOL3 = layer("MaxPooling", kernel_size=3, stride=2)


def document(layers: list[Any], shape: tuple[int, ...], task: str = "classification") -> dict[str, Any]:
    end = [] if layers[-1]["type"] == "Affine" else [affine(10)]
    model = {"input": list(shape), "layers": [*layers, *end]}
    return {"format": 1, "name": "facts", "task": task, "model": model}


def report(layers: list[Any], shape: tuple[int, ...]) -> Any:
    result = builder.check(document(layers, shape))
    assert result.ok, result.errors
    return result


@pytest.mark.parametrize(
    ("size", "fields", "expected"),
    [(4, {}, 2), (4, {"padding": 1}, 4), (7, {"stride": 2}, 3)],
    ids=["4×4", "4×4 with padding 1", "7×7 with stride 2"],
)
def test_fact_1_output_size(size: int, fields: dict[str, int], expected: int) -> None:
    shapes = report([conv(5, kernel_size=3, **fields)], (1, size, size)).shapes
    assert shapes["Convolution_1"] == (5, expected, expected)


def test_fact_2_a_remainder_is_told_with_what_falls_off_and_a_fix() -> None:
    raw = document([conv(5, kernel_size=3, stride=2)], (1, 8, 8))
    warnings = [problem for problem in builder.check(raw).problems if problem.code == "remainder"]
    assert [problem.severity for problem in warnings] == ["warning"]
    assert "1 row and 1 column" in warnings[0].what
    assert warnings[0].fixes
    for fix in warnings[0].fixes:
        assert "remainder" not in {problem.code for problem in builder.check(apply(raw, fix.patch)).problems}


def test_fact_2_nothing_is_told_where_only_added_zeros_fall_off() -> None:
    """ResNet's and GoogLeNet's stems leave a remainder by design, all of it padding."""
    pool = {"type": "MaxPooling", "kernel_size": 3, "stride": 2, "padding": 1}
    raw = document([conv(64, kernel_size=7, stride=2, padding=3), pool], (3, 224, 224))
    found = builder.check(raw)
    assert (64, 56, 56) == found.shapes["MaxPooling_1"]
    assert "remainder" not in {problem.code for problem in found.problems}


@pytest.mark.parametrize(("kernel", "stride", "size"), [(4, 3, 8), (3, 2, 8), (2, 2, 7), (5, 4, 10)])
def test_fact_2_a_padding_and_a_stride_that_fit_are_offered(kernel: int, stride: int, size: int) -> None:
    raw = document([conv(5, kernel_size=kernel, stride=stride)], (1, size, size))
    (warning,) = [problem for problem in builder.check(raw).problems if problem.code == "remainder"]
    assert any("/padding" in fix.patch[0]["path"] for fix in warning.fixes)
    assert any("/stride" in fix.patch[0]["path"] for fix in warning.fixes)


@pytest.mark.parametrize(
    ("kernel", "stride", "size", "told"),
    [(1, 3, 10, 0), (1, 3, 11, 0), (1, 3, 12, 0), (2, 3, 9, 0), (2, 3, 10, 1), (3, 3, 10, 1)],
)
def test_fact_2_a_window_smaller_than_its_step_loses_no_more_at_the_edge_than_between_two_steps(
    kernel: int, stride: int, size: int, told: int
) -> None:
    raw = document([conv(5, kernel_size=kernel, stride=stride)], (1, size, size))
    assert [problem.code for problem in builder.check(raw).problems].count("remainder") == told


def test_fact_3_filters_have_the_inputs_channels_and_one_bias_each() -> None:
    row = report([conv(7, kernel_size=(5, 4))], (3, 9, 9)).layers[0]
    assert row.output_shape == (7, 5, 6)
    assert (row.weights, row.biases) == (7 * 3 * 5 * 4, 7)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_fact_4_half_the_filter_as_padding_keeps_the_size(size: int) -> None:
    shapes = report([conv(2, kernel_size=size, padding=size // 2)], (1, 11, 9)).shapes
    assert shapes["Convolution_1"] == (2, 11, 9)


@pytest.mark.parametrize("kind", ["MaxPooling", "AveragePooling"])
def test_fact_6_pooling_has_no_parameters_and_keeps_the_channels(kind: str) -> None:
    row = report([layer(kind, kernel_size=3, stride=3)], (5, 6, 6)).layers[0]
    assert row.output_shape == (5, 2, 2) and row.parameters == 0


def test_fact_8_chainers_pooling_rounds_up() -> None:
    pool = {**POOL3, "ceil_mode": True}
    shapes = report([pool, pool, pool], (1, 55, 55)).shapes
    assert [shapes[f"MaxPooling_{n}"] for n in (1, 2, 3)] == [(1, 27, 27), (1, 13, 13), (1, 6, 6)]


@pytest.mark.parametrize("norm", [BN, layer("Identity")], ids=["AlexBN", "AlexNet"])
def test_facts_8_and_9_alexnet_ends_at_256_6_6(norm: dict[str, Any]) -> None:
    pool = {**POOL3, "ceil_mode": True}
    layers = [
        conv(96, kernel_size=11, stride=4), norm, RELU, pool,
        conv(256, kernel_size=5, padding=2), norm, RELU, pool,
        conv(384, kernel_size=3, padding=1), RELU, conv(384, kernel_size=3, padding=1), RELU,
        conv(256, kernel_size=3, padding=1), RELU, pool,
        affine(4096), RELU, layer("Dropout"), affine(4096), RELU, layer("Dropout"), affine(1000),
    ]  # fmt: skip
    result = report(layers, (3, 227, 227))
    assert result.shapes["Convolution_1"] == (96, 55, 55)
    assert result.shapes["MaxPooling_3"] == (256, 6, 6)
    rows = {row.name: row for row in result.layers}
    assert rows["Affine_1"].weights == 9216 * 4096
    assert rows["Affine_3"].output_shape == (1000,)


def test_fact_10_batch_normalization_has_its_inputs_channels() -> None:
    result = report([conv(6), BN, affine(8), BN], (1, 8, 8))
    rows = {row.name: row for row in result.layers}
    assert (rows["BatchNormalization_1"].parameters, rows["BatchNormalization_1"].statistics) == (12, 12)
    assert (rows["BatchNormalization_2"].parameters, rows["BatchNormalization_2"].statistics) == (16, 16)


def test_fact_11_the_articles_network() -> None:
    result = builder.check(EXAMPLES / "nnc_article.json")
    assert result.problems == ()
    rows = {row.name: row for row in result.layers}
    assert result.input_shape == (1, 100, 248)
    assert rows["MaxPooling_2"].output_shape == (32, 25, 62)
    assert rows["Affine_1"].inputs == ("MaxPooling_2",) and 32 * 25 * 62 == 49_600
    assert (rows["Affine_1"].weights, rows["Affine_1"].biases) == (3_620_800, 73)
    assert rows["Affine_1"].output_shape == (73,)
    assert result.shapes["CategoricalCrossEntropy_1"] == ()
    # A 3×3 filter on one channel shares 9 weights among all positions.
    assert rows["Convolution_1"].weights == 16 * 9


@pytest.mark.parametrize(
    ("task", "width", "head"),
    [
        ("binary", 1, ["Sigmoid", "BinaryCrossEntropy"]),
        ("classification", 10, ["Softmax", "CategoricalCrossEntropy"]),
        ("regression", 1, ["SquaredError"]),
    ],
)
def test_fact_12_each_task_has_its_head_and_loss(task: str, width: int, head: list[str]) -> None:
    raw = document([affine(5), RELU, affine(width)], (4,), task)
    result = builder.check(raw)
    assert result.ok
    assert [row.type for row in result.layers[3:]] == head
    assert [entry["type"] for entry in result.document["model"]["layers"][3:]] == head


def test_fact_12_the_table_is_a_default_not_a_law() -> None:
    raw = document([affine(10)], (4,))
    raw["model"]["layers"] += [layer("Softmax"), layer("SquaredError")]
    result = builder.check(raw)
    assert result.ok and result.network.loss == "SquaredError_1"


def test_fact_13_simple_conv_net() -> None:
    gauss = {"weight_initializer": {"type": "gaussian", "std": 0.01}}
    layers = [
        conv(30, kernel_size=5, **gauss), RELU, layer("MaxPooling", kernel_size=2, stride=2),
        {**affine(100), **gauss}, RELU, {**affine(10), **gauss},
    ]  # fmt: skip
    rows = {row.name: row for row in report(layers, (1, 28, 28)).layers}
    assert (rows["Convolution_1"].weights, rows["Convolution_1"].biases) == (30 * 1 * 5 * 5, 30)
    assert (rows["Affine_1"].weights, rows["Affine_1"].biases) == (4320 * 100, 100)
    assert (rows["Affine_2"].weights, rows["Affine_2"].biases) == (100 * 10, 10)


@pytest.mark.parametrize(("depth", "blocks"), [(16, (2, 2, 3, 3, 3)), (19, (2, 2, 4, 4, 4))])
def test_fact_15_vgg_has_16_or_19_layers_with_weights(depth: int, blocks: tuple[int, ...]) -> None:
    layers: list[Any] = []
    for channels, times in zip((64, 128, 256, 512, 512), blocks, strict=True):
        layers += [layer("Repeat", n=times, layers=[conv(channels, padding=1), RELU]), layer("MaxPooling")]
    layers += [affine(4096), RELU, layer("Dropout"), affine(4096), RELU, layer("Dropout"), affine(1000)]
    result = report(layers, (3, 224, 224))
    assert sum(row.weights > 0 for row in result.layers) == depth
    # Simonyan and Zisserman 2015, table 2: 138 and 144 million parameters.
    assert round(result.totals["parameters"] / 1e6) == {16: 138, 19: 144}[depth]
