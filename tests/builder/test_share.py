"""Layers that use another's parameters: one set of numbers, gradients that add up, counts that count once."""

from __future__ import annotations

from typing import Any

import engine_harness as engine
import numpy as np
import pytest

import builder
from builder.session import Session
from schemas.errors import DocumentError
from schemas.patch import apply
from schemas.training import Adam


def document(layers: list[dict[str, Any]], shape: tuple[int, ...], **model: Any) -> dict[str, Any]:
    return {"format": 1, "task": "regression", "model": {"input": list(shape), "layers": layers, **model}}


def conv(**fields: Any) -> dict[str, Any]:
    return {"type": "Convolution", "out_channels": 2, "padding": 1, **fields}


def affine(count: int = 1, **fields: Any) -> dict[str, Any]:
    return {"type": "Affine", "out_features": count, **fields}


LOSS = {"type": "SquaredError"}
STACKS: dict[str, tuple[list[dict[str, Any]], tuple[int, ...]]] = {
    "convolutions": ([conv(name="a"), {"type": "Tanh"}, conv(share="a"), {"type": "ReLU"}, affine(), LOSS], (2, 5, 4)),
    "the later one has them": ([conv(share="a"), {"type": "Tanh"}, conv(name="a"), affine(), LOSS], (2, 5, 4)),
    "three uses": ([conv(name="a"), conv(share="a"), conv(share="a"), affine(), LOSS], (2, 5, 4)),
    "rows": ([conv(name="a"), {"type": "Tanh"}, conv(share="a"), affine(), LOSS], (2, 9)),
    "depthwise": (
        [
            {"type": "DepthwiseConvolution", "name": "a", "padding": 1},
            {"type": "Tanh"},
            {"type": "DepthwiseConvolution", "share": "a", "padding": "same", "dilation": 2},
            affine(),
            LOSS,
        ],
        (3, 5, 5),
    ),
    "normalisation": (
        [
            {"type": "LayerNormalization", "name": "a"},
            {"type": "Tanh"},
            {"type": "LayerNormalization", "share": "a"},
            affine(),
            LOSS,
        ],
        (2, 3, 3),
    ),
    "a bias that has no effect in one place": (
        [conv(name="a"), {"type": "BatchNormalization"}, conv(share="a"), {"type": "ReLU"}, affine(), LOSS],
        (2, 5, 4),
    ),
    "batch normalisation": (
        [
            {"type": "BatchNormalization", "name": "a", "epsilon": 0.1},
            {"type": "Tanh"},
            {"type": "BatchNormalization", "share": "a", "epsilon": 0.1},
            affine(),
            LOSS,
        ],
        (3, 4, 4),
    ),
    "affine over an image and over its values": (
        [
            affine(12, name="a"),
            {"type": "Tanh"},
            affine(12, share="a"),
            {"type": "Reshape", "shape": [2, 3, 2]},
            {"type": "Tanh"},
            affine(12, share="a"),
            affine(),
            LOSS,
        ],
        (3, 2, 2),
    ),
    "every round of a Repeat": (
        [
            conv(name="a"),
            {"type": "Repeat", "n": 3, "layers": [conv(share="a"), {"type": "Tanh"}]},
            affine(),
            LOSS,
        ],
        (2, 5, 4),
    ),
    "within a unit": (
        [
            {"type": "Unit", "unit": "twice"},
            {"type": "Unit", "unit": "twice"},
            affine(),
            LOSS,
        ],
        (2, 5, 4),
    ),
    "first layers that are pooled": (
        [
            conv(name="a", stride=2),
            {"type": "MaxPooling", "name": "left"},
            conv(share="a", stride=2, inputs=["Input"]),
            {"type": "ReLU"},
            {"type": "MaxPooling", "name": "right"},
            {"type": "Multiply", "inputs": ["left", "right"]},
            affine(),
            LOSS,
        ],
        (2, 9, 8),
    ),
    "siamese": (
        [
            conv(name="a"),
            {"type": "Tanh", "name": "left"},
            {"type": "Sigmoid", "name": "other", "inputs": ["Input"]},
            conv(share="a"),
            {"type": "Tanh", "name": "right"},
            {"type": "Multiply", "inputs": ["left", "right"]},
            affine(),
            LOSS,
        ],
        (2, 5, 4),
    ),
}
UNITS = {"twice": {"layers": [conv(name="u"), {"type": "Tanh"}, conv(share="u")]}}


