"""Networks with several losses: training makes their weighted sum small, use knows nothing but the main head."""

from __future__ import annotations

import json

import engine_harness as engine
import numpy as np
import pytest

import builder

RNG = np.random.default_rng(0)
X, CLASSES = RNG.standard_normal((6, 2, 4, 4)), RNG.integers(0, 3, 6)
CONV = {"type": "Convolution", "out_channels": 3, "kernel_size": 3, "padding": 1}
AUXILIARY = [
    {**CONV, "name": "trunk"},
    {"type": "Tanh", "name": "bend"},
    {"type": "Affine", "out_features": 3, "name": "side"},
    {"type": "SoftmaxCrossEntropy", "loss_weight": 0.3, "name": "aux"},
    {**CONV, "inputs": ["bend"], "name": "more"},
    {"type": "Affine", "out_features": 3, "name": "head"},
    {"type": "Softmax", "name": "main"},
    {"type": "CategoricalCrossEntropy", "name": "loss"},
]


def net(layers, task="classification", **fields):
    document = {"format": 1, "task": task, "model": {"input": [2, 4, 4], "layers": layers}, **fields}
    return builder.compile(document, dtype=fields.pop("dtype", "float64"), seed=0)


def alone(layers, *names):
    """Return the stack without some layers."""
    return [entry for entry in layers if entry["name"] not in names]


def copied(one, layers):
    """Return a network of other layers with the parameters of `one`."""
    other = net(layers)
    for key in other.params:
        other.params[key] = one.params[key]
    return other


def test_the_objective_is_the_weighted_sum_and_use_is_the_main_head_alone():
    """Loss and gradients are those of two networks, one for each head, added with the heads' weights."""
    whole = net(AUXILIARY)
    main = copied(whole, alone(AUXILIARY, "side", "aux"))
    side = copied(whole, [*AUXILIARY[:3], {"type": "SoftmaxCrossEntropy", "name": "aux"}])
    total = main.loss(X, CLASSES) + 0.3 * side.loss(X, CLASSES)
    assert whole.loss(X, CLASSES, training=True) == pytest.approx(total, rel=1e-12)
    assert whole.loss(X, CLASSES) == main.loss(X, CLASSES)
    np.testing.assert_array_equal(whole.predict(X), main.predict(X))
    assert whole.evaluate(X, CLASSES) == main.evaluate(X, CLASSES)
    found, one, two = (n.gradient(X, CLASSES) for n in (whole, main, side))
    for key in found:
        wanted = one.get(key, 0) + 0.3 * two.get(key, np.zeros(()))
        np.testing.assert_allclose(found[key], wanted, rtol=1e-9, atol=1e-14, err_msg=key)


@pytest.mark.parametrize("mode", ["predict", "evaluate"])
def test_use_does_not_compute_the_auxiliary_head(mode):
    calls = {call.layer for call in net(AUXILIARY).program(2, mode).emitted.calls}
    assert "head" in calls and not calls & {"side", "aux"}


@pytest.mark.parametrize("without", [frozenset(), frozenset({"loss_takes_logits"})], ids=["fused", "not fused"])
def test_the_gradient_of_several_losses(without):
    """Losses of all kinds on one trunk: two on one prediction, one that is a formula, one against the input."""
    layers = [
        {**CONV, "name": "trunk"},
        {"type": "Tanh", "name": "bend"},
        {"type": "Affine", "out_features": 3},
        {"type": "Softmax", "name": "side"},
        {"type": "CategoricalCrossEntropy", "loss_weight": 0.3, "label_smoothing": 0.1},
        {"type": "Dice", "loss_weight": 0.5, "inputs": ["side"]},
        {"type": "Convolution", "out_channels": 2, "kernel_size": 1, "inputs": ["bend"]},
        {"type": "SquaredError", "target": "input", "loss_weight": 2.0},
        {"type": "Affine", "out_features": 3, "inputs": ["bend"]},
        {"type": "SoftmaxCrossEntropy"},
    ]
    parameters, made = engine.program((2, 4, 4), layers, 6, without=without, input_gradient=True)
    engine.stir(parameters, RNG)
    engine.fill(made, X, CLASSES)
    made.run(1)
    np.testing.assert_allclose(made.feeds.loss[0], sum(a.loss[0] for a in made.feeds.answers), rtol=1e-12)
    # The input is a target too: its gradient as a target is no part of what is compared here.
    found = {key: value.copy() for key, value in engine.gradients(parameters).items()}
    for key, gradient in found.items():
        values = parameters[key]

        def run(key=key, values=values):
            parameters[key] = values
            return made.run(1)

        for i, slope in engine.numeric(run, values, RNG, 4):
            np.testing.assert_allclose(gradient.reshape(-1)[i], slope, rtol=1e-5, atol=1e-9, err_msg=f"{key} {i}")
        parameters[key] = values


def test_a_reconstruction_compares_with_the_input():
    layers = [
        {"type": "Convolution", "out_channels": 2, "kernel_size": 1, "name": "copy"},
        {"type": "SquaredError", "target": "input", "name": "aux"},
        {"type": "Affine", "out_features": 3, "inputs": ["copy"], "name": "head"},
        {"type": "SoftmaxCrossEntropy", "name": "loss"},
    ]
    one = net(layers)
    one.params["copy/weight"] = np.eye(2).reshape(2, 2, 1, 1)
    one.params["copy/bias"] = np.zeros(2)
    assert one.loss(X, CLASSES, training=True) == pytest.approx(one.loss(X, CLASSES))
    one.params["copy/bias"] = np.array([0.0, 2.0])
    assert one.loss(X, CLASSES, training=True) == pytest.approx(one.loss(X, CLASSES) + 2.0)


