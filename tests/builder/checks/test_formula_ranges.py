"""Formulas that may have no value: where the check warns, and that what it proposes always has one."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import builder
from builder.intervals import Interval, interval
from schemas.expression import Term, name, parse
from schemas.patch import apply

SOFTMAX, RELU, SIGMOID = [{"type": "Softmax"}], [{"type": "ReLU"}], [{"type": "Sigmoid"}]
SQUARES = [{"type": "Square"}, {"type": "Flatten"}, {"type": "Dropout", "p": 0.2}]


def document(expression, before=(), task="classification", kind="CustomLoss", **fields):
    width = 1 if task == "binary" else 3
    layers = [{"type": "Affine", "out_features": width}, *before, {"type": kind, "expression": expression, **fields}]
    if kind == "CustomActivation":
        layers += [{"type": "Affine", "out_features": 3}, {"type": "SoftmaxCrossEntropy"}]
    return {"format": 1, "task": task, "model": {"input": [4], "layers": layers}}


def warned(made):
    return [problem for problem in builder.check(made).problems if problem.code == "formula_range"]


@pytest.mark.parametrize(("made", "part", "fix"), [
    (document("-sum(t * log(y))", SOFTMAX), "y is from 0 to 1", "-sum(t * log(y + 1e-07))"),
    (document("-log(1 - y) * (1 - t)", SIGMOID, "binary"), "1 - y is from 0 to 1", "-log(max(1 - y, 1e-07)) * (1 - t)"),
    (document("t / y", (), "regression"), "y is any number", "where(abs(y) > 1e-07, t / y, 0)"),
    (document("mean(abs(y - t)) / sum(t)", SOFTMAX), "sum(t) is from 0 to 3", "mean(abs(y - t)) / (sum(t) + 1e-07)"),
    (document("sqrt(y)", RELU), "infinitely steep where y is 0", "sqrt(y + 1e-07)"),
    (document("sqrt(y - t)", (), "regression"), "may be negative", "sqrt(max(y - t, 1e-07))"),
    (document("sqrt(y)", SQUARES, "regression"), "y is 0, and it is at least 0", "sqrt(max(y, 1e-07))"),
    (document("y ** 1.5", (), "regression"), "y is negative", "max(y, 0) ** 1.5"),
    (document("y ** 0.5", SOFTMAX), "infinitely steep where y is 0", "max(y, 1e-07) ** 0.5"),
    (document("y ** -2", SOFTMAX), "divides by a number that may be 0", "max(y, 1e-07) ** -2"),
    (document("log1p(y)", (), "regression"), "-1 or less", "log1p(max(y, -0.9999999))"),
    (document("t / (0 - y)", RELU), "at most 0", "t / (min(0 - y, -1e-07))"),
    (document("log(x)", kind="CustomActivation"), "x is any number", "log(max(x, 1e-07))"),
    (document("x / abs(x)", kind="CustomActivation"), "abs(x) is at least 0", "x / max(abs(x), 1e-07)"),
    (document("mean(log(y) * t)", [{"type": "CustomActivation", "expression": "tanh(x)"}]), "y is from -1 to 1", None),
    (document("t / y", (), target="input"), "y is any number", None),
])  # fmt: skip
def test_a_formula_that_may_have_no_value(made, part, fix):
    (problem,) = warned(made)
    assert problem.severity == "warning" and part in problem.what and problem.pointer.endswith("/expression")
    if fix is not None:
        assert f"Write {fix}" in [one.title for one in problem.fixes]
    for one in problem.fixes:
        assert not warned(apply(made, one.patch)), one.title


@pytest.mark.parametrize("made", [
    document("-sum(t * log(y + 1e-7))", SOFTMAX),
    document("-sum(t * log(max(y, 1e-12)))", SOFTMAX),
    document("sum(where(t > 0, t * log(t / max(y, 1e-12)), 0))", SOFTMAX),
    document("where(y - t > 0, log(y - t), 0)", (), "regression"),
    document("where(0 >= y, 0, log(y))", (), "regression"),
    document("1 / (1 + exp(-y))", (), "regression"),
    document("sqrt(square(y - t) + 1)", (), "regression"),
    document("square(y) ** 1.5 + y ** 2 + y ** 3", (), "regression"),
    document("1 - (2 * sum(y * t) + 1.0) / (sum(y) + sum(t) + 1.0)", SOFTMAX),
    document("log(y) * t", [{"type": "Softplus"}, {"type": "CustomActivation", "expression": "x + 1"}]),
    document("x * sigmoid(1.5 * x)", kind="CustomActivation"),
    document("log(1 + exp(x))", kind="CustomActivation"),
    document("x / (1 + abs(x))", kind="CustomActivation"),
])  # fmt: skip
def test_a_formula_that_always_has_a_value(made):
    assert not warned(made)


def test_a_deep_network_is_looked_through_once():
    layers = [{"type": "Affine", "out_features": 3, "name": "a0"}]
    for k in range(60):  # looked through path by path these would be 2^60
        layers.append({"type": "Add", "inputs": [f"a{k}", f"a{k}"], "name": f"a{k + 1}"})
    layers.append({"type": "CustomLoss", "expression": "t / y"})
    assert len(warned({"format": 1, "task": "regression", "model": {"input": [4], "layers": layers}})) == 1


# --- bounds are safe: whatever the formula, its value lies between them ----------------------------------------------

NUMBERS = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0])
ONE = ("exp", "abs", "sign", "tanh", "sigmoid", "softplus", "erf", "sin", "cos", "neg", "sqrt", "log", "log1p")
TERMS = st.recursive(
    st.one_of(NUMBERS.map(lambda v: Term("number", value=v)), st.sampled_from([name("x"), name("y")])),
    lambda below: st.one_of(
        st.tuples(st.sampled_from(ONE), below).map(lambda p: Term(p[0], (p[1],))),
        st.tuples(st.sampled_from(["+", "-", "*", "/", "**", "max", "min", ">", "<="]), below, below).map(
            lambda p: Term(p[0], (p[1], p[2]))
        ),
        below.map(lambda a: Term("*", (a, a))),
        st.tuples(st.sampled_from([">", ">=", "<", "<="]), below, below, below, below).map(
            lambda p: Term("where", (Term(p[0], (p[1], p[2])), p[3], p[4]))
        ),
    ),
    max_leaves=8,
)


def value(term, known):
    """Compute a term with NumPy, or NaN."""
    if term.op == "number":
        return term.value
    if term.op == "name":
        return known[term.name]
    a = [value(one, known) for one in term.args]
    found = {
        "+": lambda: a[0] + a[1], "-": lambda: a[0] - a[1], "*": lambda: a[0] * a[1], "/": lambda: np.divide(*a),
        "**": lambda: np.power(np.float64(a[0]), a[1]), "max": lambda: max(a), "min": lambda: min(a),
        ">": lambda: float(a[0] > a[1]), ">=": lambda: float(a[0] >= a[1]), "<": lambda: float(a[0] < a[1]),
        "<=": lambda: float(a[0] <= a[1]), "neg": lambda: -a[0], "where": lambda: a[1] if a[0] else a[2],
        "sigmoid": lambda: 1 / (1 + np.exp(-a[0])), "softplus": lambda: np.logaddexp(0, a[0]),
        "erf": lambda: math.erf(a[0]),
    }.get(term.op)  # fmt: skip
    return found() if found is not None else getattr(np, term.op)(a[0])


@given(TERMS, st.sampled_from([(-2, 1), (0, 1), (-1, 0), (0.5, 2), (-3, 3)]), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=400, deadline=None)
def test_bounds_are_safe(term, limits, u, v):
    low, high = limits
    known = {"x": low + u * (high - low), "y": v}
    bounds = interval(term, {name("x"): Interval(low, high), name("y"): Interval(0, 1)})
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = float(np.float64(value(term, known)))
    if math.isfinite(found):
        slack = 1e-9 * max(1.0, abs(found))
        assert bounds.low - slack <= found <= bounds.high + slack, (bounds, found)


def test_bounds_that_are_known_exactly():
    one = {name("x"): Interval(-2, 1)}
    for text, low, high in [
        ("x * x", 0, 4), ("x ** 3", -8, 1), ("abs(x)", 0, 2), ("1 / (3 + x)", 0.25, 1), ("max(x, 0)", 0, 1),
        ("where(x > 0, x, 0.1 * x)", -0.2, 1), ("where(x > 0, x, exp(x) - 1)", math.exp(-2) - 1, 1),
    ]:  # fmt: skip
        found = interval(parse(text, ("x",)), one)
        assert (found.low, found.high) == pytest.approx((low, high)), text
