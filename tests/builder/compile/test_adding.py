"""A convolution adds the gradient of its input to that of other readers: the same as a sum in a pass of its own."""

import engine_harness as engine
import numpy as np
import pytest

from builder.answers import fill
from builder.compile.emit import Emitter
from builder.compile.rules import turned

BEFORE = [engine.conv(19, padding=1), {"type": "ReLU", "name": "x"}]
FIRST = {
    "Winograd's form": engine.conv(19, padding=1),
    "direct": engine.conv(19, (3, 1), padding=(1, 0)),
    "dilated": engine.conv(19, padding=2, dilation=2),
    "groups": engine.conv(19, padding=1, groups=19),
    "few channels": engine.conv(19, (1, 3), padding=(0, 1)),
}


def skip(first):
    """A residual block: normalisation adds a value that the block's first convolution reads."""
    return [
        *BEFORE,
        {**first, "name": "main"},
        *engine.layers("BatchNormalization"),
        {"type": "Add", "inputs": ["BatchNormalization_1", "x"]},
        *engine.layers("ReLU"),
    ]


def readers(first):
    """Two convolutions, one of stride 2 of which some pixels are not read, and a pooling read one value."""
    half = {"kernel_size": 1, "stride": 2, "inputs": ["x"]}
    return [
        *BEFORE,
        {**first, "name": "main"},
        {"type": "MaxPooling", "kernel_size": 1, "stride": 2, "name": "less"},
        {"type": "Convolution", "out_channels": 19, "name": "short", **half},
        {"type": "MaxPooling", "name": "pooled", **half},
        {"type": "Add", "inputs": ["less", "short", "pooled"]},
    ]


def run(stack, dtype, threads=1, **options):
    """Return the names of the calls, the input's gradient and those of all parameters."""
    stack = [*stack, *engine.SQUARED]
    parameters, made = engine.program((4, 9, 11), stack, 3, dtype=dtype, input_gradient=True, **options)
    rng = np.random.default_rng(3)
    engine.stir(parameters, rng)
    fill(made, rng.standard_normal((3, 4, 9, 11)).astype(dtype), rng.standard_normal(made.output.shape).astype(dtype))
    made.run(threads)
    return [c.name for c in made.emitted.calls], [engine.input_gradient(made), *engine.gradients(parameters).values()]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("network", [skip, readers])
@pytest.mark.parametrize("first", FIRST)
def test_a_sum_in_a_pass_of_its_own_gives_the_same(first, network, dtype, monkeypatch):
    options = {"winograd": True} if first == "Winograd's form" else {}
    names, found = run(network(FIRST[first]), dtype, **options)
    _, three = run(network(FIRST[first]), dtype, threads=3, **options)
    monkeypatch.setattr(Emitter, "give", lambda em, node, make, into=None, give=Emitter.give: give(em, node, make))
    apart, wanted = run(network(FIRST[first]), dtype, **options)
    assert names.count("add") == apart.count("add") - (first != "groups")
    tolerance = 1e-12 if dtype == np.float64 else 2e-6
    for one, other, threads in zip(found, wanted, three, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * np.abs(other).max())
        np.testing.assert_array_equal(one, threads)


@pytest.mark.parametrize("network", [skip, readers])
def test_the_gradients_are_slopes(network):
    stack = [*network(FIRST["direct"]), *engine.SQUARED]
    parameters, made = engine.program((4, 5, 7), stack, 2, input_gradient=True)
    rng = np.random.default_rng(1)
    engine.stir(parameters, rng)
    fill(made, rng.standard_normal((2, 4, 5, 7)), rng.standard_normal(made.output.shape))
    engine.assert_gradient(parameters, made, rng)


def test_weights_that_units_turn_themselves(monkeypatch):
    for name in ("MANY", "UNITS"):
        monkeypatch.setattr(turned, name, 0)
    monkeypatch.setattr(turned, "BLOCKS", 99)
    test_a_sum_in_a_pass_of_its_own_gives_the_same("dilated", skip, np.float64, monkeypatch)


def test_a_gradient_that_others_know_stays_as_it_is():
    """Both inputs of an Add have one gradient: what a convolution adds for one is not for the other."""
    stack = [
        *BEFORE,
        {"type": "Tanh", "name": "p"},
        {**engine.conv(19, (3, 1), padding=(1, 0)), "name": "main"},
        {"type": "Add", "inputs": ["p", "x"], "name": "sum"},
        {"type": "Add", "inputs": ["main", "sum"]},
        *engine.SQUARED,
    ]
    parameters, made = engine.program((4, 5, 7), stack, 2, input_gradient=True)
    assert [c.name for c in made.emitted.calls].count("add") >= 3
    rng = np.random.default_rng(1)
    engine.stir(parameters, rng)
    fill(made, rng.standard_normal((2, 4, 5, 7)), rng.standard_normal(made.output.shape))
    engine.assert_gradient(parameters, made, rng)
