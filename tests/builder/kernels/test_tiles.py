"""Convolution and Affine at the edges of the tiles: whole and broken vectors, one block and many, deep sums."""

import engine_harness as engine
import numpy as np
import pytest

from builder.kernels import tiles
from builder.kernels.cpu import VECTOR_BYTES

CONVOLUTIONS = {
    "one value": ((1, 1, 1), engine.conv(1, 1), 1),
    "3x3 of one channel": ((1, 9, 11), engine.conv(16), 3),
    "5x5 of one channel": ((1, 11, 9), engine.conv(8, 5), 3),
    "1x3 of one channel": ((1, 4, 9), engine.conv(8, (1, 3)), 3),
    "one vector less one": ((3, 5, 5), engine.conv(15), 2),
    "three vectors": ((2, 5, 5), engine.conv(48), 2),
    "five vectors": ((2, 5, 5), engine.conv(75), 2),
    "seven vectors": ((7, 4, 4), engine.conv(97, 1), 2),
    "many images in a block": ((2, 3, 3), engine.conv(4, 2), 300),
    "rows in blocks": ((2, 50, 30), engine.conv(4, padding=1), 2),
    "a row longer than a block": ((1, 3, 900), engine.conv(3, padding=1), 1),
    "many chunks": ((2, 40, 40), engine.conv(5), 20),
    "padding as wide as the image": ((2, 3, 3), engine.conv(4, 3, padding=4), 2),
    "stride beyond the filter": ((3, 14, 15), engine.conv(5, 2, stride=5), 2),
    "dilation beyond the image": ((2, 4, 4), engine.conv(3, 2, padding=3, dilation=5), 2),
    "depthwise": ((24, 6, 6), engine.conv(24, groups=24, padding=1), 2),
    "depthwise, doubled": ((5, 6, 6), engine.conv(10, groups=5, stride=2, padding="same"), 2),
    "groups of odd sizes": ((9, 6, 6), engine.conv(21, groups=3, dilation=2, padding=2), 2),
    "strip": ((4, 1, 40), engine.conv(6, (1, 5), padding=(0, 2)), 3),
    "post": ((4, 40, 1), engine.conv(6, (5, 1), stride=(3, 1)), 3),
    "winograd's home": ((32, 12, 12), engine.conv(32, padding=1), 4),
    "1x1 with stride": ((17, 9, 9), engine.conv(33, 1, stride=2), 2),
    "folded: LeNet's second": ((6, 14, 14), engine.conv(16, 5), 5),
    "folded: padding": ((2, 9, 20), engine.conv(9, (3, 7), padding=(2, 1)), 2),
    "folded: bands of rows": ((1, 30, 40), engine.conv(17, 5, padding=2), 2),
    "folded: padding beyond the filter": ((1, 5, 6), engine.conv(9, 3, padding=4), 2),
    "first layer of AlexNet": ((3, 31, 31), engine.conv(24, 11, stride=4), 2),
}
AFFINES = {
    "one value": ((1,), engine.affine(1), 1),
    "deep": ((1100,), engine.affine(40), 5),
    "deep, in runs": ((4096,), engine.affine(3), 2),
    "deep, prime": ((1031,), engine.affine(17), 2),
    "wide": ((7,), engine.affine(500), 3),
    "one output": ((64, 3, 3), engine.affine(1), 9),
    "many samples": ((20,), engine.affine(20), 700),
    "image": ((5, 6, 7), engine.affine(33), 4),
    "sequence": ((5, 40), engine.affine(33), 4),
}


def run(shape, layer, batch, dtype):
    parameters, made = engine.program(shape, [layer, *engine.SQUARED], batch, dtype=dtype, input_gradient=True)
    rng = np.random.default_rng(0)
    engine.stir(parameters, rng)
    x = rng.standard_normal((batch, *shape)).astype(dtype)
    t = rng.standard_normal(made.output.shape).astype(dtype)
    engine.fill(made, x, t)
    made.run(1)
    x, t = x.astype(np.float64), t.astype(np.float64)
    w, b = (parameters[k].astype(np.float64) for k in parameters)
    op = made.graph.output.op
    if layer["type"] == "Affine":
        y = tiles.twin_affine_forward(x, w, b)
        dx, dw, db = tiles.twin_affine_backward(x, w, 2 * (y - t) / y.size)
    else:
        window = (op.stride, op.padding, op.dilation, op.groups)
        y = tiles.twin_conv2d_forward(x, w, b, *window)
        dx, dw, db = tiles.twin_conv2d_backward(x, w, 2 * (y - t) / y.size, *window)
    found = [made.output, engine.input_gradient(made), *engine.gradients(parameters).values()]
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    for name, actual, expected in zip(("y", "dx", "dw", "db"), found, (y, dx, dw, db), strict=True):
        error = np.linalg.norm(actual - expected) / max(np.linalg.norm(expected), 1e-30)
        assert error < tolerance, name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", [*CONVOLUTIONS, *(f"Affine: {name}" for name in AFFINES)])
