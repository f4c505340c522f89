"""Winograd's convolutions against the direct form in float64, on sizes that fill no tile, vector or block."""

import engine_harness as engine
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from builder.compile import program
from builder.compile.emit import Emitter
from builder.compile.rules import forms, phases, winograd as rules
from builder.compile.tensors import Tensor
from builder.kernels import tiles, transforms
from schemas import training

PARTS = ("y", "dx", "dweight", "dbias")


def assert_near(found, expected, rms, largest):
    """Compare relative to the root mean square and to the largest value; a bias's gradient, a sum that may cancel, to
    the sum of its absolute terms (the last of `expected`). The mean of few errors wanders: those of less than a
    thousand values may be twice as large."""
    *expected, terms = expected
    for name, a, e in zip(PARTS, found, expected, strict=True):
        error = np.abs(a - e)
        if name == "dbias":
            e = terms / len(e)
        assert np.sqrt((error**2).mean()) <= rms * (1 if a.size >= 1000 else 2) * np.sqrt((e**2).mean()), name
        assert error.max() <= largest * np.abs(e).max(), name


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_size_channels_and_padding(data):
    kernel = data.draw(st.sampled_from([3, 5]), "kernel")
    padding = data.draw(st.integers(0, 2), "padding")
    least = max(1, kernel - 2 * padding)
    shape = tuple(data.draw(st.integers(low, high)) for low, high in ((1, 40), (least, 11), (least, 11)))
    layer = engine.conv(data.draw(st.integers(1, 70), "filters"), kernel, padding=padding)
    batch = data.draw(st.integers(1, 7), "batch")
    dtype = data.draw(st.sampled_from([np.float32, np.float64]), "dtype")
    names, found, expected = engine.convolution(shape, layer, batch, dtype, winograd=True)
    assert {"winograd_forward", "winograd_gradient"} <= set(names)
    assert not {"tiles_forward", "tiles_gradient"} & set(names)
    assume(found[0].size >= 30)  # fewer may all be small by chance, and the gradients follow from them
    single = (5e-6, 2e-5) if kernel == 3 else (8e-6, 3e-5)  # tiles of 8 x 8 have larger intermediate values
    assert_near(found, expected, *(single if dtype is np.float32 else (1e-13, 1e-13)))


CASES = {
    "padding of one side": ((3, 6, 7), engine.conv(17, padding=(2, 0)), 2),
    "smaller than a tile": ((20, 1, 2), engine.conv(17, padding=1), 3),
    "many blocks": ((5, 30, 30), engine.conv(17, padding=1), 4),
    "panels of channels": ((300, 5, 5), engine.conv(35, padding=1), 2),
    "ranges of filters": ((35, 6, 6), engine.conv(300, padding=1), 2),
    "few channels, many filters": ((4, 6, 6), engine.conv(300, padding=1), 2),
    "many of all": ((70, 9, 11), engine.conv(130, padding=1), 12),
    "tiles of 5 x 5 outputs": ((70, 10, 13), engine.conv(130, padding=1), 5),
    "many of all, 5x5": ((70, 9, 11), engine.conv(130, 5, padding=2), 3),
}


@pytest.mark.parametrize("passes", [1 << 40, 0, 64 << 10], ids=["by units", "in passes", "in passes, by chunks"])
@pytest.mark.parametrize("own", [False, True], ids=["weights kept", "weights made by each unit"])
@pytest.mark.parametrize("case", CASES)
def test_cuts(case, own, passes, monkeypatch):
    """Tiles transformed by the units that need them, or by a pass of its own, all or some images at a time."""
    if passes:
        monkeypatch.setattr(phases, "CHUNK", passes)
    monkeypatch.setattr(phases, "FEWEST", passes if passes > 1 << 20 else 1)
    if own:
        monkeypatch.setattr(rules, "LARGEST_WEIGHTS", 0)
    shape, layer, batch = CASES[case]
    names, found, expected = engine.convolution(shape, layer, batch, np.float64, winograd=True)
    assert ("winograd_weights" in names) != own
    assert ("winograd_sums" in names) == (passes < 1 << 20 and shape[0] * layer["out_channels"] > rules.OWN_SUMS)
    assert_near(found, expected, 1e-13, 1e-13)


