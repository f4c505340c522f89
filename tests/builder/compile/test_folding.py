"""In use: normalisation folded into weights, weights prepared once, few samples, arrays read where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import builder
from builder.compile.fuse import RULES
from builder.compile.program import Program
from builder.kernels.tiles import twin_affine_forward
from builder.network import Network

CONVOLUTION = {"type": "Convolution", "out_channels": 6, "kernel_size": 3, "padding": 1}
NORM = {"type": "BatchNormalization"}
STACKS: dict[str, list[dict[str, Any]]] = {
    "convolution": [CONVOLUTION, NORM, {"type": "ReLU"}, {"type": "MaxPooling"}],
    "groups without bias": [{**CONVOLUTION, "groups": 2, "bias": False}, NORM, {"type": "Tanh"}],
    "depthwise": [{**CONVOLUTION, "out_channels": 4, "groups": 4}, NORM, {"type": "ReLU"}],
    "affine": [{"type": "Affine", "out_features": 7}, NORM, {"type": "ReLU"}],
    "winograd": [
        {**CONVOLUTION, "out_channels": 24},
        NORM,
        {**CONVOLUTION, "out_channels": 24},
        NORM,
        {"type": "ReLU"},
    ],
    "rows": [{"type": "Reshape", "shape": [4, 120]}, CONVOLUTION, NORM, {**CONVOLUTION, "groups": 3}, NORM],
    "depthwise, separable and subsampling": [
        {"type": "DepthwiseConvolution", "multiplier": 2, "padding": 1},
        NORM,
        {"type": "SeparableConvolution", "out_channels": 6},
        NORM,
        {"type": "Subsampling"},
        NORM,
        {"type": "Tanh"},
    ],
    "shared": [
        {**CONVOLUTION, "out_channels": 4, "name": "a"},
        {"type": "BatchNormalization", "name": "n"},
        {**CONVOLUTION, "out_channels": 4, "share": "a"},
        {"type": "BatchNormalization", "share": "n"},
        {**CONVOLUTION, "out_channels": 4, "share": "a"},
        NORM,
    ],
    "twice": [{"type": "Affine", "out_features": 7}, NORM, NORM, {"type": "ReLU"}],
    "painted": [{"type": "Deconvolution", "out_channels": 6, "stride": 2}, NORM, {"type": "ReLU"}],
    "first": [NORM, CONVOLUTION],
    "sum": [
        {**CONVOLUTION, "name": "a", "inputs": ["Input"]},
        {"type": "BatchNormalization", "name": "m"},
        {**CONVOLUTION, "name": "b", "inputs": ["Input"]},
        {"type": "BatchNormalization", "name": "n"},
        {"type": "Add", "inputs": ["m", "n"]},
        {"type": "ReLU"},
    ],
    "read twice": [
        {**CONVOLUTION, "name": "a"},
        {"type": "BatchNormalization", "name": "n"},
        {"type": "Concatenate", "inputs": ["a", "n"]},
    ],
}


def network(layers: list[dict[str, Any]], dtype: str = "float32") -> Network:
    """Return a classifier of 4 x 12 x 10 images whose normalisations have statistics of their own."""
    document = {"format": 1, "task": "classification", "model": {"input": [4, 12, 10], "layers": list(layers)}}
    document["model"]["layers"] += [{"type": "Affine", "out_features": 5}]  # type: ignore[index]
    net, draw = builder.compile(document, seed=1, dtype=dtype), np.random.default_rng(2)
    for key in net.params:
        shape = net.params[key].shape
        if key.endswith(("/variance", "/gamma")):
            net.params[key] = draw.uniform(0.5, 2.0, shape)
        elif key.endswith(("/mean", "/beta", "/bias")):
            net.params[key] = draw.normal(size=shape)
    return net


def unfused(net: Network, x: np.ndarray) -> np.ndarray:
    program = Program(net.graph, net.params, len(x), "predict", without=frozenset(RULES))
    program.feeds.inputs[:] = x
    program.run(1)
    return program.output.copy()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", STACKS)
def test_folded_is_unfolded(name: str, dtype: str) -> None:
    net = network(STACKS[name], dtype)
    x = np.random.default_rng(0).normal(size=(8, 4, 12, 10)).astype(dtype)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    assert np.allclose(unfused(net, x), net.predict(x), rtol=0, atol=tolerance)
    # Only what sums take along, and what has no product before it, is still normalised by itself.
    alone = sum("norm_act_forward" in kernel for kernel in net.program(8, "predict").binder.names)
    assert alone == {"first": 1, "sum": 1, "read twice": 1, "painted": 1, "twice": 1}.get(name, 0)


def test_what_is_made_of_parameters_follows_them() -> None:
    net = network(STACKS["winograd"])
    draw = np.random.default_rng(0)
    x, t = draw.normal(size=(4, 4, 12, 10)).astype(np.float32), draw.integers(0, 5, 4)
    before = net.predict(x)
    net.params["Convolution_1/weight"] = 2 * net.params["Convolution_1/weight"]
    changed = net.predict(x)
    assert not np.allclose(before, changed)
    assert np.allclose(unfused(net, x), changed, atol=1e-5)
    net.fit(x, t, epochs=1, batch_size=4)
    assert np.allclose(unfused(net, x), net.predict(x), atol=1e-5)
    net.loss(x, t, training=True)  # leaves everything as it is
    assert np.array_equal(net.predict(x), net.predict(x))


def test_a_training_step_is_seen_by_the_next_evaluation() -> None:
    from schemas.training import Training

    net = network(STACKS["affine"])
    draw = np.random.default_rng(0)
    x, t = draw.normal(size=(4, 4, 12, 10)).astype(np.float32), draw.integers(0, 5, 4)
    session = net.session(4, Training.model_validate({"optimizer": {"type": "SGD", "learning_rate": 0.1}}).optimizer)
    for _ in range(3):
        session.step(x, t, learning_rate=0.1)
        assert np.allclose(unfused(net, x), net.predict(x), atol=1e-5)


def test_arrays_are_read_where_they_lie_whatever_their_layout() -> None:
    net = network(STACKS["convolution"])
    x = np.random.default_rng(0).normal(size=(6, 4, 12, 10)).astype(np.float32)
    wanted = net.predict(x)
    turned = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    assert np.array_equal(wanted, net.predict(turned))
    assert np.array_equal(wanted, net.predict(x.astype(np.float64)))
    assert np.array_equal(wanted[::2], net.predict(np.repeat(x, 2, 0)[::4]))
    x.flags.writeable = False
    assert np.array_equal(wanted, net.predict(x))
    assert np.allclose(wanted, net.predict(x, batch_size=4), atol=1e-6)
    assert np.allclose(wanted[:5], net.predict(x[:5]), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8), st.integers(1, 40), st.integers(1, 100), st.booleans())
def test_few_samples_of_affine(samples: int, features: int, columns: int, relu: bool) -> None:
    layers: list[dict[str, Any]] = [{"type": "Affine", "out_features": columns}]
    layers += [{"type": "ReLU"}] if relu else []
    document = {
        "format": 1,
        "task": "regression",
        "model": {"input": [features], "layers": [*layers, {"type": "SquaredError"}]},
    }
    net, draw = builder.compile(document, seed=3, dtype="float64"), np.random.default_rng(features)
    net.params["Affine_1/bias"] = draw.normal(size=columns)
    x = draw.normal(size=(samples, features))
    wanted = twin_affine_forward(x, net.params["Affine_1/weight"], net.params["Affine_1/bias"])
    assert np.allclose(np.maximum(wanted, 0) if relu else wanted, net.predict(x), rtol=1e-12, atol=1e-12)
    kernels = net.program(samples, "predict").binder.names
    assert ("affine_few" in kernels) == (samples <= 6)
