"""What can be asked of a network: predictions, losses, gradients and parameters, and what is refused."""

import engine_harness as engine
import numpy as np
import pytest

from schemas.errors import UsageError

NORMED = [
    engine.conv(5, padding=1),
    *engine.layers("BatchNormalization", "ReLU", "MaxPooling", "Dropout"),
    engine.affine(3),
]
CLASSES = [*NORMED, *engine.HEAD]
SHAPE = (2, 6, 5)


def data(n, seed=0, shape=SHAPE, classes=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, *shape)).astype(np.float32), rng.integers(0, classes, n)


def stirred(stack=CLASSES, shape=SHAPE, **options):
    net = engine.network(shape, stack, **options)
    engine.stir(net.params, np.random.default_rng(9))
    return net


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 16, 23, 256])
def test_predictions_do_not_depend_on_the_batch_size(batch_size):
    net, (x, _) = stirred(), data(23)
    one_by_one = np.concatenate([net.predict(x[i : i + 1]) for i in range(23)])
    np.testing.assert_array_equal(net.predict(x, batch_size), one_by_one)
    np.testing.assert_allclose(one_by_one.sum(1), 1, rtol=1e-6)


def test_no_sample_gives_no_prediction():
    assert stirred().predict(np.zeros((0, *SHAPE))).shape == (0, 3)


def test_flat_samples_are_given_their_shape():
    net, (x, _) = stirred(), data(4)
    np.testing.assert_array_equal(net.predict(x.reshape(4, -1)), net.predict(x))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros(SHAPE), r"Put one sample into a batch with x\[None\]"),
        (np.zeros((4, 2, 5, 6)), "the shape|array of shape"),
        (np.zeros((4, 61)), "array of shape"),
        (np.float64(3), "array of shape"),
        ("text", "not an array of numbers"),
        ([[1, 2], [3]], "not an array of numbers"),
    ],
)
def test_inputs_of_another_shape_are_refused(x, words):
    with pytest.raises(UsageError, match=words):
        stirred().predict(x)


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_has_at_least_one_sample(size):
    with pytest.raises(UsageError, match="batch_size must be at least 1"):
        stirred().predict(data(2)[0], size)


@pytest.mark.parametrize("n", [1, 5, 256, 257, 600])
def test_evaluation_counts_every_sample_once(n):
    net, (x, t) = stirred(dtype="float64"), data(n)
    p = net.predict(x)
    expected = -np.log(p[np.arange(n), t]).mean()
    assert net.loss(x, t) == pytest.approx(expected, rel=1e-12)
    assert net.accuracy(x, t) == (p.argmax(1) == t).mean()
    found = net.evaluate(x, t)
    assert found["loss"] == pytest.approx(expected, rel=1e-12)
    assert found["accuracy"] == pytest.approx((p.argmax(1) == t).mean())
    loss, prediction = net.evaluated(x, t, batch_size=7)
    assert loss == pytest.approx(expected, rel=1e-12)
    np.testing.assert_array_equal(prediction, p)


def test_loss_in_use_takes_running_statistics_and_loss_in_training_the_batch_s():
    stack = [engine.affine(4), {"type": "BatchNormalization"}, engine.affine(3), *engine.HEAD]
    net, (x, t) = stirred(stack, (6,), dtype="float64"), data(40, shape=(6,))
    p = net.params

    def by_hand(mean, variance):
        h = x @ p["Affine_1/weight"] + p["Affine_1/bias"]
        mean, variance = (h.mean(0), h.var(0)) if mean is None else (mean, variance)
        h = (h - mean) / np.sqrt(variance + 1e-5) * p["BatchNormalization_1/gamma"] + p["BatchNormalization_1/beta"]
        z = h @ p["Affine_2/weight"] + p["Affine_2/bias"]
        return (np.log(np.exp(z).sum(1)) - z[np.arange(40), t]).mean()

    running = p["BatchNormalization_1/mean"], p["BatchNormalization_1/variance"]
    assert net.loss(x, t) == pytest.approx(by_hand(*running), rel=1e-10)
    assert net.loss(x, t, training=True) == pytest.approx(by_hand(None, None), rel=1e-10)


