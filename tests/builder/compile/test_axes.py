"""Values under other axes in whole networks: repeated, transposed, cut, multiplied; trained arrays; formulas of two."""

from __future__ import annotations

import engine_harness as engine
import numpy as np
import pytest

import builder
from builder.kernels import strided
from schemas import ops
from schemas.errors import ShapeError
from schemas.joints import broadcast
from schemas.layer import REGISTRY

SQUEEZE = [
    engine.conv(6, padding=1, name="a"),
    *engine.layers("GlobalAveragePooling"),
    engine.affine(3),
    *engine.layers("ReLU"),
    engine.affine(6),
    *engine.layers("Sigmoid"),
    {"type": "Reshape", "shape": [6, 1, 1], "name": "gate"},
    {"type": "Multiply", "inputs": ["a", "gate"]},
]
"""Squeeze and excite (Hu et al. 2018)."""

SHAPES = [
    ([(8, 5, 4), (8, 1, 1)], (8, 5, 4)),
    ([(1, 5, 4), (8, 5, 4)], (8, 5, 4)),
    ([(8, 1, 4), (1, 5, 1)], (8, 5, 4)),
    ([(1,), (8, 5, 4)], (8, 5, 4)),
    ([(3, 7), (1,), (1, 7)], (3, 7)),
    ([(1,), (1,)], (1,)),
    ([(8, 5, 4), (8,)], "rank_mismatch"),
    ([(8, 5, 4), (8, 5, 3)], "size_mismatch"),
    ([(8, 5, 4), (4, 1, 1)], "channel_mismatch"),
]


@pytest.mark.parametrize(("given", "expected"), SHAPES)
def test_what_fits_what(given, expected):
    if isinstance(expected, tuple):
        assert broadcast("Add", given) == expected == np.broadcast_shapes(*given)
        return
    with pytest.raises(ShapeError) as caught:
        broadcast("Add", given)
    assert caught.value.code == expected


@pytest.mark.parametrize("kind", ["Add", "Subtract", "Multiply", "Divide"])
@pytest.mark.parametrize("axes", [[1, 2], [0], [0, 1, 2], [1]])
def test_a_join_repeats_sizes_of_one(kind, axes):
    """Input and its mean over some axes, in both orders; against NumPy, and numeric gradients."""
    keep = axes != [0, 1, 2]
    for order in (["p", "m"], ["m", "p"]):
        stack = [
            {"type": "Exp", "name": "p", "inputs": ["Input"]},
            {"type": "Mean", "name": "m", "axes": axes, "keep_axes": keep},
            {"type": kind, "inputs": order},
            *engine.SQUARED,
        ]
        parameters, made = engine.program((3, 4, 2), stack, 2, input_gradient=True)
        rng = np.random.default_rng(0)
        x = rng.standard_normal((2, 3, 4, 2)) * 0.3
        t = rng.random((2, 3, 4, 2))
        engine.fill(made, x, t)
        made.run(1)
        p = np.exp(x)
        values = {"p": p, "m": p.mean(axis=tuple(a + 1 for a in axes), keepdims=True)}
        function = {"Add": np.add, "Subtract": np.subtract, "Multiply": np.multiply, "Divide": np.divide}[kind]
        np.testing.assert_allclose(made.output, function(values[order[0]], values[order[1]]), rtol=1e-12)
        engine.assert_gradient(parameters, made, rng)


def test_squeeze_and_excite_learns_every_part():
    parameters, made = engine.program((2, 5, 4), [*SQUEEZE, *engine.SQUARED], 3, input_gradient=True)
    rng = np.random.default_rng(1)
    engine.stir(parameters, rng)
    engine.fill(made, rng.standard_normal((3, 2, 5, 4)), rng.random((3, 6, 5, 4)))
    engine.assert_gradient(parameters, made, rng)


def test_a_border_asked_for_later_is_respected():
    """Strided copies know the border that a convolution behind them asks for."""
    stack = [
        {"type": "Transpose", "axes": [0, 2, 1]},
        engine.conv(3, 3, padding=1, name="c"),
        {"type": "Pad", "before": [0, 1, 0], "value": 2.0},
        engine.conv(2, 3, padding=2),
        {"type": "PReLU"},
        {"type": "Slice", "axis": 2, "start": 1},
        engine.conv(2, 3, padding=1),
        {"type": "Scale", "learned": True},
        {"type": "Max", "axes": [1], "keep_axes": True},
        *engine.SQUARED,
    ]
    parameters, made = engine.program((2, 4, 5), stack, 2, input_gradient=True)
    rng = np.random.default_rng(2)
    engine.stir(parameters, rng)
    engine.fill(made, rng.standard_normal((2, 2, 4, 5)), rng.random((2, *made.output.shape[1:])))
    engine.assert_gradient(parameters, made, rng)


