"""Costs against numbers from the literature, and the limits of what a check may take."""

from __future__ import annotations

import time

import pytest
from check_documents import END, affine, conv, document, layer, resnet50

import builder
from builder.cost import Settings, estimate
from schemas.errors import DocumentError


def test_resnet50_has_the_numbers_of_the_literature() -> None:
    report = builder.check(resnet50())
    assert report.ok
    totals = report.totals
    # torchvision's resnet50: 25,557,032 parameters, 53,120 running statistics, 4.09 G multiply-adds.
    assert totals["parameters"] == 25_557_032
    assert totals["statistics"] == 53_120
    assert totals["multiply_adds"] == 4_089_184_256
    by_name = {info.name: info for info in report.layers}
    assert by_name["stem"].receptive_field == (11, 11)
    # Araujo, Norris and Sim 2019, table of receptive fields: 483 for ResNet-v2-50's last block, stride in its 3×3.
    assert by_name["out16"].receptive_field == (427, 427)


def test_a_check_of_resnet50_is_fast() -> None:
    raw = resnet50()
    raw["training"] = {"batch_size": 1, "evaluation_batch_size": 1}
    builder.check(raw)
    start = time.process_time()
    builder.check({**raw, "model": {**raw["model"], "input": [3, 225, 225]}})
    assert time.process_time() - start < 0.5  # about 0.02 s alone; the limit leaves room for a busy machine


def test_parameters_weights_biases_and_statistics_are_apart() -> None:
    report = builder.check(
        document([conv(6, groups=1), layer("BatchNormalization"), affine(10, bias=False, trainable=False), *END[1:]])
    )
    rows = {info.name: info for info in report.layers}
    assert (rows["Convolution_1"].weights, rows["Convolution_1"].biases) == (54, 6)
    norm = rows["BatchNormalization_1"]
    assert (norm.parameters, norm.weights, norm.biases, norm.statistics) == (12, 0, 0, 12)
    assert (rows["Affine_1"].parameters, rows["Affine_1"].biases) == (6 * 6 * 6 * 10, 0)
    totals = report.totals
    assert totals["parameters"] == 60 + 12 + 2160
    assert totals["frozen"] == 2160 and totals["trainable"] == 72


def test_one_sample_in_float32() -> None:
    row = builder.check(document([conv(6), *END])).layers[0]
    assert row.activation_bytes == 6 * 6 * 6 * 4
    assert row.multiply_adds == 6 * 6 * 6 * 9


def test_json_has_exactly_the_agreed_keys() -> None:
    data = builder.check(document([layer("Relu"), *END])).to_json()
    assert list(data) == ["problems", "layers", "totals"]
    assert set(data["problems"][0]) == {"code", "severity", "pointer", "layer", "what", "why", "fixes"}
    assert set(data["problems"][0]["fixes"][0]) == {"title", "patch"}
    assert set(data["layers"][0]) == {
        "name", "type", "inputs", "output_shape", "parameters", "weights", "biases", "multiply_adds",
        "activation_bytes",
    }  # fmt: skip
    assert data["layers"][0]["output_shape"] is None and data["layers"][0]["parameters"] is None
    assert set(data["totals"]) == {
        "parameters", "weights", "biases", "statistics", "trainable", "frozen", "multiply_adds", "activation_bytes",
        "peak_training_bytes",
    }  # fmt: skip
    assert data["totals"]["peak_training_bytes"] is None


def test_the_compiler_gets_layers_in_order_or_an_error() -> None:
    network = builder.check(document([conv(6), affine(10)])).network
    assert [item.name for item in network.layers] == [
        "Convolution_1", "Affine_1", "Softmax_1", "CategoricalCrossEntropy_1",
    ]  # fmt: skip
    assert (network.output, network.loss, network.task) == ("Softmax_1", "CategoricalCrossEntropy_1", "classification")
    assert network.layers[0].inputs == ("Input",) and network.input_shape == (1, 8, 8)
    with pytest.raises(DocumentError) as raised:
        _ = builder.check(document([layer("Relu"), *END])).network
    assert raised.value.problems[0].code == "unknown_type"


@pytest.mark.parametrize(
    "layers",
    [
        [affine(2**24), affine(2**24)],
        [conv(65536, padding=65536), conv(65536, padding=65536, kernel_size=65536), affine(2**24)],
        [item for _ in range(60) for item in (layer("Concatenate", inputs=["Input", "Input"]), layer("Identity"))],
        [layer("Concatenate", inputs=["Input"] * 1000)]
        + [layer("Concatenate", inputs=[f"Concatenate_{i}"] * 1000) for i in range(1, 500)],
    ],
    ids=["weights", "pixels", "wide", "wider"],
)
def test_a_huge_document_is_refused_without_allocating_it(layers) -> None:
    start = time.process_time()
    report = builder.check(document([*layers, *END], (1, 64, 64)))
    assert not report.ok
    assert time.process_time() - start < 10  # with the arrays it would be minutes, and no memory
    assert {problem.code for problem in report.errors} <= {"out_of_memory", "too_large", "unread_layer"}


def test_memory_grows_with_batch_and_optimizer() -> None:
    layers = builder.check(document([conv(6), *END])).layers
    small = estimate(layers, (1, 8, 8), Settings(batch=1))
    assert estimate(layers, (1, 8, 8), Settings(batch=100)) > small
    assert estimate(layers, (1, 8, 8), Settings(batch=1, optimizer="SGD")) < small
    assert Settings.of({"training": {"batch_size": True, "optimizer": {"type": "Nobody"}}}) == Settings()
