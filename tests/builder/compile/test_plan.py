"""Memory: blocks that live together never overlap, and no kernel writes beside its own or reads what nobody wrote."""

import time

import engine_harness as engine
import numpy as np
import pytest
from engine_stacks import FORMULAS, LONG, PAINTED, ROW, SHARED, STRIDED, WIDE
from hypothesis import HealthCheck, given, settings, strategies as st

from builder.compile import plan as plans
from builder.compile.fuse import RULES
from builder.compile.plan import SLACK, lifetimes, place
from builder.compile.tensors import ALIGNMENT, Scratch, Tensor

some = settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
many = settings(deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
modes = st.sampled_from(["predict", "evaluate", "train"])


def assert_apart(blocks, arena, kept=()):
    last = max(b.last for b in blocks)
    spans = [(b.first, last if b in kept else b.last) for b in blocks]
    for i, a in enumerate(blocks):
        assert a.offset >= 0
        assert a.offset % ALIGNMENT == 0
        assert a.offset + a.bytes <= arena - SLACK
        for j in range(i):
            b = blocks[j]
            together = spans[i][0] <= spans[j][1] and spans[j][0] <= spans[i][1]
            assert not together or a.offset + a.bytes <= b.offset or b.offset + b.bytes <= a.offset


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 20), st.integers(0, 20), st.booleans()), min_size=1))
def test_blocks_that_live_together_never_overlap(drawn):
    blocks, kept = [], []
    for size, first, more, keep in drawn:
        block = Scratch(size)
        block.first, block.last = first, first + more
        blocks.append(block)
        if keep:
            kept.append(block)
    assert_apart(blocks, place(blocks, kept), kept)


def test_memory_is_used_again():
    a, b, c = Scratch(640), Scratch(640), Scratch(640)
    blocks = lifetimes([[a], [a, b], [b, c]])
    assert (a.first, a.last, b.first, b.last, c.first, c.last) == (0, 1, 1, 2, 2, 2)
    assert place(blocks) == 2 * 640 + SLACK
    assert a.offset == c.offset


def test_ten_thousand_blocks_are_placed_in_seconds():
    count = 10_000
    blocks = [Scratch(64 * (1 + i % 7)) for i in range(count)]
    for i, block in enumerate(blocks):
        block.first, block.last = i, 2 * count - i  # as in a deep network: kept until its way back
    begin = time.perf_counter()
    assert place(blocks) == sum(block.bytes for block in blocks) + SLACK
    assert time.perf_counter() - begin < 10


def test_a_kept_block_lives_until_the_end():
    a, b = Scratch(64), Scratch(64)
    blocks = lifetimes([[a], [b]])
    assert place(blocks, [a]) == 128 + SLACK
    assert place(blocks) == 64 + SLACK


def assert_borders_stay(blocks):
    """Whoever shares memory with a tensor that has a border has the same border, so its zeros stay."""
    for t in (b for b in blocks if isinstance(b, Tensor) and b.bordered):
        for other in blocks:
            if other.offset < t.offset + t.bytes and t.offset < other.offset + other.bytes:
                assert isinstance(other, Tensor)
                assert other.offset == t.offset
                assert (other.n, other.rows, other.columns, other.c) == (t.n, t.rows, t.columns, t.c)
                assert (other.top, other.h, other.left, other.w) == (t.top, t.h, t.left, t.w)


@given(st.data(), modes, st.integers(1, 3))
@some
def test_the_plan_of_any_graph_keeps_blocks_apart(data, mode, batch):
    shape, stack = engine.some_stack(data.draw, st)
    planned = plans.plan(engine.lower(engine.checked(shape, stack)), batch, mode, 4)
    kept = [planned.emitted.prediction]
    assert_apart(planned.blocks, planned.arena, kept)
    assert_borders_stay(planned.blocks)
    for i, call in enumerate(planned.emitted.calls):
        assert all(block.first <= i <= block.last for block in call.touches)


def result(made):
    """Everything a step gives, as bytes."""
    loss = made.run(1)
    values = made.parameters
    held = [values[key].tobytes() for key in values]
    found = [np.float64(loss).tobytes(), made.output.tobytes(), *held]
    if made.mode == "train":
        found += [g.tobytes() for g in engine.gradients(values).values()]
    return found


