"""Every metric against scikit-learn's, and what is undefined."""

import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn import metrics as reference

from builder.report.metrics import metrics
from schemas.errors import UsageError


@given(seed=st.integers(0, 10_000), samples=st.integers(1, 60), classes=st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_classification_agrees_with_scikit_learn(seed: int, samples: int, classes: int) -> None:
    draw = np.random.default_rng(seed)
    values = draw.random((samples, classes))
    actual = draw.integers(0, classes, samples)
    found = metrics("classification", values, actual, top_k=2)
    guess = values.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(actual, guess))
    for key, score in (("precision", "precision_score"), ("recall", "recall_score"), ("f1", "f1_score")):
        expected = getattr(reference, score)(actual, guess, average="macro", zero_division=0)
        assert found[key] == pytest.approx(expected)
    order = np.argsort(-values, axis=1)[:, :2]
    assert found["top_k_accuracy"] == pytest.approx(np.mean([a in row for a, row in zip(actual, order, strict=True)]))
    expected = reference.confusion_matrix(actual, guess, labels=range(classes))
    assert np.array_equal(found["confusion"], expected)
    assert found == metrics("classification", values, np.eye(classes)[actual], top_k=2)
    json.dumps(found, allow_nan=False)


@given(seed=st.integers(0, 10_000), samples=st.integers(2, 60), levels=st.integers(2, 50))
@settings(max_examples=40, deadline=None)
def test_binary_agrees_with_scikit_learn(seed: int, samples: int, levels: int) -> None:
    draw = np.random.default_rng(seed)
    values = draw.integers(0, levels, samples) / levels
    actual = draw.integers(0, 2, samples)
    actual[:2] = 0, 1
    found = metrics("binary", values, actual, ["no", "yes"])
    guess = (values >= 0.5).astype(int)
    assert found["auc"] == pytest.approx(reference.roc_auc_score(actual, values))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(actual, guess))
    assert found["precision"] == pytest.approx(reference.precision_score(actual, guess, zero_division=0))
    assert found["recall"] == pytest.approx(reference.recall_score(actual, guess))
    assert found["f1"] == pytest.approx(reference.f1_score(actual, guess, zero_division=0))
    assert [row["class"] for row in found["per_class"]] == ["no", "yes"]
    assert found == metrics("binary", values[:, None], actual[:, None].astype(np.float32), ["no", "yes"])


@given(seed=st.integers(0, 10_000), samples=st.integers(2, 60), outputs=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_regression_agrees_with_scikit_learn(seed: int, samples: int, outputs: int) -> None:
    draw = np.random.default_rng(seed)
    values, actual = draw.normal(size=(2, samples, outputs))
    found = metrics("regression", values, actual)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(actual, values))
    assert found["rmse"] == pytest.approx(np.sqrt(reference.mean_squared_error(actual, values)))
    assert found["r2"] == pytest.approx(reference.r2_score(actual, values))
    assert ("per_output" in found) == (outputs > 1)


def test_undefined_values_are_none() -> None:
    assert metrics("binary", np.array([0.1, 0.9]), np.array([1, 1]))["auc"] is None
    assert metrics("regression", np.array([1.0, 2.0]), np.array([3.0, 3.0]))["r2"] is None


def test_a_class_never_predicted_has_precision_zero() -> None:
    found = metrics("classification", np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]]), np.array([0, 1]), ["a", "b", "c"])
    assert found["per_class"][1] == {"class": "b", "precision": 0.0, "recall": 0.0, "f1": 0.0, "samples": 1}
    assert found["recall"] == 0.5  # class c neither occurs nor is predicted


@pytest.mark.parametrize(
    ("task", "prediction", "target"),
    [
        ("classification", np.ones((3, 2)), np.zeros(2)),
        ("classification", np.ones((0, 2)), np.zeros(0)),
        ("classification", np.ones((2, 2)), np.array([0, 2])),
        ("classification", np.ones((2, 2)), np.array([0, 0.5])),
        ("classification", np.ones((2, 3)), np.ones((2, 2))),
        ("binary", np.ones((2, 2)), np.zeros(2)),
        ("regression", np.ones((2, 2)), np.zeros(2)),
        ("ranking", np.ones((2, 2)), np.zeros(2)),
    ],
)
def test_what_does_not_fit_is_refused(task: str, prediction: np.ndarray, target: np.ndarray) -> None:
    with pytest.raises(UsageError):
        metrics(task, prediction, target)