@pytest.mark.parametrize("name", STACKS)
def test_gradients_of_all_uses_add_up(name: str) -> None:
    layers, shape = STACKS[name]
    raw = document(layers, shape, **({"units": UNITS} if name == "within a unit" else {}))
    net = builder.compile(raw, seed=1, dtype="float64")
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((4, *shape)), rng.standard_normal((4, 1))
    for key in net.params:
        if not key.endswith(("/mean", "/variance")):
            net.params[key] = net.params[key] + 0.3 * rng.standard_normal(net.params[key].shape)
    found = net.gradient(x, t)
    assert sorted(found) == sorted(net.trained)
    for key, gradient in found.items():
        values = net.params[key]

        def run(key: str = key, values: np.ndarray = values) -> float:
            net.params[key] = values
            return float(net.loss(x, t, training=True))

        for i, slope in engine.numeric(run, values, rng, 4):
            np.testing.assert_allclose(gradient.reshape(-1)[i], slope, rtol=1e-5, atol=1e-7, err_msg=f"{key} {i}")
        net.params[key] = values
    again = net.gradient(x, t)
    assert all((found[key] == again[key]).all() for key in found)


@pytest.mark.parametrize("name", STACKS)
def test_counts_count_once(name: str) -> None:
    layers, shape = STACKS[name]
    raw = document(layers, shape, **({"units": UNITS} if name == "within a unit" else {}))
    report, net = builder.check(raw), builder.compile(raw)
    held = {key: value.size for key, value in net.params.items() if not key.endswith(("/mean", "/variance"))}
    assert report.totals["parameters"] == sum(held.values())
    assert {key.rpartition("/")[0] for key in net.params} == {i.name for i in report.layers if i.parameters}
    assert all(info.parameters == 0 for info in report.layers if info.share is not None)
    assert {"within a unit": 2, "every round of a Repeat": 3}.get(name, 1) <= sum(
        info.share is not None for info in report.layers
    )


def test_one_layer_twice_is_two_layers_with_the_same_numbers() -> None:
    twice = [affine(6, name="a"), {"type": "Tanh"}, affine(6, share="a"), affine(name="end"), LOSS]
    apart = [affine(6, name="a"), {"type": "Tanh"}, affine(6, name="b"), affine(name="end"), LOSS]
    one, two = (builder.compile(document(layers, (6,)), seed=3, dtype="float64") for layers in (twice, apart))
    for key in two.params:
        two.params[key] = one.params[key.replace("b/", "a/")]
    rng = np.random.default_rng(1)
    x, t = rng.standard_normal((7, 6)), rng.standard_normal((7, 1))
    np.testing.assert_allclose(one.predict(x), two.predict(x), rtol=1e-13)
    shared, single = one.gradient(x, t), two.gradient(x, t)
    for name in ("weight", "bias"):
        np.testing.assert_allclose(shared[f"a/{name}"], single[f"a/{name}"] + single[f"b/{name}"], rtol=1e-12)


@pytest.mark.parametrize("clip", [None, 1e6])
def test_training_moves_the_one_set_that_there_is(clip: float | None) -> None:
    """With nothing between gradient and step an Affine is updated while its gradient is made; not a shared one."""
    layers = [affine(40, name="a"), {"type": "Tanh"}, affine(40, share="a"), affine(name="end"), LOSS]
    net = builder.compile(document(layers, (40,)), seed=3)
    session = Session(net, 8, Adam(), clip_norm=clip)
    rng = np.random.default_rng(1)
    x, t = rng.standard_normal((8, 40)).astype(np.float32), rng.standard_normal((8, 1)).astype(np.float32)
    before = {key: value.copy() for key, value in net.params.items()}
    gradient = net.gradient(x, t)
    session.step(x, t, learning_rate=0.01)
    for key, value in net.params.items():
        # Adam's first step is the learning rate against the gradient's sign.
        clear = np.abs(gradient[key]) > 1e-4
        np.testing.assert_allclose((value - before[key])[clear], -0.01 * np.sign(gradient[key])[clear], rtol=1e-2)
    losses = [session.step(x, t, learning_rate=0.01) for _ in range(50)]
    assert losses[-1] < 0.2 * losses[0]


