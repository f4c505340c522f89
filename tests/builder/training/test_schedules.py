"""Learning rates against the formulas of the literature, on 4 steps per epoch."""

import math
from itertools import pairwise

import pytest

from builder.training.schedules import learning_rate
from schemas.training import Training


def rates(epochs=5, rate=0.4, **schedule):
    training = Training.model_validate(
        {"epochs": epochs, "optimizer": {"type": "SGD", "learning_rate": rate}, "schedule": schedule}
    )
    return [learning_rate(training, step, 4) for step in range(epochs * 4)]


def test_constant():
    assert rates(type="Constant") == [0.4] * 20


def test_step_drops_after_whole_epochs():
    assert rates(type="Step", step_size=2, gamma=0.5)[::4] == [0.4, 0.4, 0.2, 0.2, 0.1]


def test_step_drops_at_milestones():
    assert rates(type="Step", milestones=[1, 4], gamma=0.5)[::4] == [0.4, 0.2, 0.2, 0.2, 0.1]


def test_exponential_drops_after_every_epoch():
    values = rates(type="Exponential", gamma=0.5)
    assert values[::4] == [0.4, 0.2, 0.1, 0.05, 0.025]
    assert values[0] == values[3]


def test_cosine_ends_at_its_minimum():
    values = rates(type="Cosine", minimum=0.1)
    assert values[0] == 0.4 and values[-1] == pytest.approx(0.1)
    assert values[7] == pytest.approx(0.1 + 0.3 * (1 + math.cos(math.pi * 7 / 19)) / 2)


def test_polynomial_with_power_one_is_a_line():
    values = rates(type="Polynomial", minimum=0.02)
    assert values[-1] == pytest.approx(0.02)
    assert {round(a - b, 9) for a, b in pairwise(values)} == {0.02}


@pytest.mark.parametrize("kind", ["Constant", "Step", "Exponential", "Cosine", "Polynomial"])
def test_warm_up_rises_to_the_full_rate(kind):
    values = rates(type=kind, warmup_epochs=0.75, warmup_start=0.25)
    assert values[:4] == pytest.approx([0.2, 0.3, 0.4, 0.4])


@pytest.mark.parametrize("kind", ["Constant", "Step", "Exponential", "Cosine", "Polynomial"])
def test_one_step_in_all_is_no_division_by_zero(kind):
    training = Training.model_validate({"epochs": 1, "schedule": {"type": kind}})
    assert learning_rate(training, 0, 1) == 0.001