@pytest.mark.parametrize("spoilt", [False, True])
def test_asking_changes_nothing(spoilt):
    net, (x, t) = stirred(), data(20)
    if spoilt:
        x[3, 0, 0, 0] = np.nan
    before = {key: net.params[key].tobytes() for key in net.params}
    net.gradient(x, t)
    net.loss(x, t, training=True)
    net.loss(x, t)
    net.predict(x)
    assert before == {key: net.params[key].tobytes() for key in net.params}


def test_gradient_has_the_keys_and_shapes_of_what_is_trained():
    net, (x, t) = stirred(), data(8)
    found = net.gradient(x, t)
    assert list(found) == [k for k in net.params if not k.endswith(("mean", "variance"))] == list(net.trained)
    assert all(found[key].shape == net.params[key].shape for key in found)
    again = net.gradient(x, t)
    assert all(found[key].tobytes() == again[key].tobytes() for key in found)


def test_gradient_is_the_slope_of_the_loss_in_training():
    net, (x, t) = stirred(dtype="float64"), data(6)
    found, rng = net.gradient(x, t), np.random.default_rng(0)
    for key, gradient in found.items():
        values = net.params[key]

        def loss(key=key, values=values):
            net.params[key] = values
            return net.loss(x, t, training=True)

        for i, slope in engine.numeric(loss, values, rng, 3, 1e-6):
            assert gradient.reshape(-1)[i] == pytest.approx(slope, rel=1e-3, abs=1e-5)
        net.params[key] = values


def test_float32_agrees_with_float64():
    single, double, (x, t) = stirred(), stirred(dtype="float64"), data(30)
    for key in double.params:
        single.params[key] = double.params[key]
    np.testing.assert_allclose(single.predict(x), double.predict(x), rtol=1e-4, atol=1e-5)
    assert single.loss(x, t) == pytest.approx(double.loss(x, t), rel=1e-5)
    wide = double.gradient(x, t)
    for key, gradient in single.gradient(x, t).items():
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient, wide[key], rtol=1e-3, atol=1e-4 * max(1, np.abs(wide[key]).max()))


# --- parameters ------------------------------------------------------------------------------------------------------


def test_parameters_are_read_and_written_in_the_public_layout():
    net = stirred()
    weight = net.params["Convolution_1/weight"]
    assert weight.shape == (5, 2, 3, 3)
    weight[...] = 0
    assert net.params["Convolution_1/weight"].any(), "reading copies"
    net.params["Convolution_1/weight"] = weight
    assert not net.params["Convolution_1/weight"].any()
    net.params["Affine_1/bias"] = [1, 2, 3]
    assert net.params["Affine_1/bias"].tolist() == [1, 2, 3]


def test_parameter_keys_are_in_document_order():
    assert list(stirred().params) == [
        "Convolution_1/weight", "Convolution_1/bias", "BatchNormalization_1/gamma", "BatchNormalization_1/beta",
        "BatchNormalization_1/mean", "BatchNormalization_1/variance", "Affine_1/weight", "Affine_1/bias",
    ]  # fmt: skip


def test_mistakes_with_parameters_are_explained():
    net = stirred()
    with pytest.raises(KeyError, match="did you mean 'Convolution_1/weight'"):
        net.params["Convolution_1/weigth"]
    with pytest.raises(KeyError, match="not a parameter"):
        net.params["zzz"] = 1
    with pytest.raises(UsageError, match=r"has the shape \(5,\), but received \(3,\)"):
        net.params["Convolution_1/bias"] = np.zeros(3)
    with pytest.raises(UsageError, match="not an array of numbers"):
        net.params["Convolution_1/bias"] = "five"
    with pytest.raises(UsageError, match="cannot be removed"):
        del net.params["Convolution_1/bias"]
    assert "zzz" not in net.params
    assert len(net.params) == 8


