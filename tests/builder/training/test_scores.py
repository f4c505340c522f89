"""The epoch's numbers mean what builder/report/metrics.py means by the same names."""

import numpy as np
import pytest

from builder.report.metrics import metrics
from builder.training import scores

random = np.random.default_rng(0)
LABELS = random.integers(0, 4, 50)
PROBABILITIES = random.dirichlet([1] * 4, 50)
TIES = np.round(PROBABILITIES, 1)
CASES = [
    ("classification", PROBABILITIES, LABELS, 2),
    ("classification", PROBABILITIES, np.eye(4)[LABELS], 3),
    ("classification", TIES, LABELS, 2),
    ("binary", random.random((50, 1)), random.integers(0, 2, (50, 1)), None),
    ("binary", np.round(random.random(50), 1), random.integers(0, 2, 50), None),
    ("binary", random.random((50, 3)), random.integers(0, 2, (50, 3)), None),
    ("regression", random.normal(size=(50, 2)), random.normal(size=(50, 2)), None),
    ("regression", random.normal(size=(50, 1)), random.normal(size=50), None),
    ("regression", random.normal(size=(5, 1)), np.ones(5), None),
]


@pytest.mark.parametrize("task, prediction, target, k", CASES)
def test_numbers_agree_with_the_report(task, prediction, target, k):
    ours = scores.score(prediction, target, task, 0.25, k)
    theirs = metrics(
        task, prediction, target.reshape(prediction.shape) if task != "classification" else target, None, k
    )
    assert ours.pop("loss") == 0.25
    assert ours == pytest.approx({key: theirs[key] for key in ours})
    missing = {"accuracy", "top_k_accuracy", "mae", "rmse", "r2"} & theirs.keys() - ours.keys()
    assert all(theirs[key] is None for key in missing)


def test_improves_knows_which_way_is_up():
    assert scores.improves("loss", 0.9, 1.0) and not scores.improves("loss", 1.0, 1.0)
    assert scores.improves("accuracy", 0.9, 0.8) and not scores.improves("accuracy", 0.82, 0.8, delta=0.05)
    assert scores.improves("rmse", 5.0, None)
