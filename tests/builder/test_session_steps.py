"""Training steps: every optimizer against NumPy, accumulation, resuming, faults, frozen layers and Dropout."""

import engine_harness as engine
import numpy as np
import pytest

import builder.session as session_module
from builder.compile import program
from builder.kernels import elementwise, optimizers as twins
from schemas import training
from schemas.errors import UsageError

SHAPE, CLASSES = (2, 6, 5), 3
PLAIN = [engine.conv(5, padding=1), *engine.layers("Tanh", "MaxPooling"), engine.affine(CLASSES), *engine.HEAD]
NORMED = [
    engine.conv(20, padding=1, name="c"),
    {"type": "BatchNormalization", "name": "n"},
    *engine.layers("ReLU", "MaxPooling"),
    {"type": "Dropout", "p": 0.3},
    engine.conv(7, 2, bias=False),
    *engine.layers("BatchNormalization", "Sigmoid"),
    engine.affine(CLASSES),
    *engine.HEAD,
]


def data(n, seed=0, shape=SHAPE):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, *shape)).astype(np.float32), rng.integers(0, CLASSES, n)


def parameters(net):
    return {key: net.params[key] for key in net.params}


def packed(net):
    return net.params.packed.tobytes()


# --- optimizers ------------------------------------------------------------------------------------------------------


def test_every_optimizer_has_a_twin():
    declared = {kind.model_fields["type"].default for kind in training.Optimizer.__origin__.__args__}
    assert {o.type for o in engine.TWINS} == declared


@pytest.mark.parametrize("optimizer", engine.TWINS, ids=lambda o: o.type)
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("limit", [None, 0.05, 1e6])
def test_an_optimizer_does_what_its_formula_says(optimizer, decay, limit):
    twin, states, settings = engine.TWINS[optimizer]
    net = engine.network(SHAPE, PLAIN, dtype="float64")
    session = net.session(8, optimizer, weight_decay=decay, clip_norm=limit)
    expected = parameters(net)
    slots = {key: [np.zeros_like(value)] * states for key, value in expected.items()}
    for step in range(1, 6):
        x, t = data(8, step)
        rate = 0.01 * step
        gradient = net.gradient(x, t)
        if limit is not None:
            gradient = dict(zip(gradient, twins.twin_clip_update(list(gradient.values()), limit), strict=True))
        loss = net.loss(x, t, training=True)
        assert session.step(x, t, learning_rate=rate) == pytest.approx(loss, rel=1e-12)
        more = {"update": step} if "beta1" in settings else {}
        for key, g in gradient.items():
            own = decay if key.endswith("weight") else 0.0
            expected[key], *slots[key] = twin(expected[key], g, *slots[key], rate, own, **settings, **more)
        for key, value in expected.items():
            np.testing.assert_allclose(
                net.params[key], value, rtol=1e-9, atol=1e-12, err_msg=f"{key} after step {step}"
            )


@pytest.mark.parametrize("shape", [(1, 3, 3), (1, 5, 5), (3, 3, 1), (2, 4, 4)])
def test_a_parameter_updated_in_its_gradient_s_pass_is_updated_whole(shape):
    """The input has a border, for the convolution, so that Affine reads it row by row."""
    stack = [
        engine.conv(2, padding=1, name="c"),
        engine.affine(16, name="a", inputs=["Input"]),
        engine.affine(16, name="b", inputs=["c"]),
        {"type": "Add", "inputs": ["a", "b"]},
        engine.affine(3),
        *engine.HEAD,
    ]
    found = []
    for limit in (None, 1e9):  # where gradients are limited, they are written first and the update comes after
        net = engine.network(shape, stack)
        session = net.session(8, training.Momentum(), clip_norm=limit, weight_decay=0.0)
        for _ in range(3):
            session.step(*data(8, shape=shape), learning_rate=0.1)
        found.append({key: net.params[key] for key in net.params})
    for key, values in found[0].items():
        np.testing.assert_array_equal(values, found[1][key], err_msg=key)


@pytest.mark.parametrize("optimizer", engine.TWINS, ids=lambda o: o.type)
def test_lanes_that_only_pad_stay_zero(optimizer):
    net = engine.network(SHAPE, NORMED)
    session = net.session(8, optimizer, weight_decay=0.1)
    for step in range(3):
        session.step(*data(8, step), learning_rate=0.01)
    for slot in net.params.slots.values():
        part = net.params.part(slot, net.params.packed)
        again = np.empty_like(part)
        slot.layout.pack(slot.layout.unpack(part), again)
        assert part.tobytes() == again.tobytes(), slot.key


