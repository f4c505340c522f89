"""Losses in whole networks: label smoothing, weights, reductions, formulas, and class numbers for every kind."""

from __future__ import annotations

import engine_harness as engine
import numpy as np
import pytest

import builder
from schemas.errors import DocumentError

RNG = np.random.default_rng(0)
X, CLASSES = RNG.standard_normal((6, 5)), RNG.integers(0, 3, 6)


def net(ending, task="classification", width=3, **fields):
    layers = [engine.affine(width, name="a"), *ending]
    document = {"format": 1, "task": task, "model": {"input": [5], "layers": layers}, **fields}
    return builder.compile(document, dtype="float64", seed=0)


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def logits(one):
    return X @ one.params["a/weight"] + one.params["a/bias"]


@pytest.mark.parametrize("ending", [
    [{"type": "Softmax"}, {"type": "CategoricalCrossEntropy", "label_smoothing": 0.3}],
    [{"type": "SoftmaxCrossEntropy", "label_smoothing": 0.3}],
], ids=["of probabilities", "of raw values"])  # fmt: skip
def test_label_smoothing(ending):
    """The target is 0.7 of the class and 0.1 of each of three; fused and not, predictions are probabilities."""
    one = net(ending)
    y = softmax(logits(one))
    q = 0.7 * np.eye(3)[CLASSES] + 0.1
    assert one.loss(X, CLASSES) == pytest.approx(-(q * np.log(y)).sum(1).mean())
    np.testing.assert_allclose(one.predict(X), y)
    np.testing.assert_allclose(one.gradient(X, CLASSES)["a/weight"], X.T @ (y - q) / 6)
    stack = [engine.affine(3, name="a"), *ending]
    parameters, made = engine.program((5,), stack, 6, without=frozenset({"loss_takes_logits"}), input_gradient=True)
    engine.fill(made, X, CLASSES)
    engine.assert_gradient(parameters, made, RNG)


def test_raw_values_of_yes_or_no_become_probabilities():
    one = net([{"type": "SigmoidCrossEntropy"}], "binary", 1)
    y = 1 / (1 + np.exp(-logits(one)))
    np.testing.assert_allclose(one.predict(X), y)
    assert one.accuracy(X, CLASSES > 0) == ((y[:, 0] >= 0.5) == (CLASSES > 0)).mean()


def test_the_border_of_hinge_is_one_half():
    one = net([{"type": "Hinge"}], "binary", 1)
    np.testing.assert_allclose(one.predict(X), (logits(one) + 1) / 2)
    assert one.accuracy(X, CLASSES > 0) == ((logits(one)[:, 0] >= 0) == (CLASSES > 0)).mean()


@pytest.mark.parametrize("kind", ["SquaredError", "AbsoluteError", "CategoricalCrossEntropy", "Dice", "KLDivergence"])
def test_reduction_and_weight(kind):
    """A sum is the mean times a sample's values; a classification has one value, its class."""
    head = [{"type": "Softmax"}]
    mean = net([*head, {"type": kind}])
    other = net([*head, {"type": kind, "reduction": "sum", "loss_weight": 0.25}])
    values = 1 if kind == "CategoricalCrossEntropy" else 3
    assert other.loss(X, CLASSES) == pytest.approx(mean.loss(X, CLASSES) * values / 4)
    np.testing.assert_allclose(
        other.gradient(X, CLASSES)["a/weight"], mean.gradient(X, CLASSES)["a/weight"] * values / 4
    )


@pytest.mark.parametrize("kind", ["Focal", "Dice", "KLDivergence", "CosineSimilarity", "SquaredError"])
def test_class_numbers_and_one_hot_are_the_same(kind):
    one = net([{"type": "Softmax"}, {"type": kind}])
    assert one.loss(X, CLASSES) == one.loss(X, np.eye(3)[CLASSES])
    assert one.evaluate(X, CLASSES)["accuracy"] == (softmax(logits(one)).argmax(1) == CLASSES).mean()
    history = one.fit(X, CLASSES, epochs=30, batch_size=6)
    assert history[-1]["loss"] < history[0]["loss"]


