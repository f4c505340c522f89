"""Values and gradients inside a network, against NumPy and against numeric gradients."""

import numpy as np
import pytest

from builder.report.explain import maps
from builder.report.explain.probe import find, layer_names, score_gradients, values
from schemas.errors import UsageError


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_values_are_those_of_use(branched) -> None:
    x = np.random.default_rng(0).standard_normal((5, 2, 6, 5))
    seen = values(branched, x, ["Input", *layer_names(branched)])
    p = branched.params
    std = np.sqrt(p["norm/variance"] + 1e-5)
    epsilon = next(node.op.epsilon for node in branched.graph.nodes if node.layer == "norm")
    std = np.sqrt(p["norm/variance"] + epsilon)
    per = (None, slice(None), None, None)
    norm = (seen["first"] - p["norm/mean"][per]) / std[per] * p["norm/gamma"][per] + p["norm/beta"][per]
    np.testing.assert_array_equal(seen["Input"], x)
    np.testing.assert_allclose(seen["norm"], norm, rtol=1e-10)
    np.testing.assert_array_equal(seen["relu"], np.maximum(seen["norm"], 0))
    np.testing.assert_allclose(seen["sum"], seen["second"] + seen["relu"])
    np.testing.assert_array_equal(seen["drop"], seen["sum"])
    pooled = seen["drop"][:, :, :6, :4].reshape(5, 4, 3, 2, 2, 2).max(axis=(3, 5))
    np.testing.assert_array_equal(seen["pool"], pooled)
    np.testing.assert_array_equal(seen["flat"], pooled.reshape(5, -1))
    np.testing.assert_allclose(seen["scores"], seen["flat"] @ p["scores/weight"] + p["scores/bias"], rtol=1e-10)
    np.testing.assert_allclose(branched.predict(x), softmax(seen["scores"]), rtol=1e-10)


def test_gradients_of_a_score_equal_numeric_ones(branched) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 2, 6, 5))
    outputs = [0, 2, 1]
    before = {key: value.copy() for key, value in branched.params.items()}
    scores, seen, slopes = score_gradients(branched, x, outputs, ["Input", "first", "norm", "sum", "pool", "flat"])
    for key, value in before.items():
        np.testing.assert_array_equal(value, branched.params[key])
    np.testing.assert_allclose(seen["sum"], values(branched, x, ["sum"])["sum"], rtol=1e-10)
    np.testing.assert_allclose(scores, values(branched, x, ["scores"])["scores"], rtol=1e-10)
    for i, k in enumerate(outputs):
        for index in [tuple(rng.integers(0, n) for n in x.shape[1:]) for _ in range(6)]:
            moved = np.repeat(x[i][None], 2, axis=0)
            moved[0][index] += 1e-6
            moved[1][index] -= 1e-6
            both = values(branched, moved, ["scores"])["scores"][:, k]
            assert slopes["Input"][i][index] == pytest.approx((both[0] - both[1]) / 2e-6, rel=1e-5, abs=1e-7)
        np.testing.assert_allclose(slopes["flat"][i], branched.params["scores/weight"][:, k], rtol=1e-6, atol=1e-12)


def test_gradients_deep_inside_equal_those_of_the_rest_alone(make) -> None:
    """The network behind a layer, as a network of its own, has that layer's gradient as its input's."""
    tail = [
        {"type": "BatchNormalization", "name": "n"},
        {"type": "Sigmoid", "name": "s"},
        {"type": "Affine", "name": "a", "out_features": 4},
    ]
    whole = make((1, 5, 5), [{"type": "Convolution", "name": "c", "out_channels": 3}, *tail])
    rest = make((3, 3, 3), tail)
    for key in rest.params:
        rest.params[key] = whole.params[key]
    x = np.random.default_rng(0).standard_normal((2, 1, 5, 5))
    _, seen, slopes = score_gradients(whole, x, [3, 1], ["c"])
    np.testing.assert_allclose(score_gradients(rest, seen["c"], [3, 1], ["Input"])[2]["Input"], slopes["c"], rtol=1e-8)


@pytest.mark.parametrize(("task", "head"), [("binary", 1), ("regression", 2)])
def test_scores_of_other_tasks(make, task, head) -> None:
    net = make((1, 4, 4), [{"type": "Affine", "name": "a", "out_features": head}], task)
    x = np.random.default_rng(0).standard_normal((2, 1, 4, 4))
    scores, _, slopes = score_gradients(net, x, [head - 1, 0], ["Input"])
    np.testing.assert_allclose(slopes["Input"][0].reshape(-1), net.params["a/weight"][:, head - 1], rtol=1e-8)
    expected = net.predict(x) if task == "regression" else np.log(net.predict(x) / (1 - net.predict(x)))
    np.testing.assert_allclose(scores, expected, rtol=1e-8)


def test_many_samples_go_in_batches(branched) -> None:
    x = np.random.default_rng(0).standard_normal((70, 2, 6, 5))
    whole = values(branched, x, ["pool"])["pool"]
    np.testing.assert_allclose(whole[66:], values(branched, x[66:], ["pool"])["pool"], rtol=1e-12)
    outputs = list(np.arange(70) % 3)
    slopes = score_gradients(branched, x, outputs, ["pool"])[2]["pool"]
    np.testing.assert_allclose(
        slopes[66:], score_gradients(branched, x[66:], outputs[66:], ["pool"])[2]["pool"], rtol=1e-6, atol=1e-12
    )
    assert (0, 4, 3, 2) == values(branched, x[:0], ["pool"])["pool"].shape


def test_layers_that_cannot_be_looked_at(branched) -> None:
    x = np.zeros((1, 2, 6, 5))
    with pytest.raises(UsageError, match="did you mean 'second'"):
        find(branched, "secnd")
    with pytest.raises(UsageError, match="its layers are first, norm"):
        find(branched, "???")
    with pytest.raises(UsageError, match="is the loss"):
        values(branched, x, [branched.checked.loss])
    with pytest.raises(UsageError, match="does not lie before the scores"):
        score_gradients(branched, x, [0], [branched.checked.output])
    with pytest.raises(UsageError, match="0 to 2"):
        score_gradients(branched, x, [3], ["pool"])
    with pytest.raises(UsageError, match="no sample"):
        score_gradients(branched, x[:0], [], ["pool"])
    with pytest.raises(UsageError, match=r"\(N, 2 × 6 × 5\)"):
        values(branched, np.zeros((1, 3)), ["pool"])


def test_which_layers_have_maps(branched, make) -> None:
    assert ["first", "norm", "relu", "second", "sum", "drop", "pool"] == maps.map_layers(branched)
    assert ["drop", "pool"] == maps.stages(branched)
    assert "drop" == maps.last_maps(branched)
    flat = make((1, 4, 4), [{"type": "Affine", "out_features": 2}])
    assert [] == maps.stages(flat)
    with pytest.raises(UsageError, match="no convolution"):
        maps.last_maps(flat)
    spread = np.zeros((3, 2, 2))
    spread[2, 0, 0], spread[1, 0, 0] = 5, 1
    assert [1, 2] == maps.strongest(spread, 2).tolist()
