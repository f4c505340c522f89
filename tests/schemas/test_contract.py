"""The contract of a layer, one test for all: a registered layer without a row in contract_cases.py fails.

A row draws fields and input shapes and names the NumPy twins. Each case runs as a network [inputs, layer, SquaredError]
(a loss layer: [loss] on probabilities), so the gradient that reaches the layer is known: 2 (y - t) / values.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import engine_harness as engine
import numpy as np
import pytest
from contract_cases import CASES as BASIC
from contract_draws import SEED, STEP, Case
from contract_elementwise import MORE
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from pydantic import ValidationError

from builder.kernels import elementwise, pointwise
from schemas import ops
from schemas.errors import ShapeError
from schemas.layer import REGISTRY, Layer

CASES = {**BASIC, **MORE}
WITHOUT_INPUT = {"Constant"}
"""Layers that have tests of their own, as there is nothing to draw for them."""

few = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
DTYPES = {"float64": (1e-10, 1e-11), "float32": (2e-4, 2e-5)}
"""dtype -> (relative, absolute) tolerance against the twin; absolute in units of the largest value."""

every_layer = pytest.mark.parametrize("kind", [kind for kind in REGISTRY if kind not in WITHOUT_INPUT])


@pytest.fixture(autouse=True, scope="module")
def watched():
    """Every program here runs in the checked mode: whoever leaves its memory fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TSUMIKI_CHECKED", "1")
        yield


# --- one example -----------------------------------------------------------------------------------------------------


@dataclass
class Example:
    """A drawn layer, where it stands in a network, and random data for it."""

    case: Case
    fields: dict[str, Any]
    shape: tuple[int, ...]
    stack: list[dict[str, Any]]
    sources: list[str]
    batch: int
    rng: np.random.Generator

    @property
    def is_loss(self) -> bool:
        return len(self.stack) == 1

    def x(self) -> np.ndarray:
        return self.case.data(self.rng, (self.batch, *self.shape))


def example(draw: Any, kind: str) -> Example:
    """Draw fields and shape until infer() accepts them, and build the stack around the layer."""
    registration, case = REGISTRY[kind], CASES[kind]
    fields, shape = case.draw(draw)
    fields = {"type": kind, **fields}
    sources, before = ["Input"], []
    if registration.cls.arity[1] != 1:
        least, most = registration.cls.arity
        sources = draw(st.lists(st.sampled_from(["Input", "s", "t", "wide"]), min_size=least, max_size=most or 4))
        if kind != "Concatenate":
            sources = ["Input" if name == "wide" else name for name in sources]
        fields["inputs"] = sources
        before = [
            {"type": "Sigmoid", "name": "s", "inputs": ["Input"]},
            {"type": "Tanh", "name": "t", "inputs": ["Input"]},
        ]
        if "wide" in sources:
            before.append({"type": "Concatenate", "name": "wide", "inputs": ["s", "Input"], "axis": fields["axis"]})
    try:
        layer = registration.cls.model_validate(fields)
        if registration.cls.arity[1] == 1:
            layer.infer(shape)
    except ShapeError:
        assume(False)
    stack = (
        [fields] if registration.category == "Loss" else [*before, {**fields, "name": "it"}, {"type": "SquaredError"}]
    )
    return Example(
        case, fields, shape, stack, sources, draw(st.integers(1, 4)), np.random.default_rng(draw(st.integers(0, 2**32)))
    )


def branches(x: np.ndarray, example: Example) -> list[np.ndarray]:
    """Return the values that the layer reads."""
    s, t = pointwise.twin_sigmoid_forward(x), np.tanh(x)
    values = {"Input": x, "s": s, "t": t}
    if "wide" in example.sources:
        values["wide"] = np.concatenate([s, x], example.fields["axis"] + 1)
    return [values[name] for name in example.sources]


def back_to_input(x: np.ndarray, shares: list[np.ndarray], example: Example) -> np.ndarray:
    """Add up what each branch sends back."""

    def share(name: str, d: np.ndarray) -> np.ndarray:
        if name == "s":
            return pointwise.twin_sigmoid_backward(x, d)
        if name == "t":
            return pointwise.twin_tanh_backward(x, d)
        if name == "wide":
            first, second = elementwise.twin_concatenate_backward(example.fields["axis"], d, x, x)
            return share("s", first) + second
        return d

    return np.sum([share(name, d) for name, d in zip(example.sources, shares, strict=True)], axis=0)


def assert_near(actual: np.ndarray, expected: np.ndarray, dtype: str, what: str) -> None:
    relative, absolute = DTYPES[dtype]
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(actual, expected, rtol=relative, atol=absolute * scale, err_msg=what)


# --- the contract ----------------------------------------------------------------------------------------------------


@every_layer
def test_has_a_case_and_overrides_infer_and_lower(kind):
    assert kind in CASES, f"add a row for {kind} to CASES in contract_cases.py"
    cls = REGISTRY[kind].cls
    assert cls.infer is not Layer.infer
    assert cls.lower is not Layer.lower
    assert cls.__doc__
    assert cls.model_fields["type"].default == kind
    assert all(
        f.description for name, f in cls.model_fields.items() if name not in ("type", "name", "inputs", "trainable")
    )


@every_layer
@given(data=st.data())
@settings(few, max_examples=15)
def test_survives_json(kind, data):
    fields, _ = CASES[kind].draw(data.draw)
    cls = REGISTRY[kind].cls
    layer = cls.model_validate({"type": kind, "name": "a", **fields})
    again = cls.model_validate(json.loads(layer.model_dump_json()))
    assert layer == again
    assert json.loads(layer.model_dump_json(exclude_unset=True)) == json.loads(
        json.dumps({"type": kind, "name": "a", **fields})
    )
    with pytest.raises(ValidationError, match="surely_no_field"):
        cls.model_validate({"type": kind, "surely_no_field": 1, **fields})


