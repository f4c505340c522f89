"""The scikit-learn estimators: scikit-learn's own checks, and that they learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from builder import DocumentError, TsumikiClassifier, TsumikiRegressor

SKIPPED = {
    "check_array_api_input": "needs an environment variable that SciPy reads at its first import",
    "check_classifier_data_not_an_array": "needs pandas, which is not installed with tsumiki",
    "check_regressor_data_not_an_array": "needs pandas, which is not installed with tsumiki",
}
"""Checks of scikit-learn's that it leaves out by itself -> why. There is no exception of our own: all others pass."""


@pytest.mark.parametrize("estimator", [TsumikiClassifier, TsumikiRegressor])
def test_passes_scikit_learns_checks(estimator: Any) -> None:
    results = check_estimator(estimator(epochs=30, threads=1, random_state=0), on_skip=None, on_fail=None)
    assert len(results) > 40
    others = {r["check_name"]: str(r["exception"]) for r in results if r["status"] != "passed"}
    assert {name: text for name, text in others.items() if name not in SKIPPED} == {}


def test_learns_in_a_pipeline_and_cross_validation() -> None:
    x, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), TsumikiClassifier(epochs=30, random_state=0))
    assert cross_val_score(model, x, y, cv=3).mean() > 0.9


def test_rows_can_be_images() -> None:
    x, y = load_digits(n_class=4, return_X_y=True)
    names = np.array(["zero", "one", "two", "three"])
    layers = [{"type": "Convolution", "out_channels": 8}, {"type": "ReLU"}, {"type": "MaxPooling"}]
    model = TsumikiClassifier(layers=layers, shape=(1, 8, 8), epochs=4, random_state=0).fit(x / 16, names[y])
    assert model.score(x / 16, names[y]) > 0.95
    assert set(model.classes_) == set(names)
    assert model.network_.params["Convolution_1/weight"].shape == (8, 1, 3, 3)
    assert model.n_iter_ == 4
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_predicts_in_the_targets_own_units() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(300, 3))
    y = 1e4 + 500 * (x[:, 0] - 2 * x[:, 1])
    model = TsumikiRegressor(random_state=0).fit(x, y)
    assert model.score(x, y) > 0.98
    both = TsumikiRegressor(random_state=0).fit(x, np.stack([y, -y], axis=1))
    assert both.predict(x).shape == (300, 2)


def test_the_same_random_state_gives_the_same_bytes() -> None:
    x, y = load_iris(return_X_y=True)
    first, second = (TsumikiClassifier(epochs=3, random_state=7).fit(x, y).predict_proba(x) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_wrong_stack_is_explained() -> None:
    with pytest.raises(DocumentError, match="Convolutio"):
        TsumikiClassifier(layers=[{"type": "Convolutio"}]).fit(np.zeros((4, 2)), [0, 1, 0, 1])