def test_edges_of_the_tiles(case, dtype):
    run(*(CONVOLUTIONS.get(case) or AFFINES[case.removeprefix("Affine: ")]), dtype)


def test_without_bias():
    parameters, made = engine.program((3, 5, 5), [engine.conv(4, bias=False), *engine.SQUARED], 2)
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 5))
    engine.fill(made, x, np.zeros(made.output.shape))
    made.run(1)
    np.testing.assert_allclose(
        made.output, tiles.twin_conv2d_forward(x, parameters["Convolution_1/weight"], None), rtol=1e-10
    )


def test_tables_can_be_read_by_every_tile():
    assert all(tiles.TABLE_PAD % pixels == 0 for pixels in tiles.PIXELS.values())
    assert VECTOR_BYTES in (16, 32, 64)


NETS = {
    "bias before normalisation": [
        engine.conv(5, padding=1),
        *engine.layers("BatchNormalization", "ReLU", "MaxPooling"),
    ],
    "bias before frozen normalisation": [
        engine.conv(5),
        {"type": "BatchNormalization", "trainable": False},
        {"type": "ReLU"},
    ],
    "bias read by two": [
        engine.conv(4, padding=1, name="c"),
        {"type": "BatchNormalization", "name": "n"},
        {"type": "Add", "inputs": ["n", "c"]},
        {"type": "ReLU"},
        {"type": "AveragePooling"},
    ],
    "normalisation of two": [
        engine.conv(4, padding=1, name="a"),
        {"type": "BatchNormalization", "name": "n"},
        {"type": "Tanh", "inputs": ["a"]},
        {"type": "BatchNormalization", "name": "m"},
        {"type": "Add", "inputs": ["n", "m"]},
        {"type": "ReLU"},
    ],
    "Affine and normalisation": [engine.affine(20), *engine.layers("BatchNormalization", "ReLU"), engine.affine(5)],
    "scale of a sum": [
        engine.conv(4, padding=1, name="a"),
        {"type": "Sigmoid", "name": "g"},
        {"type": "Multiply", "inputs": ["a", "g"]},
        *engine.layers("BatchNormalization", "MaxPooling", "ReLU"),
        engine.conv(6, 2),
    ],
    "dropout before normalisation": [
        engine.conv(4),
        *engine.layers("Dropout", "BatchNormalization", "ReLU", "MaxPooling"),
    ],
    "overlapping pooling": [
        engine.conv(4),
        *engine.layers("BatchNormalization", "ReLU"),
        {"type": "MaxPooling", "kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
        engine.conv(3, 2),
        {"type": "ReLU"},
    ],
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("shape", [(2, 8, 8), (3, 9, 7)], ids=str)
def test_networks_have_the_gradient_of_their_loss(net, shape):
    stack = [*NETS[net], engine.affine(3), *engine.HEAD]
    parameters, made = engine.program(shape, stack, 4, input_gradient=True)
    rng = np.random.default_rng(3)
    engine.stir(parameters, rng)
    engine.fill(made, rng.standard_normal((4, *shape)), engine.some_targets(made, rng))
    engine.assert_gradient(parameters, made, rng, 6)


def test_normalised_values_have_mean_0_and_variance_1():
    """Also where the mean is large beside the spread, in float32."""
    _, made = engine.program((20, 9, 9), [{"type": "BatchNormalization"}, *engine.SQUARED], 16, dtype=np.float32)
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((16, 20, 9, 9)) + 1000 * rng.standard_normal((20, 1, 1))).astype(np.float32)
    x[0, 3, 0, 0] = 1e4
    engine.fill(made, x, np.zeros(made.output.shape, np.float32))
    made.run(1)
    wide = x.astype(np.float64)
    expected = (wide - wide.mean((0, 2, 3), keepdims=True)) / np.sqrt(wide.var((0, 2, 3), keepdims=True) + 1e-5)
    np.testing.assert_allclose(made.output, expected, rtol=2e-3, atol=2e-3)


def test_a_constant_channel_is_normalised_to_zero():
    """As exactly as scale * x + shift can be in float32, with scale = 1 / sqrt(epsilon)."""
    _, made = engine.program((5, 4, 4), [{"type": "BatchNormalization"}, *engine.SQUARED], 8, dtype=np.float32)
    engine.fill(made, np.full((8, 5, 4, 4), 3.7, np.float32), np.ones(made.output.shape, np.float32))
    made.run(1)
    np.testing.assert_allclose(made.output, 0, atol=2 * np.finfo(np.float32).eps * 3.7 / 1e-5**0.5)
    assert np.isfinite(engine.gradients(made.parameters)["BatchNormalization_1/gamma"]).all()
