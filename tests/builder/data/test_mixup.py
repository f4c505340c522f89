"""Mixup: shares of the right distribution, the same after a resume, and the losses that follow from them."""

from __future__ import annotations

import engine_harness as engine
import numpy as np
import pytest

import builder
from builder.answers import answer
from builder.data import Loader, prepare
from builder.data.mixup import beta, mixed
from builder.targets import IGNORED, Mixed
from builder.training import scores
from schemas.training import SGD

RNG = np.random.default_rng(0)
N, SHARE = 8, 0.3


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 4.0])
def test_shares_are_from_the_beta_distribution(alpha):
    """Mean 1/2 and variance 1 / (4 (2 alpha + 1)), within four standard errors of 4,000 draws; both ends alike."""
    drawn = np.array([beta(alpha, 1, k) for k in range(4000)])
    assert ((drawn >= 0) & (drawn <= 1)).all()
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(drawn.mean() - 0.5) < 4 * (variance / 4000) ** 0.5
    assert drawn.var() == pytest.approx(variance, rel=0.1)
    twice = np.random.default_rng(0).beta(alpha, alpha, 4000)
    for share in (0.1, 0.25, 0.75):
        assert abs(np.quantile(drawn, share) - np.quantile(twice, share)) < 0.04


def test_a_tiny_alpha_gives_numbers():
    assert all(np.isfinite(beta(1e-3, 1, k)) for k in range(200))


def test_a_batch_is_mixed_with_itself():
    x, t = RNG.standard_normal((N, 2, 3, 3)).astype(np.float32), np.arange(N)
    both, found = mixed(x, t, 1.0, 1, 2, 3)
    assert sorted(found.second) == list(range(N)) and (found.first == t).all()
    np.testing.assert_allclose(both, found.share * x + (1 - found.share) * x[found.second], rtol=1e-5, atol=1e-6)
    assert both.dtype == np.float32
    again, other = mixed(x, t, 1.0, 1, 2, 3), mixed(x, t, 1.0, 1, 2, 4)
    assert again[0].tobytes() == both.tobytes() and again[1].share == found.share != other[1].share


def test_resuming_anywhere_mixes_the_same():
    data = {"source": {"type": "builtin", "name": "digits"}, "validation": 0, "test": 0.9}
    data["augmentation"] = [{"type": "Mixup"}, {"type": "Shift"}]
    part = prepare({"data": data}, ".", findings=False).train

    def collect(start):
        made = Loader(part, 32, seed=5, augment=True, shuffle=True).batches(3, start)
        return [(n, x.tobytes(), t.first.tolist(), t.second.tolist(), t.share) for n, _, x, t in made]

    whole = collect(0)
    assert len({share for *_, share in whole}) == len(whole)
    for start in (1, len(whole) - 1):
        assert collect(start) == whole[start:]


# --- losses ----------------------------------------------------------------------------------------------------------


def one_hot(t):
    return np.eye(3)[t]


X, A, B = RNG.standard_normal((N, 5)), RNG.integers(0, 3, N), RNG.integers(0, 3, N)
ENDINGS = {
    "raw": [{"type": "SoftmaxCrossEntropy"}],
    "raw, smoothed": [{"type": "SoftmaxCrossEntropy", "label_smoothing": 0.2}],
    "probabilities, smoothed": [{"type": "Softmax"}, {"type": "CategoricalCrossEntropy", "label_smoothing": 0.2}],
    "focal": [{"type": "Softmax"}, {"type": "Focal"}],
    "squared": [{"type": "Softmax"}, {"type": "SquaredError"}],
}


def net(ending, width=3, task="classification", dtype="float64"):
    layers = [engine.affine(width, name="a"), *ending]
    return builder.compile({"format": 1, "task": task, "model": {"input": [5], "layers": layers}}, dtype=dtype, seed=0)


def mixed_once(one, t, weights=None):
    """Return loss and gradients of one step in which samples are mixed."""
    program = one.program(N, "train")
    program.feeds.inputs[:] = X
    answer(program, X, t, weights)
    program.feeds.key[:] = 0
    return program.run(1), {key: one.params.public(key, one.params.gradients) for key in one.trained}


