"""What a step moves and how far away it is, and the times of layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import builder
from builder.compile import figures as measured
from builder.compile.emit import Call, Emitter, emit
from builder.compile.fuse import fuse
from builder.compile.lower import lower
from builder.compile.reuse import Move, footprint, moves
from builder.compile.tensors import Scratch, Tensor
from builder.compile.work import CALL, SHARED, Figures, Work, works

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
FIGURES = Figures(2, 110.0, 100.0, (1 << 10, 1 << 20), (100.0, 50.0), (40.0, 20.0), (100.0, 40.0))


def emitted(name: str, batch: int = 4) -> Emitter:
    return emit(fuse(lower(builder.check(EXAMPLES / name).network), True), batch, "train", 4, 64)


def test_the_distance_of_data_is_what_was_touched_since() -> None:
    em = emitted("digits.json")
    x, y, z = (Tensor(1, 1, 1, count, 4) for count in (10, 20, 30))
    em.calls = [_call((x, y)), _call((z,)), _call((y, x, y))]
    first, second, third = moves(em, 1000, lambda call: 0.0, lambda call: False)
    assert first == [Move(40, 1000, True), Move(80, 1000, True)]
    assert second == [Move(120, 1000, True)]
    assert third == [Move(80, 240), Move(40, 240), Move(80, 240, True, again=True)]
    em.calls = [_call((x, Scratch(400))), _call((x,))]
    assert [[Move(40, 99, True)], [Move(40, 99)]] == moves(em, 99, lambda call: 0.0, lambda call: True)


def _call(touches: tuple[Any, ...]) -> Call:
    return Call("layer", "pass", touches, lambda binder: None, None)  # type: ignore[arg-type]  # no operation is asked


def test_what_is_near_is_fast_and_what_was_read_is_only_written_back() -> None:
    assert FIGURES.bandwidth(1) == 100e9 and FIGURES.bandwidth(1 << 30, written=True) == 20e9
    assert 50e9 < FIGURES.bandwidth(1 << 15) < 100e9
    assert FIGURES.seconds(Move(1e9, 1)) == pytest.approx(0.01)
    assert FIGURES.seconds(Move(1e9, 1, True, again=True)) == pytest.approx(0.025 - 0.01)
    assert FIGURES.seconds(Move(1e9, 1 << 30, True, own=True)) == pytest.approx(0.025)


def test_a_call_of_one_unit_leaves_threads_idle() -> None:
    whole, alone = (Work(0.0, 1e6, "tiles", units=units).seconds(FIGURES) - CALL - SHARED for units in (0, 1))
    assert alone == pytest.approx(2 * whole)
    assert Work(0.0, 1e6, "tiles", units=2).seconds(FIGURES) - CALL - SHARED == pytest.approx(whole)


def test_every_call_of_the_examples_has_work_within_the_footprint() -> None:
    for file in sorted(EXAMPLES.glob("*.json")):
        if json.loads(file.read_text(encoding="utf-8")).get("data") is None:
            continue
        em = emitted(file.name)
        found, whole = works(em), footprint(em)
        assert len(found) == len(em.calls)
        for work in found:
            assert work.seconds(FIGURES) > 0
            assert all(0 <= move.distance <= whole for move in work.moves)


def test_figures_are_the_median_of_the_last_measurements(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = {"gflops": 1.0, "tile_gflops": 1.0, "bytes": [1, 2], "read_gb": [4.0, 2.0], "write_gb": [2.0, 1.0]}
    one |= {"own_gb": [4.0, 2.0], "vector_bytes": 64}
    path = tmp_path / "machine.json"
    monkeypatch.setattr(measured, "_file", lambda: path)
    assert measured.known(1) is None and measured.few(1)
    path.write_text(json.dumps({"1": one}), encoding="utf-8")
    assert measured.known(1) is None, "the one measurement of an earlier version is of no use"
    kept = [one | {"gflops": value, "read_gb": [value, value]} for value in (3.0, 100.0, 5.0)]
    kept[1]["more"] = 1.0
    path.write_text(json.dumps({"1": [one | {"bytes": [1, 3]}, *kept, {"gflops": 7.0}]}), encoding="utf-8")
    found = measured.known(1)
    assert found is not None and (found.gflops, found.read_gb, found.write_gb) == (5.0, (5.0, 5.0), (2.0, 1.0))
    assert measured.few(1) and measured.known(2) is None
    path.write_text(json.dumps({"1": kept[:2]}), encoding="utf-8")
    two = measured.known(1)
    assert two is not None and two.gflops == 51.5
    assert [type(size) for size in two.bytes] == [int, int], "profile shifts them to KiB"