def prepared(shape, stack, batch, mode, dtype, seed):
    parameters, made = engine.program(shape, stack, batch, mode, dtype=np.dtype(dtype))
    rng = np.random.default_rng(seed)
    engine.stir(parameters, rng)
    x = rng.standard_normal((batch, *shape))
    engine.fill(made, x.astype(dtype), engine.some_targets(made, rng))
    return made


def poison(made, dtype):
    """Fill memory with NaN but for the borders, which are zero from the beginning. What lasts is written again."""
    made.arena.view(dtype)[:] = np.nan
    made.parameters.touch()
    for t in made.blocks:
        if isinstance(t, Tensor) and t.bordered:
            inner = np.zeros((t.n, t.rows, t.columns, t.c), bool)
            inner[:, t.top : t.top + t.h, t.left : t.left + t.w] = True
            made.whole(t)[~inner] = 0


def run_canaries(shape, stack, batch, mode, dtype):
    """The same bits from memory full of zeros and of NaN, packed and spread out; and no guard byte is touched."""
    seed = batch
    made = prepared(shape, stack, batch, mode, dtype, seed)
    made.arena[:] = 0
    expected = result(made)
    poison(made, dtype)
    assert result(made) == expected, "memory is read that nobody wrote"
    assert result(made) == expected, "a second run differs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "lay_out", plans.spread)
        apart = prepared(shape, stack, batch, mode, dtype, seed)
    poison(apart, dtype)
    guard = np.ones(len(apart.arena), bool)
    for block in apart.blocks:
        guard[block.offset : block.offset + block.bytes] = False
    before = apart.arena[guard].copy()
    assert result(apart) == expected, "blocks that share memory disturb each other"
    np.testing.assert_array_equal(apart.arena[guard], before, err_msg="a kernel writes beside its block")


@given(st.data(), modes, st.integers(1, 4), st.sampled_from(["float32", "float64"]))
@some
def test_no_kernel_reads_or_writes_memory_that_is_not_its_own(data, mode, batch, dtype):
    shape, stack = engine.some_stack(data.draw, st)
    run_canaries(shape, stack, batch, mode, dtype)


@pytest.mark.thorough
@given(st.data(), modes, st.integers(1, 9), st.sampled_from(["float32", "float64"]))
@many
def test_no_kernel_of_many_graphs_reads_or_writes_memory_that_is_not_its_own(data, mode, batch, dtype):
    shape, stack = engine.some_stack(data.draw, st)
    run_canaries(shape, stack, batch, mode, dtype)


@pytest.mark.parametrize("mode", ["predict", "evaluate", "train"])
@pytest.mark.parametrize(
    ("shape", "stack", "batch"),
    [
        ((4, 17, 23), STRIDED, 3),
        ((1, 30, 31), WIDE, 5),
        ((3, 2, 800), WIDE, 2),
        ((1100,), LONG, 5),
        ((21, 8, 9), PAINTED, 3),
        ((3, 6, 8), FORMULAS, 3),
        ((3, 61), ROW, 3),
        ((2, 6, 6), SHARED, 3),
    ],
    ids=["strided", "large", "long rows", "long Affine", "painted", "formulas", "rows of one axis", "shared"],
)
def test_canaries_of_chosen_networks(shape, stack, batch, mode):
    run_canaries(shape, stack, batch, mode, "float32")


def test_values_of_their_own_can_be_looked_at():
    stack = [engine.conv(3, name="c"), {"type": "ReLU", "name": "r"}, engine.affine(2), *engine.HEAD]
    _, made = engine.program((2, 5, 4), stack, 2, keep_all=True, without=frozenset(RULES))
    x = np.random.default_rng(0).standard_normal((2, 2, 5, 4))
    engine.fill(made, x, np.array([0, 1]))
    made.run(1)
    seen = {node.layer: made.view(made.emitted.values[id(node)]) for node in made.graph.nodes if node.layer in "cr"}
    np.testing.assert_array_equal(seen["r"], np.maximum(seen["c"], 0))
    assert seen["c"].shape == (2, 3, 3, 2)


def test_a_border_belongs_to_its_tensor():
    t = Tensor(2, 3, 4, 5, 4)
    t.demand(1, 0, 2, 0)
    t.demand(0, 1, 0, 1)
    assert (t.top, t.bottom, t.left, t.right) == (1, 1, 2, 1)
    assert (t.pixel, t.row, t.image, t.bytes) == (20, 140, 700, 1400)
    t.offset = 64
    assert t.origin == 64 + 140 + 40