def each(one, t, weight=None):
    """Return loss and gradients of one step with plain targets."""
    program = one.program(N, "train")
    program.feeds.inputs[:] = X
    answer(program, X, t, weight)
    return program.run(1), {key: one.params.public(key, one.params.gradients).copy() for key in one.trained}


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("name", [n for n in ENDINGS if n != "squared"])
def test_the_loss_is_the_shares_of_both_losses(name, weighted):
    one = net(ENDINGS[name])
    a, b = (A, B) if name != "focal" else (one_hot(A), one_hot(B))
    of_class = np.array([0.5, 1.0, 2.0])
    weights = (of_class[A], of_class[B]) if weighted else None
    loss, slopes = mixed_once(one, Mixed(a, b, SHARE), weights)
    first, second = (each(one, t, of_class[k] if weighted else None) for t, k in ((a, A), (b, B)))
    assert loss == pytest.approx(SHARE * first[0] + (1 - SHARE) * second[0], rel=1e-12)
    for key, value in slopes.items():
        np.testing.assert_allclose(value, SHARE * first[1][key] + (1 - SHARE) * second[1][key], rtol=1e-9, atol=1e-14)


def test_cross_entropy_is_that_of_the_soft_target():
    one = net(ENDINGS["raw"])
    z = X @ one.params["a/weight"] + one.params["a/bias"]
    logs = z - np.log(np.exp(z).sum(1, keepdims=True))
    soft = SHARE * one_hot(A) + (1 - SHARE) * one_hot(B)
    assert mixed_once(one, Mixed(A, B, SHARE))[0] == pytest.approx(-(soft * logs).sum(1).mean(), rel=1e-12)


def test_values_are_compared_with_the_mixed_target():
    one = net([{"type": "SquaredError"}], 2, "regression")
    a, b = RNG.standard_normal((N, 2)), RNG.standard_normal((N, 2))
    y = X @ one.params["a/weight"] + one.params["a/bias"]
    wanted = ((y - SHARE * a - (1 - SHARE) * b) ** 2).mean()
    assert mixed_once(one, Mixed(a, b, SHARE))[0] == pytest.approx(wanted, rel=1e-12)


def test_yes_or_no_with_weights():
    one = net([{"type": "SigmoidCrossEntropy"}], 1, "binary")
    a, b = RNG.integers(0, 2, (N, 1)).astype(float), RNG.integers(0, 2, (N, 1)).astype(float)
    weigh = np.array([0.5, 3.0])
    weights = tuple(weigh[t[:, 0].astype(int)] for t in (a, b))
    loss, slopes = mixed_once(one, Mixed(a, b, SHARE), weights)
    first, second = each(one, a, weights[0]), each(one, b, weights[1])
    assert loss == pytest.approx(SHARE * first[0] + (1 - SHARE) * second[0], rel=1e-12)
    wanted = SHARE * first[1]["a/weight"] + (1 - SHARE) * second[1]["a/weight"]
    np.testing.assert_allclose(slopes["a/weight"], wanted, rtol=1e-9, atol=1e-14)


def test_what_is_left_out_of_one_of_both_counts_by_the_other():
    one = net([{"type": "SoftmaxCrossEntropy", "ignore_index": 255}])
    a, b = A.copy(), B.copy()
    a[:3], b[2:5] = IGNORED, IGNORED
    z = X @ one.params["a/weight"] + one.params["a/bias"]
    logs = z - np.log(np.exp(z).sum(1, keepdims=True))
    shares = SHARE * (a != IGNORED), (1 - SHARE) * (b != IGNORED)
    each = [-share * logs[np.arange(N), np.maximum(t, 0)] for share, t in zip(shares, (a, b), strict=True)]
    wanted = sum(e.sum() for e in each) / sum(s.sum() for s in shares)
    assert mixed_once(one, Mixed(a, b, SHARE))[0] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("without", [frozenset(), frozenset({"loss_takes_logits"})], ids=["fused", "not fused"])
def test_the_gradient_is_that_of_the_loss(without):
    stack = [engine.affine(3, name="a"), *ENDINGS["probabilities, smoothed"]]
    parameters, made = engine.program((5,), stack, N, without=without, input_gradient=True)
    engine.stir(parameters, RNG)
    made.feeds.inputs[:] = X
    answer(made, X, Mixed(A, B, SHARE))
    engine.assert_gradient(parameters, made, RNG)