def test_focal_without_focus_is_cross_entropy():
    ending = [{"type": "Softmax"}, {"type": "CategoricalCrossEntropy"}]
    focal = net([{"type": "Softmax"}, {"type": "Focal", "gamma": 0.0}])
    assert focal.loss(X, CLASSES) == pytest.approx(net(ending).loss(X, CLASSES))
    binary = net([{"type": "Sigmoid"}, {"type": "Focal", "gamma": 0.0}], "binary", 1)
    assert binary.loss(X, CLASSES > 0) == pytest.approx(
        net([{"type": "SigmoidCrossEntropy"}], "binary", 1).loss(X, CLASSES > 0)
    )


FORMULAS = {
    "square(y - t)": lambda y, t: ((y - t) ** 2).mean(1),
    "mean(square(y - t)) + 0.1 * mean(abs(y - t))": lambda y, t: ((y - t) ** 2).mean(1) + 0.1 * np.abs(y - t).mean(1),
    "sqrt(mean(square(y - t)))": lambda y, t: np.sqrt(((y - t) ** 2).mean(1)),
    "log(sum(exp(y - t))) / 2": lambda y, t: np.log(np.exp(y - t).sum(1)) / 2,
    "1 - sum(y * t) / (sum(y * y) + 3)": lambda y, t: 1 - (y * t).sum(1) / ((y * y).sum(1) + 3),
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_a_loss(formula):
    one = net([{"type": "CustomLoss", "expression": formula}], "regression")
    t = RNG.random((6, 3))
    assert one.loss(X, t) == pytest.approx(FORMULAS[formula](logits(one), t).mean())
    stack = [engine.affine(3), {"type": "CustomLoss", "expression": formula}]
    parameters, made = engine.program((5,), stack, 6, input_gradient=True)
    engine.stir(parameters, RNG)
    engine.fill(made, X, t, RNG.random(6))
    engine.assert_gradient(parameters, made, RNG)


def test_a_formula_of_a_map_of_many_values():
    """More values than a block of the kernel, in images with a border."""
    stack = [engine.conv(200, 1), {"type": "CustomLoss", "expression": "sqrt(mean(square(y - t))) + sum(y) / 1000"}]
    parameters, made = engine.program((2, 3, 4), stack, 2, input_gradient=True)
    engine.stir(parameters, RNG)
    engine.fill(made, RNG.standard_normal((2, 2, 3, 4)), RNG.random((2, 200, 3, 4)))
    y = made.output
    value = made.run(1)
    t = np.moveaxis(made.feeds.targets.reshape(2, 3, 4, 200), -1, 1)
    expected = np.sqrt(((y - t) ** 2).mean((1, 2, 3))) + y.sum((1, 2, 3)) / 1000
    assert value == pytest.approx(expected.mean())
    engine.assert_gradient(parameters, made, RNG)


REFUSED = {
    "y - t + mean(y)": "stands outside",
    "mean(mean(y))": "stands inside another",
    "__import__('os')": "is not allowed",
    "mean(square(x - t))": "is not allowed",
    "mean(t)": "does not depend on the prediction",
    "mean(y -": "cannot be read",
    "y.real": "is not allowed",
    "(lambda: y)()": "is not allowed",
}


@pytest.mark.parametrize("formula", REFUSED)
def test_what_is_no_formula_says_why(formula):
    with pytest.raises(DocumentError, match=REFUSED[formula]):
        net([{"type": "CustomLoss", "expression": formula}], "regression")


def test_an_activation_by_formula():
    one = net(
        [{"type": "CustomActivation", "expression": "x * sigmoid(1.5 * x)"}, {"type": "SquaredError"}], "regression"
    )
    z = logits(one)
    np.testing.assert_allclose(one.predict(X), z / (1 + np.exp(-1.5 * z)))
    with pytest.raises(DocumentError, match="does not depend on x"):
        net([{"type": "CustomActivation", "expression": "1 + 1"}, {"type": "SquaredError"}], "regression")


def test_probabilities_before_a_loss_of_raw_values_are_told():
    layers = [engine.affine(3), {"type": "Softmax"}, {"type": "SoftmaxCrossEntropy"}]
    report = builder.check({"format": 1, "model": {"input": [5], "layers": layers}})
    assert report.task == "classification"
    assert [p.code for p in report.problems] == ["activation_before_raw_loss"]
    titles = [fix.title for fix in report.problems[0].fixes]
    assert titles == ["Remove Softmax_1", "Replace SoftmaxCrossEntropy_1 by CategoricalCrossEntropy"]
