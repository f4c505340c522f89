"""What rows state that they read and write is the truth, and a row that leaves its buffers is refused."""

import importlib
from pathlib import Path

import engine_harness as engine
import numpy as np
import pytest
from engine_stacks import FORMULAS, PAINTED, ROW, SHARED, STRIDED, WIDE
from hypothesis import HealthCheck, given, settings, strategies as st

from builder import kernels
from builder.compile.reach import REACH, BrokenPlan, Regions, Row, Tables, ranges
from builder.compile.reach.check import check, rows_of
from builder.compile.reach.row import Range
from builder.compile.rules import streamed, turned
from builder.kernels import machine

some = settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.too_slow])
many = settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
modes = st.sampled_from(["predict", "evaluate", "train"])
NOISE = 0xFF
"""Every byte of what a row must not read: NaN in both types, and -1 as a number."""


def memory(made):
    """The arrays that rows may write, each with its address."""
    p, feeds = made.parameters, made.feeds
    arrays = [made.arena, p.packed, p.gradients, feeds.loss, *(a.loss for a in feeds.answers), made.output]
    return [(int(a.ctypes.data), a.reshape(-1).view(np.uint8)) for a in arrays]


def mask(arrays, stated, writes):
    """Per array, which bytes the ranges cover."""
    found = [np.zeros(len(a), bool) for _, a in arrays]
    for item in stated:
        if item.writes or not writes:
            for (start, array), covered in zip(arrays, found, strict=True):
                if start <= item.first < start + len(array):
                    covered[item.first - start : item.end + (0 if writes else item.slack) - start] = True
    return found


def run_row_by_row(shape, stack, batch, mode, dtype):
    """Run each row alone: only stated bytes change, and noise in all bytes that are not stated changes nothing."""
    parameters, made = engine.program(shape, stack, batch, mode, dtype=np.dtype(dtype))
    rng = np.random.default_rng(batch)
    engine.stir(parameters, rng)
    engine.fill(made, rng.standard_normal((batch, *shape)), engine.some_targets(made, rng))
    if made.derived is not None:
        made.derived.refresh(made.graph)
    arrays, stated = memory(made), rows_of(made.binder)
    every = np.concatenate([made._prepared, made.tape])
    order = sorted(range(len(stated)), key=lambda i: not prepared(made, stated[i][0]))
    assert len(every) == len(stated)
    for number, index in enumerate(order):
        row, found, _ = stated[index]
        tape = machine_row(every[number])
        assert tape[0, machine.UNITS] == row.units
        before = [a.copy() for _, a in arrays]
        machine.run(tape, 1)
        after = [a.copy() for _, a in arrays]
        for old, new, allowed in zip(before, after, mask(arrays, found, True), strict=True):
            assert not np.any((old != new) & ~allowed), f"{row.kernel} writes what it does not state"
        known = mask(arrays, found, False)
        for (_, a), old, covered in zip(arrays, before, known, strict=True):
            a[:] = np.where(covered, old, NOISE)
        machine.run(tape, 1)
        for (_, a), new, covered in zip(arrays, after, known, strict=True):
            assert np.array_equal(a[covered], new[covered]), f"{row.kernel} reads what it does not state"
            a[:] = new


def prepared(made, row):
    """Say whether the row makes weights ready: it then runs before all others, in use."""
    return made.derived is not None and row.kernel in made.binder.prepared_names


def machine_row(row):
    """The row as a tape of its own."""
    return np.ascontiguousarray(row[None])


@given(st.data(), modes, st.integers(1, 3), st.sampled_from(["float32", "float64"]))
@some
def test_rows_of_any_graph_touch_what_they_state(data, mode, batch, dtype):
    shape, stack = engine.some_stack(data.draw, st)
    run_row_by_row(shape, stack, batch, mode, dtype)


@pytest.mark.thorough
@given(st.data(), modes, st.integers(1, 7), st.sampled_from(["float32", "float64"]))
@many
def test_rows_of_many_graphs_touch_what_they_state(data, mode, batch, dtype):
    shape, stack = engine.some_stack(data.draw, st)
    run_row_by_row(shape, stack, batch, mode, dtype)