def test_all_losses_of_a_network_see_the_mixed_target():
    """Class numbers for one, one-hot values for another, the mixed input for a third."""
    layers = [
        engine.affine(5, name="a"), {"type": "SquaredError", "target": "input", "name": "copy"},
        engine.affine(3, name="b", inputs=["a"]), {"type": "Softmax", "name": "s"}, {"type": "Focal", "name": "focal"},
        {"type": "CategoricalCrossEntropy", "inputs": ["s"], "name": "main"},
    ]  # fmt: skip
    one = builder.compile({"format": 1, "model": {"input": [5], "layers": layers}}, dtype="float64", seed=0)
    session = one.session(N, SGD())
    session.step(X, Mixed(A, B, SHARE), learning_rate=0.0)
    found = dict(session.losses)
    parts = []
    for t in (A, B):
        session.step(X, t, learning_rate=0.0)
        parts.append(dict(session.losses))
    for name, value in found.items():
        assert value == pytest.approx(SHARE * parts[0][name] + (1 - SHARE) * parts[1][name], rel=1e-9), name


# --- training --------------------------------------------------------------------------------------------------------


def test_the_accuracy_of_training_counts_both_classes_by_their_share():
    y = np.eye(3)[[0, 1, 2]]
    right, counted = scores.tally(y, Mixed(np.array([0, 1, 1]), np.array([1, 1, 2]), 0.25), "classification")
    assert right / counted == pytest.approx((0.25 + 1 + 0.75) / 3)
    error, count = scores.tally(np.ones((2, 1)), Mixed(np.zeros((2, 1)), np.ones((2, 1)), 0.25), "regression")
    assert error / count == pytest.approx(0.25)


def document(ending, task="classification", source=None, **training):
    return {
        "format": 1, "task": task,
        "model": {"layers": [{"type": "Affine", "out_features": 16}, {"type": "ReLU"}, *ending]},
        "data": {
            "source": source or {"type": "builtin", "name": "iris"}, "preprocessing": [{"type": "Normalize"}],
            "augmentation": [{"type": "Mixup", "alpha": 0.4}],
        },
        "training": {"epochs": 3, "batch_size": 16, **training},
    }  # fmt: skip


def test_a_training_with_mixup_is_the_same_after_a_resume_and_on_any_threads(tmp_path):
    made = document([{"type": "Affine", "out_features": 3}, {"type": "SoftmaxCrossEntropy", "label_smoothing": 0.1}])
    made["training"] |= {"class_weights": "balanced"}
    assert not builder.check(made).problems
    one = builder.train(made, out=tmp_path / "a", threads=1)
    stops = iter([False] * 4 + [True] + [False] * 100)
    two = builder.train(made, out=tmp_path / "b", threads=2, stop=lambda: next(stops))
    two = builder.resume(two.path)
    for name in ("metrics.jsonl", "predictions.csv", "report.json"):
        assert (one.path / name).read_bytes() == (two.path / name).read_bytes()


@pytest.mark.parametrize(("name", "task", "ending"), [
    ("breast_cancer", "binary", [{"type": "Affine", "out_features": 1}, {"type": "SigmoidCrossEntropy"}]),
    ("diabetes", "regression", [{"type": "Affine", "out_features": 1}, {"type": "SquaredError"}]),
], ids=["yes or no", "numbers"])  # fmt: skip
def test_every_task_can_be_mixed(tmp_path, name, task, ending):
    run = builder.train(document(ending, task, {"type": "builtin", "name": name}), out=tmp_path)
    assert run.report["status"] == "finished"


def test_hinge_is_refused_with_a_way_out():
    made = document([{"type": "Affine", "out_features": 1}, {"type": "Hinge"}], "binary")
    made["data"]["source"]["name"] = "breast_cancer"
    (problem,) = builder.check(made).problems
    assert problem.code == "mixup_loss"
    assert [fix.title for fix in problem.fixes] == ["Do not mix samples", "Use SigmoidCrossEntropy"]


def test_mixup_stands_once():
    made = document([{"type": "Affine", "out_features": 3}, {"type": "SoftmaxCrossEntropy"}])
    made["data"]["augmentation"] *= 2
    assert any("mixed once" in problem.what for problem in builder.check(made).problems)