def test_an_attention_of_matrices():
    """softmax(a aT) a, from Transpose and MatMul alone, against NumPy."""
    stack = [
        {"type": "Transpose", "axes": [1, 0], "name": "turned", "inputs": ["Input"]},
        {"type": "MatMul", "inputs": ["Input", "turned"], "name": "scores"},
        {"type": "Softmax"},
        {"type": "MatMul", "inputs": ["Softmax_1", "Input"]},
        *engine.SQUARED,
    ]
    parameters, made = engine.program((4, 3), stack, 2, input_gradient=True)
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 4, 3))
    engine.fill(made, x, rng.random((2, 4, 3)))
    made.run(1)
    e = np.exp(x @ x.transpose(0, 2, 1))
    np.testing.assert_allclose(made.output, (e / e.sum(1, keepdims=True)) @ x, rtol=1e-10)
    engine.assert_gradient(parameters, made, rng)


@pytest.mark.parametrize("learned", [False, True])
def test_a_constant_reads_nothing(learned):
    document = {
        "format": 1,
        "task": "regression",
        "model": {"input": [3], "layers": [
            {"type": "Tanh", "name": "x"},
            {"type": "Constant", "name": "c", "shape": [3], "value": 2.0, "learned": learned},
            {"type": "Multiply", "inputs": ["x", "c"]},
            {"type": "SquaredError"},
        ]},
    }  # fmt: skip
    net = builder.compile(document, dtype="float64")
    assert [p.code for p in net.report.problems] == ([] if learned else ["nothing_trained"])
    x, t = np.random.default_rng(0).standard_normal((4, 3)), np.zeros((4, 3))
    np.testing.assert_allclose(net.predict(x), 2 * np.tanh(x))
    assert list(net.params) == (["c/value"] if learned else [])
    if learned:
        expected = 2 * (2 * np.tanh(x)) * np.tanh(x) / 12
        np.testing.assert_allclose(net.gradient(x, t)["c/value"], expected.sum(0))


def test_a_row_of_channels_is_offered_as_weights():
    layers = [
        engine.conv(8, name="a"),
        {"type": "GlobalAveragePooling"},
        {"type": "Affine", "out_features": 8, "name": "b"},
        {"type": "Multiply", "inputs": ["a", "b"]},
    ]
    report = builder.check({"format": 1, "task": "regression", "model": {"input": [1, 8, 8], "layers": layers}})
    found = [p for p in report.problems if p.severity == "error"]
    assert [p.code for p in found] == ["rank_mismatch"]
    assert found[0].fixes[0].title == "Reshape b to 8 × 1 × 1 before"


LAYERS = {
    "Maxout": ({"pieces": 3}, (8,), "pieces_do_not_divide", {"pieces": 2}),
    "Slice": ({"axis": 0, "start": 9}, (4,), "nothing_left", {"start": 0, "stop": None, "step": 1}),
    "Split": ({"parts": 3}, (4,), "parts_do_not_divide", {"parts": 2}),
    "Crop": ({"before": [2]}, (4,), "nothing_left", {"before": [0], "after": None}),
    "Pad": ({"before": [1, 1]}, (3, 4, 4), "wrong_axes", {"before": [0, 1, 1], "after": None}),
    "Transpose": ({"axes": [0, 0]}, (3, 4), "wrong_axes", {"axes": [1, 0]}),
    "Mean": ({"axes": [1]}, (3,), "axis_out_of_range", None),
    "Sum": ({"axes": [0, 0]}, (3,), "axis_twice", {"axes": [0]}),
    "Broadcast": ({"shape": [3, 4]}, (3, 5), "broadcast_shape", None),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_what_cannot_be_says_why(kind):
    fields, shape, code, fix = LAYERS[kind]
    with pytest.raises(ShapeError) as caught:
        REGISTRY[kind].cls.model_validate({"type": kind, **fields}).infer(shape)
    assert caught.value.code == code and caught.value.why
    assert [f.fields for f in caught.value.fixes][:1] == ([fix] if fix else [])


def test_ties_share_the_gradient():
    x = np.array([[3.0, 1.0, 3.0]])
    np.testing.assert_array_equal(strided.twin_reduce_backward(x, "max", (0,), np.array([[4.0]])), [[2.0, 0.0, 2.0]])
    _, made = engine.program((3,), [{"type": "Max"}, *engine.SQUARED], 1, input_gradient=True)
    engine.fill(made, x, np.array([[1.0]]))
    made.run(1)
    np.testing.assert_allclose(engine.input_gradient(made), [[2.0, 0.0, 2.0]])


def test_multiply_adds_of_a_matrix_product():
    a, b = ops.value((2, 3)), ops.value((3, 5))
    assert REGISTRY["MatMul"].cls.model_validate({"type": "MatMul"}).lower(a, b).multiply_adds == 2 * 3 * 5
