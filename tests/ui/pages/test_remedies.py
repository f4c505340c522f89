"""The doctor's buttons: each leaves a valid document in which what it says has changed. And small pure helpers."""

from __future__ import annotations

from typing import Any

import pytest

from builder.check import check
from builder.ui.pages.charts import pareto
from builder.ui.pages.remedies import learning_rate, remedies
from builder.ui.state import opened, reduce
from builder.ui.texts import texts

CODES = (
    "diverging", "learning_rate_too_high", "no_progress", "overfitting", "classes_never_predicted", "still_improving",
    "fault",
)  # fmt: skip
LAYERS = [{"type": "Affine", "out_features": 10}]
BARE: dict[str, Any] = {"format": 1, "name": "n", "model": {"input": [1, 28, 28], "layers": LAYERS}}
DATA = {"source": {"type": "builtin", "name": "digits"}}
DOCUMENTS = {
    "bare": BARE,
    "no optimizer": {**BARE, "training": {"epochs": 3}},
    "all": {**BARE, "data": DATA, "training": {"epochs": 3, "optimizer": {"type": "AdamW", "learning_rate": 0.1}}},
    "default rate": {**BARE, "data": DATA, "training": {"optimizer": {"type": "SGD"}}},
    "nonsense": {**BARE, "training": {"optimizer": 3, "epochs": "x", "schedule": []}},
}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_button_leaves_a_sound_document(code: str, name: str) -> None:
    before = DOCUMENTS[name]
    found = remedies(code, before)
    assert found or code in ("still_improving",)
    for remedy in found:
        assert set(texts()[remedy.key]) == {"en", "ja", "de"}
        texts()[remedy.key]["de"].format(**remedy.values)
        state = opened(before)
        for action in remedy.actions:
            state = reduce(state, action)
            assert state.notice is None
        assert state.document != before
        if name != "nonsense":
            errors = [p for p in check(state.document).errors if p.pointer.startswith("/training")]
            assert errors == []


STACK = [
    {"type": "Affine", "out_features": 8},
    {"type": "Sigmoid"},
    {"type": "Repeat", "n": 2, "layers": [{"type": "Affine", "out_features": 8}, {"type": "Tanh", "name": "bend"}]},
    {"type": "Affine", "out_features": 1},
    {"type": "Sigmoid"},
    {"type": "BinaryCrossEntropy"},
]
ILL = {"format": 1, "task": "binary", "model": {"input": [4], "layers": STACK}}


def test_saturated_units_get_another_activation_and_the_head_keeps_its_own() -> None:
    (remedy,) = remedies("vanishing_gradients", ILL)
    state = opened(ILL)
    for action in remedy.actions:
        state = reduce(state, action)
    layers = state.document["model"]["layers"]
    assert ["Affine", "ReLU", "Repeat", "Affine", "Sigmoid", "BinaryCrossEntropy"] == [one["type"] for one in layers]
    assert {"type": "ReLU", "name": "bend"} == layers[2]["layers"][1]
    assert [] == list(check(state.document).errors)
    (one,) = remedies("saturated_units", ILL, ["Sigmoid_1"])
    assert 1 == len(one.actions[0].patch)
    assert [] == remedies("saturated_units", ILL, ["Affine_1"])


def test_an_activation_that_others_read_by_its_counted_name_is_left_alone() -> None:
    layers = [*STACK[:2], {"type": "Affine", "out_features": 1, "inputs": ["Sigmoid_1"]}, {"type": "SquaredError"}]
    document = {"format": 1, "task": "regression", "model": {"input": [4], "layers": layers}}
    assert [] == remedies("vanishing_gradients", document)


def test_dead_units_get_a_smaller_rate() -> None:
    document = {**BARE, "training": {"optimizer": {"type": "Adam", "learning_rate": 0.1}}}
    rate = next(one for one in remedies("dead_units", document, ["ReLU_1"]) if one.key == "train.fix.rate")
    assert "0.03" == rate.values["rate"]


def test_what_has_been_done_is_not_offered_again() -> None:
    training = {"early_stopping": {}, "weight_decay": 0.1, "class_weights": "balanced", "clip_norm": 1.0}
    done = {**BARE, "data": {**DATA, "augmentation": [{"type": "Shift"}]}, "training": training}
    assert [] == remedies("overfitting", done) == remedies("classes_never_predicted", done)
    assert ["train.fix.rate"] == [remedy.key for remedy in remedies("diverging", done)]


def test_the_learning_rate_that_applies() -> None:
    cases = [({}, 0.001), ({"optimizer": {"type": "SGD"}}, 0.01), ({"optimizer": {"type": "?"}}, 0.001)]
    for training, expected in [*cases, ({"optimizer": {"type": "Adam", "learning_rate": 0.5}}, 0.5)]:
        assert expected == learning_rate(training)


def test_the_learning_rate_stays_in_its_bounds() -> None:
    large = {**BARE, "training": {"optimizer": {"type": "SGD", "learning_rate": 0.9}}}
    assert ["0.09"] == [remedy.values["rate"] for remedy in remedies("no_progress", large)]


@pytest.mark.parametrize(
    ("points", "larger", "front"),
    [
        ([], True, []),
        ([(1, 1)], True, [0]),
        ([(1, 0.5), (1, 0.6), (2, 0.6), (3, 0.7)], True, [1, 3]),
        ([(1, 0.5), (2, 0.4), (3, 0.45)], False, [0, 1]),
    ],
)
def test_pareto_front(points: list[tuple[float, float]], larger: bool, front: list[int]) -> None:
    assert front == pareto(points, larger)