@pytest.mark.parametrize("taps", [3, 5])
def test_passes_give_the_same_bits_for_any_number_of_threads(taps, monkeypatch):
    monkeypatch.setattr(program, "ALONE", 0)
    stack = [engine.conv(130, taps, padding=taps // 2), *engine.SQUARED]
    parameters, made = engine.program((70, 12, 12), stack, 12, dtype=np.float32, input_gradient=True, winograd=True)
    assert {"winograd_spread", "winograd_sums", "winograd_back"} <= set(made.binder.names)
    rng, found = np.random.default_rng(0), set()
    engine.fill(made, rng.standard_normal((12, 70, 12, 12)), rng.standard_normal(made.output.shape))
    for threads in (1, 2, 3, 8):
        made.run(threads)
        results = [made.output, engine.input_gradient(made), *engine.gradients(parameters).values()]
        found.add(b"".join(r.tobytes() for r in results))
    assert len(found) == 1


@pytest.mark.parametrize(("kernel", "size"), [(3, 8), (3, 10), (5, 9)])
def test_error_in_float32(kernel, size):
    """F(4, 3), F(5, 3) and F(4, 5) over many channels, after a ReLU, as README.md beside the kernels states them."""
    layer = engine.conv(64, kernel, padding=kernel // 2)
    _, found, expected = engine.convolution((128, size, size), layer, 4, np.float32, winograd=True)
    assert_near(found, expected, 5e-6, 2e-5)


STACK = [
    engine.conv(20, padding=1),
    *engine.layers("BatchNormalization", "ReLU"),
    engine.conv(17, 5, padding=2),
    *engine.layers("ReLU", "MaxPooling"),
    engine.conv(33, padding=1),
    *engine.layers("Tanh"),
    engine.affine(5),
    *engine.HEAD,
]


def test_sums_of_a_normalisation_are_taken_on_the_way():
    _, made = engine.program((3, 17, 30), STACK, 16, winograd=True)
    rng = np.random.default_rng(0)
    engine.stir(made.parameters, rng)
    engine.fill(made, rng.standard_normal((16, 3, 17, 30)), engine.some_targets(made, rng))
    assert "norm_sums" not in made.binder.names
    _, plain = engine.program((3, 17, 30), STACK, 16, exact=True)
    for name in ("inputs", "labels"):
        getattr(plain.feeds, name)[...] = getattr(made.feeds, name)
    for key in made.parameters:
        plain.parameters[key] = made.parameters[key]
    np.testing.assert_allclose(made.run(1), plain.run(1), rtol=1e-12)
    for key in made.parameters:
        np.testing.assert_allclose(made.parameters[key], plain.parameters[key], rtol=1e-9, atol=1e-12, err_msg=key)


def test_networks_have_the_gradient_of_their_loss():
    """With the statistics of a normalisation and the ReLU that Winograd's outputs are stored through."""
    parameters, made = engine.program((3, 9, 14), STACK, 8, input_gradient=True, winograd=True)
    assert made.binder.names.count("winograd_forward") == 6
    rng = np.random.default_rng(3)
    engine.stir(parameters, rng)
    engine.fill(made, rng.standard_normal((8, 3, 9, 14)), engine.some_targets(made, rng))
    engine.assert_gradient(parameters, made, rng, 4)


def test_the_same_bits_for_any_number_of_threads():
    layer, found = engine.conv(40, padding=1), []
    for threads in range(1, 4):
        _, results, _ = engine.convolution((24, 13, 13), layer, 9, np.float32, threads, winograd=True)
        found.append(b"".join(r.tobytes() for r in results))
    assert len(set(found)) == 1


def test_a_sample_is_the_same_in_every_batch():
    parameters, few = engine.program((9, 10, 10), STACK, 3, "predict", np.float32, winograd=True)
    graph = engine.lower(engine.checked((9, 10, 10), STACK))
    many = engine.Program(graph, parameters, 50, "predict", winograd=True)
    x = np.random.default_rng(0).standard_normal((50, 9, 10, 10)).astype(np.float32)
    for made in (few, many):
        made.feeds.inputs[:] = x[: made.batch]
        made.run(1)
    assert (few.output == many.output[:3]).all()


def test_not_a_number_reaches_the_output():
    stack = [engine.conv(4, padding=1), *engine.SQUARED]
    _, made = engine.program((4, 8, 8), stack, 2, dtype=np.float32, winograd=True)
    x = np.zeros((2, 4, 8, 8), np.float32)
    x[1, 2, 7, 7] = np.nan
    engine.fill(made, x, np.zeros(made.output.shape, np.float32))
    assert np.isnan(made.run(1))
    assert np.isnan(made.output[1, :, 6:, 6:]).all()
    assert np.isfinite(made.output[0]).all()


def kernels_of(net, mode="predict"):
    return set(net.program(64, mode).binder.names)


def test_a_document_can_ask_for_exact_convolutions():
    stack = [engine.conv(32, padding=1), *engine.SQUARED]
    assert "winograd_forward" in kernels_of(engine.network((32, 16, 16), stack))
    exact = engine.network((32, 16, 16), stack, training={"exact": True})
    assert "winograd_forward" not in kernels_of(exact)
    session = exact.session(4, training.SGD())
    session.step(np.zeros((4, 32, 16, 16)), np.zeros((4, 32, 16, 16)), learning_rate=0.1)
    assert not any(name.startswith("winograd") for name in session._last.binder.names)
    assert "winograd_forward" not in kernels_of(engine.network((32, 16, 16), stack, dtype="float64"))


CHOICES = {
    (64, 32, 16, 16, 3): True,
    (64, 8, 64, 64, 3): True,
    (64, 14, 16, 32, 5): True,
    (1, 32, 64, 64, 3): True,
    (32, 32, 1, 16, 3): False,
    (32, 2, 512, 512, 3): False,
    (1, 4, 256, 256, 3): False,
}
"""(batch, side, channels, filters, taps) -> whether Winograd's form is the faster, by 1.2 times at least (measured)."""


@pytest.mark.parametrize("shape", CHOICES, ids=str)
def test_the_faster_form_is_chosen(shape):
    n, side, c, k, taps = shape
    op = engine.checked_op((c, side, side), [engine.conv(k, taps, padding=taps // 2, name="c"), *engine.SQUARED], "c")
    em = Emitter(None, n, "train", 4, 16)
    assert rules.chosen(em, op, Tensor(n, side, side, k, 4), c, k) is CHOICES[shape]


EDGES = {(13, "train"): 5, (14, "train"): 5, (32, "train"): 4, (8, "train"): 4, (14, "predict"): 4}


@pytest.mark.parametrize(("size", "mode"), EDGES, ids=str)
def test_larger_tiles_are_taken_where_fewer_of_them_cover_the_image(size, mode):
    em = Emitter(None, 16, mode, 4, 16)
    assert forms.edge_of(em, 3, Tensor(16, size, size, 96, 4), 64, 96) == EDGES[size, mode]


@pytest.mark.parametrize("fields", [{"stride": 2}, {"dilation": 2}, {"groups": 2}, {"kernel": 1}, {"kernel": (3, 5)}])
def test_other_convolutions_have_no_winograd_form(fields):
    op = engine.checked_op((4, 12, 12), [engine.conv(4, name="c", **fields), *engine.SQUARED], "c")
    assert not rules.possible(op)


@pytest.mark.parametrize(("taps", "edge"), [(3, 4), (3, 5), (3, 6), (5, 4)])
def test_matrices_are_exact(taps, edge):
    at, g, bt = transforms.matrices(taps, edge)
    rng = np.random.default_rng(0)
    d, w = rng.standard_normal((taps + edge - 1, taps + edge - 1)), rng.standard_normal((taps, taps))
    expected = tiles.twin_conv2d_forward(d[None, None], w[None, None], None)[0, 0]
    np.testing.assert_allclose(at @ ((g @ w @ g.T) * (bt @ d @ bt.T)) @ at.T, expected, atol=1e-12)
