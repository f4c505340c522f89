"""Layers that learn at their own rate and with their own weight decay: every optimizer against NumPy, in every path."""

import engine_harness as engine
import numpy as np
import pytest

import builder.session as session_module
from builder.compile import program
from builder.kernels import optimizers as twins
from schemas import training

SHAPE, CLASSES = (40,), 3
DECAY = 0.1
OWN = {"a": {"learning_rate_factor": 0.25, "weight_decay": 0.5}, "n": {"learning_rate_factor": 2}, "c": {}}
OWN["b"] = {"weight_decay": 0}
STACK = [
    engine.affine(24, name="a", **OWN["a"]),
    {"type": "BatchNormalization", "name": "n", **OWN["n"]},
    {"type": "Tanh"},
    engine.affine(16, name="b", **OWN["b"]),
    {"type": "Tanh"},
    engine.affine(CLASSES, name="c"),
    *engine.HEAD,
]


def data(n, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, *SHAPE)).astype(np.float32), rng.integers(0, CLASSES, n)


@pytest.mark.parametrize("optimizer", engine.TWINS, ids=lambda o: o.type)
@pytest.mark.parametrize(("limit", "accumulate"), [(None, 1), (0.05, 1), (None, 2), (0.05, 2)])
def test_each_layer_learns_as_it_says(optimizer, limit, accumulate):
    """Without limit and accumulation an Affine's weight is updated while its gradient is made, else behind it."""
    twin, states, settings = engine.TWINS[optimizer]
    net = engine.network(SHAPE, STACK, dtype="float64")
    session = net.session(8, optimizer, weight_decay=DECAY, clip_norm=limit, accumulate=accumulate)
    expected = {key: net.params[key] for key in net.trained}
    slots = {key: [np.zeros_like(value)] * states for key, value in expected.items()}
    for update in range(1, 4):
        batches = [data(8, 10 * update + part) for part in range(accumulate)]
        each = [net.gradient(*batch) for batch in batches]
        mean = {key: sum(g[key] for g in each) / accumulate for key in each[0]}
        if limit is not None:
            mean = dict(zip(mean, twins.twin_clip_update(list(mean.values()), limit), strict=True))
        for batch in batches:
            session.step(*batch, learning_rate=0.01 * update)
        more = {"update": update} if "beta1" in settings else {}
        for key, g in mean.items():
            own = OWN[key.partition("/")[0]]
            rate = 0.01 * update * own.get("learning_rate_factor", 1)
            decay = own.get("weight_decay", DECAY) if key.endswith("weight") else 0.0
            expected[key], *slots[key] = twin(expected[key], g, *slots[key], rate, decay, **settings, **more)
        for key, value in expected.items():
            np.testing.assert_allclose(net.params[key], value, rtol=1e-8, atol=1e-11, err_msg=f"{key}, {update}")


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.05}, {"accumulate": 2}], ids=str)
def test_both_ways_of_updating_are_what_is_tested_here(options):
    session = engine.network(SHAPE, STACK).session(8, training.Adam(), **options)
    session.step(*data(8, 0), learning_rate=0.01)
    assert session.last.binder.updated == (set() if options else {"a/weight", "b/weight", "c/weight"})


@pytest.mark.parametrize("optimizer", engine.TWINS, ids=lambda o: o.type)
@pytest.mark.parametrize("limit", [None, 0.05])
def test_a_factor_of_zero_keeps_parameters_and_moves_statistics(optimizer, limit):
    still = {"a", "n"}
    stack = [{**layer, "learning_rate_factor": 0} if layer.get("name") in still else layer for layer in STACK]
    net = engine.network(SHAPE, stack)
    before = {key: net.params[key] for key in net.params}
    session = net.session(8, optimizer, weight_decay=DECAY, clip_norm=limit)
    for step in range(3):
        session.step(*data(8, step), learning_rate=0.1)
    for key, value in before.items():
        kept = key.partition("/")[0] in still and not key.endswith(("mean", "variance"))
        assert (net.params[key].tobytes() == value.tobytes()) == kept, key


@pytest.mark.parametrize("limit", [None, 0.05])
def test_threads_and_resuming_give_the_same_bytes(limit, monkeypatch):
    monkeypatch.setattr(program, "ALONE", 0)
    monkeypatch.setattr(session_module, "ALONE", 0)

    def run(threads, stop=None):
        net = engine.network(SHAPE, STACK, threads=threads)
        session = net.session(8, training.AdamW(), weight_decay=DECAY, clip_norm=limit)
        losses = []
        for step in range(4):
            if step == stop:
                kept, state = {key: net.params[key] for key in net.params}, session.state()
                net = engine.network(SHAPE, STACK, threads=threads, seed=9)
                net.random_seed = 0
                for key, value in kept.items():
                    net.params[key] = value
                session = net.session(8, training.AdamW(), weight_decay=DECAY, clip_norm=limit)
                session.load_state(state)
            losses.append(session.step(*data(8, step), learning_rate=0.01))
        state = {key: value.tobytes() for key, value in session.state().items()}
        return net.params.packed.tobytes(), state, losses

    assert run(1) == run(2) == run(1, stop=2)


def test_of_layers_that_share_the_owner_s_numbers_count():
    def after(owner, user):
        stack = [
            engine.affine(40, name="a", **owner),
            {"type": "Tanh"},
            engine.affine(40, share="a", **user),
            engine.affine(CLASSES),
            *engine.HEAD,
        ]
        net = engine.network(SHAPE, stack)
        net.session(8, training.SGD()).step(*data(8, 0), learning_rate=0.1)
        return net.params.packed.tobytes()

    slow = {"learning_rate_factor": 0.5, "weight_decay": 0.1}
    assert after(slow, {}) == after(slow, slow) == after(slow, {"learning_rate_factor": 0})
    assert after({}, slow) == after({}, {}) != after(slow, {})


def test_of_layers_that_share_a_frozen_owner_s_parameters_none_changes_them():
    stack = [
        engine.affine(40, name="a", trainable=False),
        engine.affine(40, share="a"),
        engine.affine(CLASSES),
        *engine.HEAD,
    ]
    net = engine.network(SHAPE, stack)
    before = net.params["a/weight"]
    net.session(8, training.SGD()).step(*data(8, 0), learning_rate=0.1)
    assert net.params["a/weight"].tobytes() == before.tobytes()