def test_first_values_depend_on_seed_and_key_alone():
    a, b, c = (
        engine.network(SHAPE, CLASSES, seed=1),
        engine.network(SHAPE, CLASSES, seed=1),
        engine.network(SHAPE, CLASSES, seed=2),
    )
    shorter = engine.network(SHAPE, [engine.conv(5, padding=1), engine.affine(2), *engine.HEAD], seed=1)
    wide = engine.network(SHAPE, CLASSES, seed=1, dtype="float64")
    key = "Convolution_1/weight"
    assert a.params[key].tobytes() == b.params[key].tobytes() == shorter.params[key].tobytes()
    assert a.params[key].tobytes() == wide.params[key].astype(np.float32).tobytes()
    assert a.params[key].tobytes() != c.params[key].tobytes()


@pytest.mark.parametrize(
    ("initial", "expected"),
    [
        ("he_normal", (2 / 200) ** 0.5), ("he_uniform", (2 / 200) ** 0.5), ("glorot_normal", (2 / 500) ** 0.5),
        ("glorot_uniform", (2 / 500) ** 0.5), ({"type": "gaussian", "std": 0.01}, 0.01), ("zeros", 0),
        ({"type": "constant", "value": 3}, 0),
    ],
)  # fmt: skip
def test_initialisers_draw_the_stated_spread(initial, expected):
    net = engine.network((200,), [engine.affine(300, weight_initializer=initial), *engine.SQUARED])
    weight = net.params["Affine_1/weight"]
    assert weight.std() == pytest.approx(expected, rel=0.02, abs=1e-6)
    assert weight.mean() == pytest.approx(3 if initial == {"type": "constant", "value": 3} else 0, abs=3e-3)
    if "uniform" in str(initial):
        assert np.abs(weight).max() <= expected * 3**0.5


# --- targets ---------------------------------------------------------------------------------------------------------


def test_classes_may_be_numbers_or_one_hot():
    net, (x, t) = stirred(), data(9)
    expected = net.loss(x, t)
    for form in (t.tolist(), t.astype(np.uint8), t.astype(float), t[:, None], np.eye(3)[t], np.eye(3, dtype=bool)[t]):
        assert net.loss(x, form) == expected


BAD_CLASSES = {
    "too large": ([0, 3], "Label 3 is out of range.*Make the last Affine 4 wide"),
    "negative": ([-1, 2], "Label -1 is out of range"),
    "fraction": ([0.5, 1], "whole numbers"),
    "nan": ([np.nan, 1], "whole numbers"),
    "infinite": ([np.inf, 1], "whole numbers"),
    "huge": ([1e300, 1], "out of range"),
    "text": (["cat", "dog"], "not numbers"),
    "object": ([None, 1], "not numbers"),
    "too few": ([1], "There are 2 samples"),
    "scalar": (1, "There are 2 samples"),
    "ragged": ([[1], [1, 2]], "not an array of numbers"),
    "two ones": ([[1, 1, 0], [0, 0, 1]], "exactly one 1"),
    "no one": ([[0, 0, 0], [0, 0, 1]], "exactly one 1"),
    "soft": ([[0.5, 0.5, 0], [0, 0, 1]], "exactly one 1"),
    "wrong width": ([[1, 0], [0, 1]], "have the shape"),
    "not a number in one-hot": ([[np.nan, 0, 1], [0, 0, 1]], "exactly one 1"),
}


@pytest.mark.parametrize(("t", "words"), BAD_CLASSES.values(), ids=BAD_CLASSES.keys())
def test_bad_classes_are_refused(t, words):
    with pytest.raises(UsageError, match=words):
        stirred().loss(np.zeros((2, *SHAPE)), t)


def test_no_sample_has_no_loss():
    with pytest.raises(UsageError, match="at least one"):
        stirred().loss(np.zeros((0, *SHAPE)), [])