def test_the_bits_are_the_same_on_any_number_of_threads():
    layers = [{**entry, **({"out_channels": 40} if entry["type"] == "Convolution" else {})} for entry in AUXILIARY]
    found = []
    for threads in (1, 2):
        one = builder.compile({"format": 1, "model": {"input": [2, 40, 40], "layers": layers}}, seed=3, threads=threads)
        x = np.random.default_rng(1).standard_normal((8, 2, 40, 40)).astype(np.float32)
        found.append(one.gradient(x, np.arange(8) % 3))
    assert found[0].keys() == found[1].keys()
    for key, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][key], err_msg=key)


def test_a_unit_used_twice_makes_two_auxiliary_heads():
    model = {
        "input": [2, 4, 4],
        "units": {
            "aux": {"layers": [{"type": "GlobalAveragePooling"}, {"type": "Affine", "out_features": 3},
                               {"type": "SoftmaxCrossEntropy", "loss_weight": 0.3}]}
        },
        "layers": [
            {**CONV, "name": "a"}, {"type": "Unit", "unit": "aux"},
            {**CONV, "name": "b", "inputs": ["a"]}, {"type": "Unit", "unit": "aux"},
            {"type": "Affine", "out_features": 3, "inputs": ["b"]}, {"type": "SoftmaxCrossEntropy"},
        ],
    }  # fmt: skip
    report = builder.check({"format": 1, "model": model})
    assert report.ok, report.problems
    assert len(report.network.auxiliary) == 2
    one = builder.compile({"format": 1, "model": model}, seed=0)
    before = one.loss(X, CLASSES)
    one.fit(X, CLASSES, epochs=20, batch_size=6)
    assert one.loss(X, CLASSES) < before


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("auxiliary")
    x = np.random.default_rng(0).standard_normal((40, 2, 4, 4)).astype(np.float32)
    np.savez(place / "d.npz", x=x, y=(x.mean((1, 2, 3)) > 0).astype(np.int64) + (x[:, 0, 0, 0] > 1))
    document = {
        "format": 1,
        "task": "classification",
        "model": {"input": [2, 4, 4], "layers": AUXILIARY},
        "data": {"source": {"type": "npz", "path": "d.npz"}},
        "training": {"epochs": 3, "batch_size": 8},
    }
    (place / "net.json").write_text(json.dumps(document))
    events = []
    return builder.train(place / "net.json", out=place / "runs", progress=events.append), events


def test_curves_and_events_have_the_sum_and_each_loss(run):
    one, events = run
    rows = [json.loads(line) for line in (one.path / "metrics.jsonl").read_text().splitlines()]
    assert len(rows) == 3
    for row in rows:
        assert list(row["losses"]) == ["loss", "aux"]
        assert row["losses"]["loss"] == row["train"]["loss"]
        assert row["total_loss"] == pytest.approx(row["losses"]["loss"] + 0.3 * row["losses"]["aux"])
        assert set(row["validation"]) == {"loss", "accuracy"}
    steps = [event for event in events if event["event"] == "step"]
    assert all(set(event["losses"]) == {"loss", "aux"} and event["total_loss"] > event["loss"] for event in steps)
    assert one.network.evaluate(X, CLASSES)["loss"] == pytest.approx(one.network.loss(X, CLASSES))


def test_a_training_that_was_interrupted_gives_the_same_lines(run, tmp_path):
    one, _ = run
    stops = iter([False, False, True] + [False] * 100)
    stopped = builder.train(one.path.parents[2] / "net.json", out=tmp_path, stop=lambda: next(stops))
    again = builder.resume(stopped.path)
    assert (again.path / "metrics.jsonl").read_bytes() == (one.path / "metrics.jsonl").read_bytes()


def test_looking_inside_knows_the_main_head_alone(run):
    from builder.report.explain import probe
    from schemas.errors import UsageError

    one = run[0].network
    assert probe.layer_names(one) == ["trunk", "bend", "more", "head", "main"]
    assert probe.values(one, X, ["more"])["more"].shape == (6, 3, 4, 4)
    with pytest.raises(UsageError, match="auxiliary"):
        probe.values(one, X, ["side"])


def test_the_report_draws_each_loss(run):
    from builder.report.explain.result import result_chapter

    html = result_chapter(run[0]).html
    assert "Losses in training" in html and all(f"● {name}<" in html for name in ("loss", "aux", "objective"))


def test_a_new_head_leaves_the_auxiliary_ones_behind(run, tmp_path):
    made = builder.transfer(run[0].path, classes=5, base=tmp_path)
    assert [entry["name"] for entry in made["model"]["layers"][:4]] == ["trunk", "bend", "more", "head_2"]
    assert [entry["type"] for entry in made["model"]["layers"][4:]] == ["Softmax", "CategoricalCrossEntropy"]
    (tmp_path / "net.json").write_text(json.dumps(made))
    report = builder.check(tmp_path / "net.json")
    assert report.ok, report.problems


def test_the_summary_says_the_objective():
    report = builder.check({"format": 1, "model": {"input": [2, 4, 4], "layers": AUXILIARY}})
    from builder.report.summary import summary_text

    assert "1 × loss + 0.3 × aux; the first is the main one" in summary_text(report)
