"""Affine with many weights gives what the form for few gives: forward, both gradients, and the optimizer's step."""

import engine_harness as engine
import numpy as np
import pytest

import builder.session as session_module
from builder.compile import program
from builder.compile.rules import affine, large
from schemas import training

STACKS = {
    "whole vectors": ((192,), [engine.affine(96), *engine.layers("ReLU"), engine.affine(64)]),
    "odd": ((211,), [engine.affine(97), *engine.layers("ReLU"), engine.affine(33), *engine.layers("Tanh")]),
    "image": ((5, 6, 7), [engine.conv(4, 1), engine.affine(70), *engine.layers("ReLU"), engine.affine(19)]),
    "more than 64 units": ((1, 82, 80), [engine.conv(1, 1), engine.affine(9)]),
}
OPTIMIZERS = [training.SGD(), training.Momentum(momentum=0.8), training.Adam()]


def trained(stack, batch, dtype, optimizer, threads=1, spoilt=False):
    shape, layers = stack
    net = engine.network(shape, [*layers, engine.affine(5), *engine.HEAD], threads, dtype)
    rng = np.random.default_rng(0)
    session = net.session(batch, optimizer)
    for _ in range(2):
        x = rng.standard_normal((batch, *shape)).astype(dtype)
        if spoilt:
            x[0, 0] = np.nan
        session.step(x, rng.integers(0, 5, batch), learning_rate=0.01)
    names = set(session.last.binder.names)
    return net.predict(x), {key: net.params[key].copy() for key in net.params}, names


@pytest.fixture
def always(monkeypatch):
    """Let the form for many weights compute every Affine."""

    def use():
        monkeypatch.setattr(large, "MANY", 0)
        monkeypatch.setattr(affine, "LEAST", 1)

    return use


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.type)
@pytest.mark.parametrize("batch", [7, 45])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("stack", STACKS)
def test_many_weights_are_trained_as_few_are(always, stack, dtype, batch, optimizer):
    expected_y, expected, before = trained(STACKS[stack], batch, dtype, optimizer)
    always()
    y, found, names = trained(STACKS[stack], batch, dtype, optimizer)
    assert not {"large_forward", "large_backward"} & before
    assert {"large_forward", "large_backward"} <= names
    # Adam divides by the root of tiny squares in its first steps: what rounding changes there is no small part.
    tolerance = 1e-9 if dtype == "float64" else 1e-2 if optimizer.type == "Adam" else 1e-4
    np.testing.assert_allclose(y, expected_y, rtol=tolerance, atol=tolerance)
    for key, values in expected.items():
        error = np.linalg.norm(found[key] - values) / max(np.linalg.norm(values), 1e-30)
        assert error < tolerance, key


@pytest.mark.parametrize("stack", STACKS)
def test_any_number_of_threads_gives_the_same_bits(always, monkeypatch, stack):
    monkeypatch.setattr(program, "ALONE", 0)
    monkeypatch.setattr(session_module, "ALONE", 0)
    always()
    found = [trained(STACKS[stack], 16, "float32", training.Momentum(), threads)[:2] for threads in (1, 2, 3, 8)]
    for y, parameters in found[1:]:
        assert y.tobytes() == found[0][0].tobytes()
        assert all(parameters[key].tobytes() == found[0][1][key].tobytes() for key in parameters)


def test_a_loss_that_is_no_number_leaves_the_weights_alone(always):
    always()
    y, found, _ = trained(STACKS["odd"], 16, "float32", training.Momentum(), spoilt=True)
    assert np.isnan(y[0]).all()
    assert all(np.isfinite(values).all() for values in found.values())
