"""Max pooling in windows of 3 x 3 with stride 2 gives what any other window's kernels give, bit for bit."""

import engine_harness as engine
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from builder.answers import fill
from builder.compile.rules import norm_act

BEFORE = {
    "alone": [],
    "with ReLU": engine.layers("ReLU"),
    "with normalisation": engine.layers("BatchNormalization"),
    "with both": engine.layers("BatchNormalization", "ReLU"),
}


def run(shape, before, pool, batch, dtype, threads=1, spoilt=None, levels=7):
    """Return kernels, prediction, the input's gradient and the parameters' of a small network, run on few different
    values: windows have ties."""
    stack = [*before, {"type": "MaxPooling", "kernel_size": 3, "stride": 2, **pool}, *engine.SQUARED]
    parameters, made = engine.program(shape, stack, batch, dtype=dtype, input_gradient=True)
    rng = np.random.default_rng(5)
    engine.stir(parameters, rng)
    x = rng.integers(-levels, levels + 1, (batch, *shape)).astype(dtype) / 4
    if spoilt is not None:
        x[:, :, 2, 2] = spoilt
    fill(made, x, rng.standard_normal(made.output.shape).astype(dtype))
    made.run(threads)
    found = [made.output.copy(), engine.input_gradient(made), *engine.gradients(parameters).values()]
    return made.binder.names, found


@settings(max_examples=40, deadline=None)
@given(st.data())
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE.keys())
def test_any_size(before, data):
    shape = data.draw(st.integers(1, 40), "channels"), *(data.draw(st.integers(3, 15), "size") for _ in "hw")
    pool = {"padding": data.draw(st.integers(0, 1), "padding"), "ceil_mode": data.draw(st.booleans(), "ceil_mode")}
    dtype = data.draw(st.sampled_from([np.float32, np.float64]), "dtype")
    case = shape, before, pool, data.draw(st.integers(1, 3), "batch"), dtype
    names, found = run(*case, threads=data.draw(st.sampled_from([1, 3]), "threads"))
    assert {"triple_max_forward", "triple_max_backward"} <= {*names}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(norm_act, "_form", lambda *_: "")
        names, wanted = run(*case)
    assert {"max_forward", "max_backward"} <= {*names}
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_not_a_number_is_the_largest_of_all_windows_that_see_it():
    _, (found, *_) = run((20, 9, 9), BEFORE["with ReLU"], {}, 2, np.float32, spoilt=np.nan)
    seen = np.zeros((4, 4), bool)
    seen[:2, :2] = True  # windows from 0 and from 2 cover pixel 2
    np.testing.assert_array_equal(np.isnan(found).reshape(2, 20, 4, 4), np.broadcast_to(seen, (2, 20, 4, 4)))


def test_a_window_of_more_taps_than_a_byte_counts_keeps_no_winner():
    stack = [{"type": "MaxPooling", "kernel_size": 12, "stride": 1}, *engine.SQUARED]
    _, made = engine.program((3, 13, 12), stack, 2, input_gradient=True)
    assert {"max_pool_forward", "max_pool_backward"} <= {*made.binder.names}
    stack = [{"type": "MaxPooling", "kernel_size": 11}, *engine.SQUARED]
    assert "max_forward" in engine.program((3, 12, 11), stack, 2)[1].binder.names
