"""The contract of a layer, one test for all: a registered layer without a row in CASES fails.

A row draws fields and input shapes and names the NumPy twins. Each case runs as a network [inputs, layer, SquaredError]
(a loss layer: [loss] on probabilities), so the gradient that reaches the layer is known: 2 (y - t) / values.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import engine_harness as engine
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from pydantic import ValidationError

from builder.kernels import batch_norm, elementwise, losses, pointwise, pooling, tiles
from schemas import ops
from schemas.errors import ShapeError
from schemas.layer import REGISTRY, Layer

SEED, STEP = 7, 3
"""Of the random numbers that Dropout draws."""

few = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
DTYPES = {"float64": (1e-10, 1e-11), "float32": (2e-4, 2e-5)}
"""dtype -> (relative, absolute) tolerance against the twin; absolute in units of the largest value."""


@dataclass(frozen=True)
class Case:
    """`forward(op, parameters, training, *xs)` and `backward(op, parameters, dy, *xs)` -> ([dx...], {parameter: gradient}).

    `parameters` maps the record's names to arrays.
    """

    draw: Callable[[Any], tuple[dict[str, Any], tuple[int, ...]]]
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    data: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray] = lambda rng, shape: rng.standard_normal(shape)
    examples: int = 20


# --- what hypothesis draws -------------------------------------------------------------------------------------------

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


def shape_of_any_rank(draw: Any) -> tuple[int, ...]:
    return tuple(draw(st.lists(st.integers(1, 7), min_size=1, max_size=3)))


def image(draw: Any, channels: int = 20) -> tuple[int, ...]:
    return draw(st.integers(1, channels)), draw(st.integers(1, 10)), draw(st.integers(1, 10))


def convolution(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    groups, height, width = draw(st.integers(1, 4)), draw(st.integers(1, 10)), draw(st.integers(1, 10))
    fields = {
        "out_channels": groups * draw(st.integers(1, 40 // groups)),
        "kernel_size": draw(st.tuples(st.integers(1, 5), st.integers(1, 5))),
        "stride": draw(pairs),
        "dilation": draw(pairs),
        "groups": groups,
        "padding": draw(st.one_of(st.just("same"), st.tuples(st.integers(0, 3), st.integers(0, 3)))),
        "bias": draw(st.booleans()),
    }
    return fields, (groups * draw(st.integers(1, 20 // groups)), height, width)


def pool(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    fields = {
        "kernel_size": draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
        "stride": draw(st.none() | pairs),
        "padding": draw(st.one_of(st.just("same"), st.tuples(st.integers(0, 3), st.integers(0, 3)))),
        "ceil_mode": draw(st.booleans()),
    }
    return fields, image(draw)


def average_pool(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    fields, shape = pool(draw)
    return fields | {"include_padding": draw(st.booleans())}, shape


def affine(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    return {"out_features": draw(st.integers(1, 50)), "bias": draw(st.booleans())}, shape_of_any_rank(draw)


def batch_normalization(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    # A handful of equal values would have variance 0, where 1 / std is as large as epsilon allows: not a numeric question.
    shape = shape_of_any_rank(draw)
    return {"momentum": draw(st.floats(0, 0.99)), "epsilon": draw(st.floats(1e-3, 1e-1)), "trainable": draw(st.booleans())}, shape


def reshape(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    sizes = draw(st.permutations([draw(st.integers(1, 5)) for _ in range(3)]))
    target = draw(st.sampled_from([[-1], [sizes[1], -1], [sizes[2], sizes[0], sizes[1]], [-1, sizes[0], sizes[1]]]))
    return {"shape": target}, tuple(sizes)


def plain(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    return {}, shape_of_any_rank(draw)


def concatenate(draw: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    shape = shape_of_any_rank(draw)
    return {"axis": draw(st.integers(0, len(shape) - 1))}, shape


# --- data ------------------------------------------------------------------------------------------------------------


def off_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Values at least 0.05 away from zero, where ReLU has no derivative."""
    x = rng.standard_normal(shape)
    return x + np.where(x >= 0, 0.05, -0.05)