def run_contract(kind, data):
    e = example(data.draw, kind)
    dtype = data.draw(st.sampled_from(list(DTYPES)))
    parameters, made = engine.program(e.shape, e.stack, e.batch, dtype=np.dtype(dtype), input_gradient=True)
    engine.stir(parameters, e.rng)
    x = e.x().astype(dtype)
    t = engine.some_targets(made, e.rng)
    weights = e.rng.choice([0.0, 0.5, 1.0, 2.0], e.batch) if e.is_loss else np.ones(e.batch)
    engine.fill(made, x, t, weights)
    made.feeds.key[:] = SEED, STEP
    value = made.run(1)
    wide, t = x.astype(np.float64), t.astype(dtype).astype(np.float64)
    if e.is_loss:
        assert_near(value, e.case.forward(wide, t, weights), dtype, "loss")
        assert_near(engine.input_gradient(made), e.case.backward(wide, t, weights), dtype, "dx")
    else:
        op = engine.checked_op(e.shape, e.stack, "it")
        assert made.output.shape[1:] == op.shape
        assert engine.checked(e.shape, e.stack).shapes["it"] == op.shape
        held = {k.rpartition("/")[2]: v.astype(np.float64) for k, v in parameters.items()}
        xs = branches(wide, e)
        y = e.case.forward(op, held, True, *xs)
        assert_near(made.output, y, dtype, "y")
        assert_near(value, np.mean((y - t) ** 2), dtype, "loss")
        shares, found = e.case.backward(op, held, 2 * (y - t) / y.size, *xs)
        assert_near(engine.input_gradient(made), back_to_input(wide, shares, e), dtype, "dx")
        for key, gradient in engine.gradients(parameters).items():
            assert_near(gradient, found[key.rpartition("/")[2]], dtype, key)
    if dtype == "float64":
        engine.assert_gradient(parameters, made, e.rng)


@every_layer
@given(data=st.data())
@settings(few, max_examples=20)
def test_equals_its_twin_and_the_numeric_gradient(kind, data):
    run_contract(kind, data)


@pytest.mark.parametrize("kind", [kind for kind, case in CASES.items() if case.examples > 20])
@given(data=st.data())
@settings(few, max_examples=80)
def test_equals_its_twin_and_the_numeric_gradient_in_more_cases(kind, data):
    run_contract(kind, data)


@pytest.mark.thorough
@every_layer
@given(data=st.data())
@settings(few, max_examples=500)
def test_equals_its_twin_and_the_numeric_gradient_in_many_cases(kind, data):
    run_contract(kind, data)


@every_layer
@given(data=st.data())
@settings(few, max_examples=6)
def test_in_use_equals_its_twin(kind, data):
    e = example(data.draw, kind)
    parameters, made = engine.program(e.shape, e.stack, e.batch, "evaluate")
    engine.stir(parameters, e.rng)
    x, t = e.x(), engine.some_targets(made, e.rng)
    engine.fill(made, x, t)
    value = made.run(1)
    if e.is_loss:
        assert_near(value, e.case.forward(x, t, None), "float64", "loss")
        return
    held = {k.rpartition("/")[2]: v for k, v in parameters.items()}
    y = e.case.forward(engine.checked_op(e.shape, e.stack, "it"), held, False, *branches(x, e))
    assert_near(made.output, y, "float64", "y")
    assert_near(value, np.mean((y - t) ** 2), "float64", "loss")


@every_layer
@given(data=st.data())
@settings(few, max_examples=6)
def test_nan_and_infinity_are_never_lost(kind, data):
    """Wherever the twin's result is not finite the engine's is not either, forward and backward."""
    e = example(data.draw, kind)
    bad = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    parameters, made = engine.program(e.shape, e.stack, e.batch, input_gradient=True)
    engine.stir(parameters, e.rng)
    made.feeds.key[:] = SEED, STEP
    x, t = e.x(), engine.some_targets(made, e.rng)
    place = int(e.rng.integers(x.size))
    spoilt = x.copy()
    spoilt.reshape(-1)[place] = bad
    engine.fill(made, spoilt, t)
    value = made.run(1)
    if e.is_loss:
        with np.errstate(all="ignore"):
            assert np.isfinite(value) == np.isfinite(e.case.forward(spoilt, t, None))
        return
    held = {k.rpartition("/")[2]: v for k, v in parameters.items()}
    op = engine.checked_op(e.shape, e.stack, "it")
    with np.errstate(all="ignore"):
        y = e.case.forward(op, held, True, *branches(spoilt, e))
        np.testing.assert_array_equal(np.isfinite(made.output), np.isfinite(y))
        assert np.isfinite(value) == np.isfinite(y).all()
        # A gradient that is not finite, through a layer whose input is.
        y = e.case.forward(op, held, True, *branches(x, e))
        t = t.reshape(y.shape)
        t.reshape(-1)[int(e.rng.integers(t.size))] = bad
        engine.fill(made, x, t)
        assert not np.isfinite(made.run(1))
        shares, found = e.case.backward(op, held, 2 * (y - t) / y.size, *branches(x, e))
        dx = back_to_input(x, shares, e)
    assert not np.isfinite(engine.input_gradient(made))[~np.isfinite(dx)].any()
    for key, gradient in engine.gradients(parameters).items():
        expected = found[key.rpartition("/")[2]]
        assert not np.isfinite(gradient)[~np.isfinite(expected)].any(), key


def test_identity_adds_no_operation():
    assert isinstance(REGISTRY["Identity"].cls().lower(ops.value((3,))), ops.Input)
