"""Verdicts on layers that were made ill on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builder.report.explain.health import Checkup, Verdict, advice, rms, verdicts
from builder.report.explain.statistics import layer_statistics
from builder.training import Run

STACK = [
    {"type": "Affine", "name": "a", "out_features": 20},
    {"type": "ReLU", "name": "relu"},
    {"type": "Affine", "name": "b", "out_features": 20},
    {"type": "Sigmoid", "name": "sigmoid"},
    {"type": "Affine", "name": "scores", "out_features": 3},
]
X = np.random.default_rng(0).standard_normal((40, 5))
T = np.arange(40) % 3


def looked(net: Any) -> dict[str, Verdict]:
    return {one.layer: one for one in verdicts(layer_statistics(net, X, T))}


def test_a_well_network_is_fine(make: Any) -> None:
    found = looked(make((5,), STACK))
    assert {"good"} == {one.state for one in found.values()}
    assert {"fine"} == {one.code for one in found.values()}
    assert found["a"].gradient and found["a"].weight and found["relu"].gradient is None
    assert [] == advice(list(found.values()))


@pytest.mark.parametrize(("dead", "state"), [(3, "good"), (5, "watch"), (12, "bad")])
def test_dead_units(make: Any, dead: int, state: str) -> None:
    net = make((5,), STACK)
    bias = net.params["a/bias"].copy()
    bias[:dead], bias[dead:] = -1e3, np.abs(bias[dead:])
    net.params["a/bias"] = bias
    found = looked(net)["relu"]
    assert state == found.state
    if state != "good":
        assert ("dead", dead / 20) == (found.code, found.share)
        (said,) = advice([found])
        assert "dead_units" == said.code and f"{dead / 20:.0%}" in said.what and "relu" in said.what


def test_a_saturated_sigmoid(make: Any) -> None:
    net = make((5,), STACK)
    net.params["b/weight"] = 1e3 * net.params["b/weight"]
    found = looked(net)["sigmoid"]
    assert ("watch", "saturated") == (found.state, found.code) and found.share > 0.9
    assert ["saturated_units"] == [one.code for one in advice([found])]


def test_a_head_that_is_sure_is_not_saturated(make: Any) -> None:
    net = make((5,), [{"type": "Affine", "name": "a", "out_features": 1}, {"type": "Sigmoid", "name": "s"}], "binary")
    net.params["a/weight"] = 1e4 * net.params["a/weight"]
    rows = layer_statistics(net, X, T % 2)
    assert "fine" == verdicts(rows)[-1].code and rows[-1]["saturated"] > 0.9


def test_gradients_that_vanish_and_that_explode(make: Any) -> None:
    net = make((5,), STACK)
    net.params["b/weight"] = 1e-9 * net.params["b/weight"]
    assert "vanishing" == looked(net)["a"].code
    assert ["vanishing_gradients"] == [one.code for one in advice([looked(net)["a"]])]
    net = make((5,), STACK)
    net.params["a/weight"] = 1e-4 * net.params["a/weight"]
    net.params["a/bias"] = 1e-4 * net.params["a/bias"]
    net.params["b/weight"] = 10 * net.params["b/weight"]
    net.params["scores/weight"] = 10 * net.params["scores/weight"]
    assert ("bad", "exploding") == (looked(net)["a"].state, looked(net)["a"].code)


def test_a_number_that_is_none(make: Any) -> None:
    net = make((5,), STACK)
    weights = net.params["b/weight"].copy()
    weights[0, 0] = np.nan
    net.params["b/weight"] = weights
    assert ("bad", "not_finite") == (looked(net)["b"].state, looked(net)["b"].code)


def test_a_layer_that_always_says_the_same(make: Any) -> None:
    net = make((5,), STACK)
    net.params["a/weight"] = 0 * net.params["a/weight"]
    net.params["a/bias"] = 0 * net.params["a/bias"] + 1
    assert ("bad", "silent") == (looked(net)["a"].state, looked(net)["a"].code)


def test_rms_of_nothing() -> None:
    assert rms(None) is None and rms({"mean": None, "std": None}) is None


def test_a_checkup_of_a_run_follows_its_last_checkpoint(run: Path) -> None:
    checkup = Checkup(Run(run), samples=16)
    assert 16 == len(checkup.x) and checkup.place.is_file()
    found = checkup.look()
    assert 2 == checkup.epoch
    net = Run(run).network
    assert [name for name in net.graph.layers if name not in ("Input", net.checked.loss)] == [v.layer for v in found]
    assert "good" == {one.layer: one.state for one in found}["Convolution_1"]
    checkup.net.params["Convolution_1/bias"] = 0 * checkup.net.params["Convolution_1/bias"] + np.inf
    assert found == checkup.look()  # read anew each time
