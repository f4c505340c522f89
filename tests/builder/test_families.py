"""The literature's networks: published counts and shapes, and that functions and examples are the same documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import builder
from builder import families

EXAMPLES = Path(__file__).parents[2] / "examples"

PUBLISHED: dict[str, tuple[Callable[[], dict[str, Any]], int]] = {
    "simple_convnet": (families.simple_convnet, 30 * 25 + 30 + 4320 * 100 + 100 + 100 * 10 + 10),
    "lenet": (families.lenet, 61_706 + 2 * (6 + 16)),
    "lenet5": (families.lenet5, 61_706),
    "alexnet": (families.alexnet, 60_965_224),
    "alexbn": (families.alexbn, 62_378_344 + 2 * (96 + 256)),
    "vgg16": (lambda: families.vgg(16), 138_357_544),
    "vgg19": (lambda: families.vgg(19), 143_667_240),
    "resnet18": (lambda: families.resnet(18), 11_689_512),
    "resnet34": (lambda: families.resnet(34), 21_797_672),
    "resnet50": (lambda: families.resnet(50), 25_557_032),
    "resnet20": (lambda: families.resnet(20), 272_474),
    "binary_cnn": (families.binary_cnn, 160 + 32 + 4_640 + 64 + 128 * 32 + 32 + 33),
    "denoising": (families.denoising, 160 + 16 * 8 * 9 + 8 + 8 * 16 * 9 + 16 + 16 * 9 + 1),
    "regression_cnn": (families.regression_cnn, 160 + 32 + 4_640 + 64 + 128 * 64 + 64 + 65),
    "unet": (
        families.unet,
        sum(9 * a * b + 9 * b * b + 4 * b for a, b in ((1, 16), (16, 32), (32, 64), (64, 32), (32, 16)))
        + (64 * 32 * 4 + 32)
        + (32 * 16 * 4 + 16)
        + (16 * 11 + 11),
    ),
    "mlp": (families.mlp, 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10),
}
"""Example -> the function's document, and its number of trained parameters."""


def parameters(document: Any) -> int:
    report = builder.check(document)
    assert report.ok, report.errors
    return sum(info.parameters or 0 for info in report.layers)


@pytest.mark.parametrize("name", PUBLISHED)
def test_has_the_published_number_of_parameters(name: str) -> None:
    make, count = PUBLISHED[name]
    assert parameters(make()) == count


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_example_holds_what_the_function_returns(name: str) -> None:
    example = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    document = PUBLISHED[name][0]()
    assert example["name"] == document["name"] == name
    assert (example["task"], example["model"]) == (document["task"], document["model"])


def test_fact_8_and_9_alexbn_ends_with_9216_inputs_of_fc6() -> None:
    shapes = builder.check(families.alexbn()).shapes
    assert [shapes[f"MaxPooling_{n}"] for n in (1, 2, 3)] == [(96, 27, 27), (256, 13, 13), (256, 6, 6)]
    assert shapes["Convolution_1"] == (96, 55, 55)
    assert [shapes[f"Affine_{n}"] for n in (1, 2, 3)] == [(4096,), (4096,), (1000,)]
    network = builder.check(families.alexbn())
    assert {row.name: row.weights for row in network.layers}["Affine_1"] == 9216 * 4096


@pytest.mark.parametrize(("depth", "weighted"), [(16, 16), (19, 19)])
def test_fact_15_vgg_has_16_or_19_weighted_layers(depth: int, weighted: int) -> None:
    rows = builder.check(families.vgg(depth)).layers
    assert sum(row.type in ("Convolution", "Affine") for row in rows) == weighted


@pytest.mark.parametrize("depth", [18, 50, 152, 20, 110])
def test_a_resnet_s_depth_counts_its_weighted_layers_but_not_the_projections(depth: int) -> None:
    rows = builder.check(families.resnet(depth)).layers
    projected = {source for row in rows if row.name.endswith("/shortcut") for source in row.inputs}
    weighted = [row for row in rows if row.type in ("Convolution", "Affine") and row.name not in projected]
    assert len(weighted) == depth


def test_fact_9_and_15_alexnet_has_lrn_relu_and_dropout_and_lenet_sigmoid_and_subsampling() -> None:
    def kinds(document: dict[str, Any]) -> list[str]:
        return [layer["type"] for layer in document["model"]["layers"]]

    alexnet = kinds(families.alexnet())
    assert (alexnet.count("LRN"), alexnet.count("Dropout"), alexnet.count("BatchNormalization")) == (2, 2, 0)
    assert alexnet.count("ReLU") == 7
    assert parameters(families.alexnet(groups=1)) == 62_378_344
    assert builder.check(families.alexnet()).shapes["MaxPooling_3"] == (256, 6, 6)
    assert kinds(families.lenet())[:6] == 2 * ["Convolution", "Sigmoid", "Subsampling"]


def test_arguments_change_the_network() -> None:
    document = families.simple_convnet(
        input_dim=(3, 20, 20), conv_param={"filter_num": 8, "filter_size": 3, "pad": 1, "stride": 1},
        hidden_size=50, output_size=4, weight_init_std=0.1,
    )  # fmt: skip
    net = builder.compile(document, seed=0)
    assert net.params["Convolution_1/weight"].shape == (8, 3, 3, 3)
    assert net.params["Affine_1/weight"].shape == (8 * 10 * 10, 50)
    assert net.params["Affine_1/weight"].std() == pytest.approx(0.1, rel=0.05)
    assert net.output_shape == (4,)
    assert parameters(families.resnet(18, (1, 64, 64), 7)) == 11_689_512 - 2 * 64 * 49 - 993 * 513
    assert parameters(families.vgg(11, (3, 32, 32), 10, batch_norm=True, hidden_size=64)) > 9_000_000


def test_sections_are_passed_on() -> None:
    data = {"source": {"type": "builtin", "name": "digits"}}
    document = families.mlp((1, 8, 8), data=data, training={"epochs": 1}, description="mine")
    assert (document["data"], document["training"], document["description"]) == (data, {"epochs": 1}, "mine")
    assert builder.check(document).ok


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: families.vgg(17), "vgg has a depth of 11, 13, 16, 19, but received 17."),
        (lambda: families.resnet(7), "resnet has a depth of 18, 20, 32"),
        (lambda: families.unet((1, 6, 8)), "unet with depth 2 needs height and width that are multiples of 4"),
        (lambda: families.denoising((1, 7, 8)), "height and width must be multiples of 2"),
        (lambda: families.simple_convnet(conv_param={"filters": 3}), "conv_param has filters, but takes filter_num"),
    ],
)
def test_a_wrong_argument_is_said(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()