# --- batches and accumulation ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [training.SGD(), training.Adam()], ids=lambda o: o.type)
@pytest.mark.parametrize("limit", [None, 0.05])
def test_small_batches_gathered_are_one_large_batch(optimizer, limit):
    large, small = (engine.network(SHAPE, PLAIN, dtype="float64") for _ in range(2))
    one = large.session(12, optimizer, clip_norm=limit, weight_decay=0.01)
    many = small.session(4, optimizer, clip_norm=limit, weight_decay=0.01, accumulate=3)
    for step in range(3):
        x, t = data(12, step)
        whole = one.step(x, t, learning_rate=0.1)
        parts = [many.step(x[i : i + 4], t[i : i + 4], learning_rate=0.1) for i in (0, 4, 8)]
        assert np.mean(parts) == pytest.approx(whole, rel=1e-12)
    assert (one.updates, many.updates, many.steps, many.pending) == (3, 3, 9, 0)
    for key in large.params:
        np.testing.assert_allclose(small.params[key], large.params[key], rtol=1e-9, atol=1e-12)


def test_flush_updates_with_the_mean_of_an_incomplete_group():
    net, other = (engine.network(SHAPE, PLAIN, dtype="float64") for _ in range(2))
    session = net.session(4, training.SGD(), accumulate=5)
    before = packed(net)
    session.flush(0.1)
    x, t = data(8)
    session.step(x[:4], t[:4], learning_rate=0.1)
    session.step(x[4:], t[4:], learning_rate=0.1)
    assert (packed(net), session.pending) == (before, 2)
    session.flush(0.1)
    other.session(8, training.SGD()).step(x, t, learning_rate=0.1)
    for key in net.params:
        np.testing.assert_allclose(net.params[key], other.params[key], rtol=1e-10, atol=1e-13)
    after = packed(net)
    session.flush(0.1)
    assert packed(net) == after


def test_a_step_takes_any_number_of_samples_up_to_the_batch_size():
    net = engine.network(SHAPE, NORMED)
    session = net.session(8, training.SGD())
    for n in (8, 3, 1, 8):
        assert np.isfinite(session.step(*data(n), learning_rate=0.01))
        assert session.prediction.shape == (n, CLASSES)
    for n in (0, 9):
        with pytest.raises(UsageError, match="1 to 8 samples"):
            session.step(*data(n), learning_rate=0.01)


def test_a_session_needs_a_batch():
    for sizes in ((0, 1), (1, 0)):
        with pytest.raises(UsageError, match="at least 1"):
            engine.network(SHAPE, PLAIN).session(sizes[0], training.SGD(), accumulate=sizes[1])


@pytest.mark.parametrize("wrong", [{"weight_decay": None}, {"weight_decay": -0.1}, {"clip_norm": float("nan")}])
def test_a_session_refuses_settings_that_are_no_numbers(wrong):
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} must be a number from 0 on"):
        engine.network(SHAPE, PLAIN).session(8, training.SGD(), **wrong)


def test_prediction_is_that_of_the_last_step_before_its_update():
    net = engine.network(SHAPE, PLAIN)
    session = net.session(8, training.SGD())
    with pytest.raises(UsageError, match="no prediction yet"):
        _ = session.prediction
    x, t = data(5)
    before = net.predict(x)
    session.step(x, t, learning_rate=0.5)
    np.testing.assert_array_equal(session.prediction, before)
    session.prediction[...] = 0
    assert session.prediction.any(), "a copy each time"


def test_sample_weights_scale_each_sample_s_share():
    x, t = data(6)
    weights = np.array([0, 1, 2, 0.5, 0, 3], np.float32)
    one, two = (engine.network(SHAPE, PLAIN, dtype="float64") for _ in range(2))
    losses = [engine.network(SHAPE, PLAIN, dtype="float64").loss(x[i : i + 1], t[i : i + 1]) for i in range(6)]
    found = one.session(6, training.SGD()).step(x, t, weights, learning_rate=1.0)
    assert found == pytest.approx((np.array(losses) * weights).sum() / 6, rel=1e-12)
    # The weighted step is the sum of the samples' own gradients, each times its weight, over the number of samples.
    expected = parameters(two)
    shares = [two.gradient(x[i : i + 1], t[i : i + 1]) for i in range(6)]
    for key in two.trained:
        total = sum(float(w) * share[key] for w, share in zip(weights, shares, strict=True)) / 6
        np.testing.assert_allclose(one.params[key], expected[key] - total, rtol=1e-9, atol=1e-12)


# --- the same bits ---------------------------------------------------------------------------------------------------


def trained(threads=1, seed=0, steps=4, stack=NORMED, optimizer=None, dtype="float32", **options):
    net = engine.network(SHAPE, stack, threads=threads, seed=seed, dtype=dtype)
    session = net.session(16, optimizer or training.Adam(), **options)
    losses = [session.step(*data(16 - 3 * (i == 2), i), learning_rate=0.01) for i in range(steps)]
    return net, session, losses