def without_ties(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Values at least 0.01 apart, so that a small step changes no window's winner."""
    return (rng.permutation(np.prod(shape, dtype=int)).reshape(shape) - np.prod(shape) / 2) * 0.01


def probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(0.1, 0.9, shape)


# --- twins -----------------------------------------------------------------------------------------------------------


def conv_forward(op, p, training, x):
    return tiles.twin_conv2d_forward(x, p["weight"], p.get("bias"), op.stride, op.padding, op.dilation, op.groups)


def conv_backward(op, p, dy, x):
    dx, dweight, dbias = tiles.twin_conv2d_backward(x, p["weight"], dy, op.stride, op.padding, op.dilation, op.groups)
    return [dx], {"weight": dweight, "bias": dbias}


def affine_backward(op, p, dy, x):
    dx, dweight, dbias = tiles.twin_affine_backward(x, p["weight"], dy)
    return [dx], {"weight": dweight, "bias": dbias}


def running(op, p, training):
    return None if training and op.gamma.trainable else (p["mean"], p["variance"])


def norm_forward(op, p, training, x):
    return batch_norm.twin_batch_norm_forward(x, p["gamma"], p["beta"], op.epsilon, running(op, p, training))[0]


def norm_backward(op, p, dy, x):
    dx, dgamma, dbeta = batch_norm.twin_batch_norm_backward(x, p["gamma"], dy, op.epsilon, running(op, p, True))
    return [dx], {"gamma": dgamma, "beta": dbeta}


def max_forward(op, p, training, x):
    return pooling.twin_max_pool_forward(x, op.shape[1:], op.kernel, op.stride, op.padding)


def max_backward(op, p, dy, x):
    return [pooling.twin_max_pool_backward(x, dy, op.kernel, op.stride, op.padding)], {}


def average_forward(op, p, training, x):
    return pooling.twin_average_pool_forward(x, op.shape[1:], op.kernel, op.stride, op.padding, op.include_padding)


def average_backward(op, p, dy, x):
    return [pooling.twin_average_pool_backward(x, dy, op.kernel, op.stride, op.padding, op.include_padding)], {}


def dropout_forward(op, p, training, x):
    return elementwise.twin_dropout_forward(x, op.p, SEED, STEP, 1) if training else x


def simple(forward, backward):
    """Wrap twins of x and dy alone."""
    return lambda op, p, training, x: forward(x), lambda op, p, dy, x: ([backward(x, dy)], {})


def loss(forward, backward):
    """Wrap a loss's twins of x, targets and sample weights."""
    return lambda x, t, weights: forward(x, t, weights), lambda x, t, weights: backward(x, t, weights)


CASES: dict[str, Case] = {
    "Convolution": Case(convolution, conv_forward, conv_backward, examples=80),
    "Affine": Case(affine, lambda op, p, training, x: tiles.twin_affine_forward(x, p["weight"], p.get("bias")), affine_backward),
    "BatchNormalization": Case(batch_normalization, norm_forward, norm_backward),
    "ReLU": Case(plain, *simple(pointwise.twin_relu_forward, pointwise.twin_relu_backward), off_zero),
    "Sigmoid": Case(plain, *simple(pointwise.twin_sigmoid_forward, pointwise.twin_sigmoid_backward)),
    "Tanh": Case(plain, *simple(pointwise.twin_tanh_forward, pointwise.twin_tanh_backward)),
    "Softmax": Case(plain, *simple(losses.twin_softmax_forward, losses.twin_softmax_backward)),
    "MaxPooling": Case(pool, max_forward, max_backward, without_ties, 80),
    "AveragePooling": Case(average_pool, average_forward, average_backward, examples=80),
    "GlobalAveragePooling": Case(
        lambda draw: ({}, image(draw)),
        *simple(pooling.twin_global_average_pool_forward, pooling.twin_global_average_pool_backward),
    ),
    "Dropout": Case(
        lambda draw: ({"p": draw(st.floats(0, 0.9))}, shape_of_any_rank(draw)),
        dropout_forward,
        lambda op, p, dy, x: ([elementwise.twin_dropout_backward(dy, op.p, SEED, STEP, 1)], {}),
    ),
    "Add": Case(
        plain,
        lambda op, p, training, *xs: elementwise.twin_add_forward(*xs),
        lambda op, p, dy, *xs: (elementwise.twin_add_backward(dy, len(xs)), {}),
    ),
    "Multiply": Case(
        plain,
        lambda op, p, training, *xs: elementwise.twin_multiply_forward(*xs),
        lambda op, p, dy, *xs: (elementwise.twin_multiply_backward(dy, *xs), {}),
    ),
    "Concatenate": Case(
        concatenate,
        lambda op, p, training, *xs: elementwise.twin_concatenate_forward(op.axis, *xs),
        lambda op, p, dy, *xs: (elementwise.twin_concatenate_backward(op.axis, dy, *xs), {}),
    ),
    "Flatten": Case(plain, *simple(lambda x: x.reshape(len(x), -1), lambda x, dy: dy.reshape(x.shape))),
    "Reshape": Case(
        reshape, lambda op, p, training, x: x.reshape(len(x), *op.shape), lambda op, p, dy, x: ([dy.reshape(x.shape)], {})
    ),
    "Identity": Case(plain, *simple(lambda x: x, lambda x, dy: dy)),
    "CategoricalCrossEntropy": Case(
        plain, *loss(losses.twin_cross_entropy_forward, losses.twin_cross_entropy_backward), probabilities
    ),
    "BinaryCrossEntropy": Case(
        plain, *loss(losses.twin_binary_cross_entropy_forward, losses.twin_binary_cross_entropy_backward), probabilities
    ),
    "SquaredError": Case(plain, *loss(losses.twin_squared_error_forward, losses.twin_squared_error_backward)),
}

every_layer = pytest.mark.parametrize("kind", REGISTRY)


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
        sources = draw(st.lists(st.sampled_from(["Input", "s", "t", "wide"]), min_size=2, max_size=4))
        if kind != "Concatenate":
            sources = ["Input" if name == "wide" else name for name in sources]
        fields["inputs"] = sources
        before = [{"type": "Sigmoid", "name": "s", "inputs": ["Input"]}, {"type": "Tanh", "name": "t", "inputs": ["Input"]}]
        if "wide" in sources:
            before.append({"type": "Concatenate", "name": "wide", "inputs": ["s", "Input"], "axis": fields["axis"]})
    try:
        layer = registration.cls.model_validate(fields)
        if registration.cls.arity[1] == 1:
            layer.infer(shape)
    except ShapeError:
        assume(False)
    stack = [fields] if registration.category == "Loss" else [*before, {**fields, "name": "it"}, {"type": "SquaredError"}]
    return Example(case, fields, shape, stack, sources, draw(st.integers(1, 4)), np.random.default_rng(draw(st.integers(0, 2**32))))


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
    assert kind in CASES, f"add a row for {kind} to CASES in this file"
    cls = REGISTRY[kind].cls
    assert cls.infer is not Layer.infer
    assert cls.lower is not Layer.lower
    assert cls.__doc__
    assert cls.model_fields["type"].default == kind
    assert all(f.description for name, f in cls.model_fields.items() if name not in ("type", "name", "inputs", "trainable"))


@every_layer
@given(data=st.data())
@settings(few, max_examples=15)
def test_survives_json(kind, data):
    fields, _ = CASES[kind].draw(data.draw)
    cls = REGISTRY[kind].cls
    layer = cls.model_validate({"type": kind, "name": "a", **fields})
    again = cls.model_validate(json.loads(layer.model_dump_json()))
    assert layer == again
    assert json.loads(layer.model_dump_json(exclude_unset=True)) == json.loads(json.dumps({"type": kind, "name": "a", **fields}))
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