def test_binary_targets():
    net = stirred(
        [engine.affine(1), *engine.layers("Sigmoid", "BinaryCrossEntropy")], (4,), dtype="float64", task="binary"
    )
    x, t = data(7, shape=(4,), classes=2)
    p = net.predict(x)[:, 0]
    expected = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
    for form in (t, t[:, None], t.astype(bool), t.astype(float)):
        assert net.loss(x, form) == pytest.approx(expected, rel=1e-12)
    assert net.accuracy(x, t) == ((p >= 0.5) == t).mean()
    for bad in (2, -1, np.nan):
        with pytest.raises(UsageError, match="between 0 and 1"):
            net.loss(x, np.where(np.arange(7) == 3, bad, t))
    with pytest.raises(UsageError, match="have the shape"):
        net.loss(x, np.eye(2)[t])


@pytest.mark.parametrize("outputs", [1, 3])
def test_regression_targets(outputs):
    net = stirred([engine.affine(outputs), *engine.SQUARED], (4,), dtype="float64", task="regression")
    x = data(7, shape=(4,))[0]
    t = np.random.default_rng(1).standard_normal((7, outputs))
    expected = ((net.predict(x) - t) ** 2).mean()
    assert net.loss(x, t) == pytest.approx(expected, rel=1e-12)
    if outputs == 1:
        assert net.loss(x, t[:, 0]) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(UsageError, match="have the shape"):
        net.loss(x, np.zeros((7, outputs + 1)))
    with pytest.raises(UsageError, match="has no accuracy"):
        net.accuracy(x, t)
    found = net.evaluate(x, t)
    assert found["loss"] == pytest.approx(expected)
    assert found["rmse"] == pytest.approx(expected**0.5)


def test_an_image_may_be_the_target():
    net = stirred([engine.conv(3, padding=1), *engine.SQUARED], dtype="float64", task="regression")
    x = data(4)[0]
    t = np.random.default_rng(1).standard_normal((4, 3, 6, 5))
    assert net.loss(x, t) == pytest.approx(((net.predict(x) - t) ** 2).mean(), rel=1e-12)


def test_every_pixel_may_have_a_class():
    net = stirred([engine.conv(3, padding=1), *engine.HEAD], dtype="float64")
    x = data(4)[0]
    t = np.random.default_rng(1).integers(0, 3, (4, 6, 5))
    p = np.take_along_axis(net.predict(x), t[:, None], 1)
    assert net.loss(x, t) == pytest.approx(-np.log(p).mean(), rel=1e-12)
    assert net.loss(x, np.eye(3)[t].transpose(0, 3, 1, 2)) == net.loss(x, t)


# --- the network itself ----------------------------------------------------------------------------------------------


def test_unfit_settings_are_refused():
    with pytest.raises(UsageError, match="no dtype 'float16'"):
        engine.network(SHAPE, CLASSES, dtype="float16")
    with pytest.raises(UsageError, match="threads must be at least 1"):
        engine.network(SHAPE, CLASSES, threads=0)


def test_threads_are_capped_by_the_machine():
    from builder.network import processors

    assert engine.network(SHAPE, CLASSES, threads=1000).threads == processors()


def test_only_the_latest_programs_are_kept():
    net, (x, t) = stirred(), data(9)
    for n in range(1, 10):
        net.loss(x[:n], t[:n], training=True)
    assert len([key for key in net._programs if key[1] == "train"]) == 3
    net.predict(x)
    assert net.loss(x, t) > 0


def test_a_long_row_is_enlarged_without_a_matrix():
    """The weights of an axis are kept as a list: a matrix of 200,000 by 100,000 would not fit into any memory."""
    stack = [{"type": "Upsample", "mode": "bilinear"}, *engine.SQUARED]
    net = engine.network((1, 100_000), stack, task="regression")
    y = net.predict(np.arange(100_000, dtype=np.float32).reshape(1, 1, -1))
    assert y.shape == (1, 1, 200_000)
    np.testing.assert_allclose(y[0, 0, 1:-1], np.arange(199_998) / 2 + 0.25)