def everything(found):
    net, session, losses = found
    state = {key: value.tobytes() for key, value in session.state().items()}
    return packed(net), state, losses, session.prediction.tobytes()


@pytest.fixture
def all_threads(monkeypatch):
    """Let every thread work, even where a step is too small to be worth it."""
    monkeypatch.setattr(program, "ALONE", 0)
    monkeypatch.setattr(session_module, "ALONE", 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_bytes_for_one_and_two_threads(dtype, all_threads):
    first = everything(trained(dtype=dtype))
    assert first == everything(trained(dtype=dtype))
    assert first == everything(trained(threads=2, dtype=dtype))
    assert first[0] != everything(trained(seed=1, dtype=dtype))[0]


@pytest.mark.parametrize("optimizer", engine.TWINS, ids=lambda o: o.type)
@pytest.mark.parametrize("accumulate", [1, 3])
def test_resuming_at_any_step_gives_the_same_bytes(optimizer, accumulate):
    options = {"optimizer": optimizer, "clip_norm": 0.5, "weight_decay": 0.01, "accumulate": accumulate}
    whole = everything(trained(steps=5, **options))
    for stop in range(5):
        net, session, _ = trained(steps=stop, **options)
        saved, state = parameters(net), session.state()
        again = engine.network(SHAPE, NORMED)
        for key, value in saved.items():
            again.params[key] = value
        resumed = again.session(16, optimizer, clip_norm=0.5, weight_decay=0.01, accumulate=accumulate)
        resumed.load_state(state)
        for i in range(stop, 5):
            resumed.step(*data(16 - 3 * (i == 2), i), learning_rate=0.01)
        assert everything((again, resumed, whole[2])) == whole


def test_state_is_public_and_a_copy():
    _, session, _ = trained()
    state = session.state()
    assert state["mean/c/weight"].shape == (20, 2, 3, 3)
    assert set(state) == {f"{s}/{k}" for s in ("mean", "square") for k in session.net.trained} | {"counters"}
    assert state["counters"].tolist() == [4, 4, 0]
    state["mean/c/weight"][...] = 9
    assert session.state()["mean/c/weight"].max() < 9


def test_a_state_that_does_not_fit_is_refused():
    _, session, _ = trained()
    before = everything((session.net, session, []))
    with pytest.raises(UsageError, match="does not fit this network and optimizer"):
        session.load_state({k: v for k, v in session.state().items() if k != "mean/c/weight"})
    with pytest.raises(UsageError, match="has the shape"):
        session.load_state({**session.state(), "mean/c/weight": np.zeros(3)})
    with pytest.raises(UsageError, match="does not fit"):
        session.load_state(trained(optimizer=training.SGD())[1].state())
    assert everything((session.net, session, [])) == before


# --- faults ----------------------------------------------------------------------------------------------------------


def spoil(key, value):
    def change(net, x, t):
        broken = net.params[key]
        broken.reshape(-1)[1] = value
        net.params[key] = broken

    return change


def spoil_input(net, x, t):
    x[2, 1, 0, 0] = np.nan


def overflow(net, x, t):
    net.params["c/weight"] = net.params["c/weight"] * np.float32(1e38)
    x *= 1e3


FAULTS = {
    "input": (spoil_input, "the input data"),
    "weight": (spoil("c/weight", np.nan), "layer 'c': its weight"),
    "scale": (spoil("n/gamma", np.inf), "layer 'n': its gamma"),
    "bias at the end": (spoil("Affine_1/bias", np.nan), "layer 'Affine_1': its bias"),
    "output": (overflow, "layer 'c': its output"),
}


@pytest.mark.parametrize(("change", "words"), FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_fault_names_where_it_began_and_nothing_is_changed(change, words, accumulate):
    net = engine.network(SHAPE, NORMED)
    session = net.session(16, training.Adam(), accumulate=accumulate)
    x, t = data(16)
    assert session.fault() is None
    assert np.isfinite(session.step(x, t, learning_rate=0.01))
    assert session.fault() is None
    change(net, x, t)
    before = packed(net), {k: v.tobytes() for k, v in session.state().items() if k != "counters"}
    assert not np.isfinite(session.step(x, t, learning_rate=0.01))
    assert session.fault().startswith(words)
    after = packed(net), {k: v.tobytes() for k, v in session.state().items() if k != "counters"}
    assert after == before


def test_a_fault_in_the_targets_is_named():
    net = engine.network(SHAPE, [engine.affine(2), *engine.SQUARED], task="regression")
    session = net.session(4, training.SGD())
    x = data(4)[0]
    assert not np.isfinite(session.step(x, np.full((4, 2), np.inf), learning_rate=0.1))
    assert session.fault() == "the targets hold a value that is not finite"


# --- frozen layers and Dropout ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", engine.TWINS, ids=lambda o: o.type)
def test_frozen_layers_do_not_change(optimizer):
    frozen = {"c", "n"}
    stack = [{**layer, "trainable": False} if layer.get("name") in frozen else layer for layer in NORMED]
    net = engine.network(SHAPE, stack)
    before = parameters(net)
    session = net.session(16, optimizer, weight_decay=0.1)
    for step in range(3):
        session.step(*data(16, step), learning_rate=0.1)
    for key, value in before.items():
        if key == "Convolution_2/bias":
            continue  # normalisation subtracts the mean, so this bias has no gradient
        same = net.params[key].tobytes() == value.tobytes()
        assert same == (key.partition("/")[0] in frozen), key
    assert not [key for key in session.state() if "/c/" in key or "/n/" in key]
    assert not [key for key in net.gradient(*data(4)) if key.partition("/")[0] in frozen]


def test_frozen_normalisation_uses_its_running_statistics():
    stack = [engine.affine(4), {"type": "BatchNormalization", "trainable": False}, engine.affine(CLASSES), *engine.HEAD]
    net = engine.network((6,), stack, dtype="float64")
    engine.stir(net.params, np.random.default_rng(0))
    x, t = data(9, shape=(6,))
    assert net.loss(x, t, training=True) == pytest.approx(net.loss(x, t), rel=1e-12)


def test_everything_frozen_is_still_a_network():
    stack = [{**engine.affine(CLASSES), "trainable": False}, *engine.HEAD]
    net = engine.network((6,), stack)
    before = packed(net)
    assert np.isfinite(net.session(9, training.Adam(), clip_norm=1.0).step(*data(9, shape=(6,)), learning_rate=0.1))
    assert (packed(net), net.gradient(*data(9, shape=(6,)))) == (before, {})


def dropped(step, seed=0, p=0.4, threads=1, n=50, dtype=np.float32):
    """Return what Dropout makes of ones."""
    _, made = engine.program((8, 5, 4), [{"type": "Dropout", "p": p}, *engine.SQUARED], n, dtype=dtype)
    engine.fill(made, np.ones((n, 8, 5, 4), dtype), np.zeros((n, 8, 5, 4)))
    made.feeds.key[:] = seed, step
    made.run(threads)
    return made.output.copy()


def test_dropout_keeps_the_mean_and_draws_anew_at_every_step(all_threads):
    first = dropped(1)
    kept = first != 0
    np.testing.assert_allclose(first[kept], 1 / 0.6, rtol=1e-6)
    assert abs(kept.mean() - 0.6) < 4 * (0.24 / first.size) ** 0.5
    assert abs(first.mean() - 1) < 0.05
    for other in (dropped(2), dropped(1, seed=1)):
        agree = (other != 0) == kept
        assert abs(agree.mean() - 0.52) < 0.03, "two draws are independent"
    np.testing.assert_array_equal(dropped(1), first)
    np.testing.assert_array_equal(dropped(1, threads=2), first)
    np.testing.assert_array_equal(dropped(1, dtype=np.float64) != 0, kept)
    # Neither channels, rows, columns nor samples are favoured.
    for axis in range(4):
        shares = kept.mean(tuple(a for a in range(4) if a != axis))
        assert np.abs(shares - 0.6).max() < 5 * (0.24 / (kept.size / kept.shape[axis])) ** 0.5


def test_dropout_draws_as_its_twin():
    expected = elementwise.twin_dropout_forward(np.ones((3, 8, 5, 4)), 0.4, 2**53 - 1, 12345, 1)
    np.testing.assert_allclose(dropped(12345, 2**53 - 1, n=3, dtype=np.float64), expected, rtol=1e-15)


def test_two_dropouts_draw_apart():
    stack = [{"type": "Dropout", "name": "a"}, {"type": "Dropout", "name": "b", "inputs": ["Input"]}]
    joined = [*stack, {"type": "Concatenate", "inputs": ["a", "b"]}, *engine.SQUARED]
    _, made = engine.program((500,), joined, 4)
    engine.fill(made, np.ones((4, 500)), np.zeros((4, 1000)))
    made.run(1)
    a, b = made.output[:, :500] != 0, made.output[:, 500:] != 0
    assert 0.4 < (a == b).mean() < 0.6


def test_training_learns():
    """The whole engine at once: two classes that differ in one pattern are told apart."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, *SHAPE)).astype(np.float32)
    t = (x[:, 0, 2, 2] > x[:, 1, 3, 3]).astype(int)
    net = engine.network(SHAPE, [*PLAIN[:-3], engine.affine(2), *engine.HEAD])
    session = net.session(20, training.Adam())
    for _ in range(30):
        for i in range(0, 200, 20):
            session.step(x[i : i + 20], t[i : i + 20], learning_rate=0.01)
    assert net.accuracy(x, t) >= 0.95
