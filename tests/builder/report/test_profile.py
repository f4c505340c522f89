"""The profile of a step, and the prediction of its time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import builder
from builder.compile.figures import figures, known
from builder.compile.lower import lower
from builder.compile.plan import plan
from builder.compile.work import Figures, step_seconds, works
from builder.report.pace import pace
from builder.report.profile import profile, profile_lines, profile_table

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
FIGURES = Figures(1, 110.0, 100.0, (1 << 10, 1 << 30), (50.0, 50.0), (25.0, 25.0), (50.0, 25.0))


def test_a_profile_names_every_layer_and_leaves_the_network_as_it_is() -> None:
    net = builder.compile(EXAMPLES / "digits.json", threads=1)
    before = net.params.packed.copy()
    found = profile(net, seconds=0.01, again=False)
    assert np.array_equal(before, net.params.packed)
    layers = {row["layer"] for row in found["calls"]}
    assert {"Convolution_1", "MaxPooling_2", "Affine_1", "CategoricalCrossEntropy_1"} <= layers
    assert 1 == pytest.approx(sum(row["share"] for row in found["calls"]))
    assert found["batch"] == 64 and found["step_ms"] > 0 and found["predicted_ms"] > 0
    kinds = {row["name"] for row in found["calls"] if row["layer"] == "Convolution_2"}
    assert {"convolution", "weight gradient", "input gradient"} <= kinds
    assert len(profile_table(found, most=5).rows) == 6
    assert any("samples per second" in line for line in profile_lines(found))


def test_a_profile_of_a_prediction_has_no_backward_pass() -> None:
    net = builder.compile(EXAMPLES / "digits.json", threads=1)
    found = profile(net, batch=3, training=False, seconds=0.01, again=False)
    assert (found["mode"], found["batch"]) == ("prediction", 3)
    assert not any("gradient" in row["name"] or row["name"] == "update" for row in found["calls"])


def test_useful_work_is_what_the_literature_counts() -> None:
    report = builder.check(EXAMPLES / "digits.json")
    planned = plan(lower(report.network), 64, "train", 4)
    pairs = zip(planned.emitted.calls, works(planned.emitted), strict=True)
    by_name = {call.name: work for call, work in pairs if call.layer == "Convolution_2"}
    wanted = 2 * 64 * 16 * 32 * 9 * 16  # samples, pixels, filters, taps, channels
    for name in ("convolution", "weight gradient", "input gradient"):
        assert by_name[name].flops == wanted


def test_more_work_is_predicted_to_take_longer_and_a_faster_machine_less() -> None:
    graph = lower(builder.check(EXAMPLES / "nnc_article.json").network)
    seconds = [step_seconds(plan(graph, batch, "train", 4).emitted, FIGURES) for batch in (8, 16, 32)]
    assert seconds == sorted(seconds)
    assert 3 < seconds[2] / seconds[0] < 4.5
    faster = Figures(1, 220.0, 200.0, FIGURES.bytes, (100.0, 100.0), (50.0, 50.0), (100.0, 50.0))
    assert 0.4 < step_seconds(plan(graph, 32, "train", 4).emitted, faster) / seconds[2] < 0.7


def test_figures_are_measured_once_and_kept() -> None:
    first = figures(1)
    assert first.gflops > 0 and all(speed > 0 for speed in (*first.read_gb, *first.write_gb, *first.own_gb))
    assert known(1) == first == figures(1)
    assert known(999) is None


def test_pace_of_a_document() -> None:
    told = pace(builder.check(EXAMPLES / "digits.json"))
    assert told is not None and told.steps == 20  # 1797 samples, 0.7 of them to train on, 64 a step
    assert told.epoch_seconds == pytest.approx(20 * told.step_seconds)
    assert pace(builder.check({"format": 1, "model": {"layers": [{"type": "Nothing"}]}})) is None