def test_a_use_that_is_not_trainable_adds_nothing() -> None:
    layers = [affine(6, name="a"), {"type": "Tanh"}, affine(6, share="a", trainable=False), affine(name="end"), LOSS]
    apart = [affine(6, name="a"), {"type": "Tanh"}, affine(6, name="b"), affine(name="end"), LOSS]
    one, two = (builder.compile(document(stack, (6,)), seed=3, dtype="float64") for stack in (layers, apart))
    for key in two.params:
        two.params[key] = one.params[key.replace("b/", "a/")]
    x, t = np.ones((2, 6)), np.ones((2, 1))
    np.testing.assert_allclose(one.gradient(x, t)["a/weight"], two.gradient(x, t)["a/weight"], rtol=1e-12)


def test_a_saved_network_holds_them_once(tmp_path: Any) -> None:
    layers, shape = STACKS["three uses"]
    net = builder.compile(document(layers, shape), seed=5)
    net.save(tmp_path / "net.safetensors")
    again = builder.load(tmp_path / "net.safetensors")
    x = np.random.default_rng(0).standard_normal((3, *shape)).astype(np.float32)
    assert sorted(again.params) == ["Affine_1/bias", "Affine_1/weight", "a/bias", "a/weight"]
    assert (net.predict(x) == again.predict(x)).all()


BROKEN = [
    ("unknown_share", [conv(name="aa"), conv(share="ab")], 1, "Share with aa"),
    ("unknown_share", [conv(name="q"), conv(share="other")], 1, "Share with q"),
    ("share_itself", [conv(name="a", share="a")], 0, "Let a have its own parameters"),
    ("share_type", [{"type": "ReLU", "name": "a"}, conv(share="a")], 1, "Let Convolution_1 have its own parameters"),
    ("share_type", [conv(name="b"), conv(share="Input")], 1, "Share with b"),
    ("share_chain", [conv(name="a"), conv(name="b", share="a"), conv(share="b")], 2, "Share with a"),
    ("share_nothing", [{"type": "ReLU", "name": "a"}, {"type": "ReLU", "share": "a"}], 1, "Let ReLU_1 have its own"),
    ("share_shape", [conv(name="a"), conv(share="a", kernel_size=1)], 1, "Give Convolution_1 the kernel_size of a"),
    ("share_shape", [conv(name="a", bias=False), conv(share="a")], 1, "Give Convolution_1 the bias of a"),
    ("share_shape", [conv(name="a", out_channels=4), conv(share="a", out_channels=4)], 1, "Let Convolution_1 have"),
    (
        "share_shape",
        [conv(name="z", out_channels=4), conv(name="a", groups=2), conv(share="a")],
        2,
        "Let Convolution_1 have",
    ),
]


@pytest.mark.parametrize(("code", "layers", "place", "title"), BROKEN)
def test_what_cannot_be_shared_is_told_with_a_fix_that_works(
    code: str, layers: list[dict[str, Any]], place: int, title: str
) -> None:
    raw = document([*layers, affine(), LOSS], (2, 4, 4))
    (problem,) = builder.check(raw).errors
    assert (code, f"/model/layers/{place}/share") == (problem.code, problem.pointer)
    assert problem.fixes and problem.fixes[0].title.startswith(title), [fix.title for fix in problem.fixes]
    for fix in problem.fixes:
        assert all(other.code != code for other in builder.check(apply(raw, fix.patch)).errors)
    with pytest.raises(DocumentError):
        builder.compile(raw)


def test_what_a_layer_says_of_another_s_parameters_is_a_warning() -> None:
    def told(**user: Any) -> list[Any]:
        layers = [affine(6, name="a", learning_rate_factor=0.5), affine(6, name="b", share="a", **user), affine(), LOSS]
        raw = document(layers, (6,))
        return [(raw, problem) for problem in builder.check(raw).problems if problem.code == "share_pace"]

    assert not told() and not told(learning_rate_factor=0.5)
    ((raw, problem),) = told(learning_rate_factor=0.1, weight_decay=0.3)
    assert (problem.severity, problem.pointer) == ("warning", "/model/layers/1/learning_rate_factor")
    mended = apply(raw, problem.fixes[0].patch)
    assert not builder.check(mended).problems and mended["model"]["layers"][1].keys() == {
        "type", "out_features", "name", "share",
    }  # fmt: skip