@pytest.mark.parametrize("mode", ["predict", "train"])
@pytest.mark.parametrize(
    ("shape", "stack", "batch"),
    [
        ((4, 17, 23), STRIDED, 3),
        ((1, 14, 15), WIDE, 5),
        ((21, 8, 9), PAINTED, 3),
        ((3, 6, 8), FORMULAS, 3),
        ((3, 61), ROW, 3),
        ((2, 6, 6), SHARED, 3),
    ],
    ids=["strided", "wide", "painted", "formulas", "rows of one axis", "shared"],
)
def test_rows_of_chosen_networks_touch_what_they_state(shape, stack, batch, mode):
    run_row_by_row(shape, stack, batch, mode, "float32")


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("shape", [(9, 2, 2), (9, 7, 7)], ids=["as samples", "more"])
def test_rows_of_few_pixels_touch_what_they_state(shape, samples, monkeypatch):
    monkeypatch.setattr(streamed, "MANY", 0)
    stack = [engine.conv(53, stride=2, padding=1), *engine.layers("ReLU"), engine.affine(100), *engine.HEAD]
    run_row_by_row(shape, stack, samples, "predict", "float32")


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_rows_that_turn_their_own_weights_touch_what_they_state(groups, stride, monkeypatch):
    monkeypatch.setattr(turned, "MANY", 0)
    monkeypatch.setattr(turned, "UNITS", 1)
    first, second = engine.conv(51, 2), engine.conv(45, 2, stride=stride, padding=1, groups=groups)
    run_row_by_row((3, 5, 6), [first, second, engine.affine(7), *engine.HEAD], 3, "train", "float32")


SMALL = [engine.conv(5, padding=1), *engine.layers("BatchNormalization", "ReLU"), engine.affine(3), *engine.HEAD]


@pytest.mark.parametrize(("kernel", "field", "by"), [
    ("tiles_forward", "Y", 1 << 20), ("tiles_forward", "X", -4096), ("norm_act_forward", "A0", 64),
    ("norm_statistics", "BLOCKS", 1), ("to_nchw", "H", 5),
])  # fmt: skip
def test_a_row_that_leaves_its_buffers_is_refused(kernel, field, by):
    _, made = engine.program((3, 7, 6), SMALL, 2, exact=True)
    for _, name, _, fields in made.binder.stated:
        if name == kernel:
            fields[field] += by
            break
    with pytest.raises(BrokenPlan, match=kernel):
        check(made.binder, made.emitted.calls, [made.output], [made.emitted.prediction])


def test_a_kernel_that_states_nothing_is_refused():
    with pytest.raises(BrokenPlan, match="unheard_of does not state"):
        ranges(Row("unheard_of", {}, 1, 4, 64, Tables([])))


def test_every_kernel_that_works_on_a_network_states_what_it_touches():
    for file in Path(kernels.__file__).parent.glob("*.py"):
        if file.stem not in ("__init__", "compiling"):
            importlib.import_module(f"builder.kernels.{file.stem}")
    alone = {"measure_fma", "measure_tile", "measure_read", "measure_write", "draw_normals", *machine.LOOPS}
    assert {*machine.KERNELS} - alone - {*REACH} == set()
    assert {*REACH} <= {*machine.KERNELS}


def test_tables_and_parameters_are_written_through_few_fields_only():
    regions = Regions([(0, 100)], [(200, 300)], [(400, 500)])
    inside = [Range("Y", 0, 8, True), Range("Y", 200, 208, True), Range("Y", 400, 408, True)]
    assert [regions.allows(item, []) for item in inside] == [False, False, True]
    assert regions.allows(Range("W", 200, 300, True), [])
    assert regions.allows(Range("FLAGS", 0, 64, True), [])
    assert regions.allows(Range("X", 99, 100, False), [])
    assert not regions.allows(Range("X", 99, 101, False), [])
    assert regions.allows(Range("X", 0, 100, False, slack=60), [])
    assert not regions.allows(Range("X", 0, 100, False, slack=5000), [])
    assert regions.allows(Range("Y", 600, 610, True), [(600, 610)])
