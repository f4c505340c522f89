"""Any sequence of actions leaves a document that can be written and checked, and undo takes every one of them back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import builder
from builder.ui.state import State, opened, reduce
from builder.ui.state.tree import ID, identity, stacks
from schemas.document import dump
from schemas.layer import REGISTRY
from schemas.reader import read_text

ROOT = Path(__file__).parents[2]
DOCUMENTS = [json.loads(path.read_text("utf-8")) for path in sorted(ROOT.glob("examples/*.json"))]
DOCUMENTS += [
    {},
    {"format": 1, "model": {"layers": []}},
    {"model": {"layers": [3, {"type": "ReLU", "inputs": "x"}, {"type": "Add", "inputs": []}, "x"]}},
    {"model": {"layers": [{"type": "Repeat", "n": 2, "layers": [{"type": "Add", "name": "a", "inputs": ["a", "b"]}]},
                          {"type": "ReLU", "name": "b"}, {"type": "ReLU", "name": "b", "inputs": ["Repeat_1"]},
                          {"type": "Unit", "unit": "u"}], "units": {"u": {"layers": [{"type": "Unit", "unit": "u"}]}}}},
    {"model": []},
]  # fmt: skip
TYPES = [*REGISTRY, "Repeat", "Unit", "Unit:Residual", "Unit:u", "nonsense"]
NAMES = ["a", "b", "Input", "ReLU_1", "x/y", "", None, "Residual", "u"]
VALUES = [None, 3, -1, "same", [3, 3], {"type": "x"}, 1.5, True, "$channels", [], float("inf"), 10**500]


@st.composite
def actions(draw: st.DrawFn) -> dict[str, Any]:
    """One action, blocks told by numbers that `run` turns into ids."""
    one = st.integers(-1, 14)
    some = st.lists(one, min_size=1, max_size=4)
    op = draw(st.sampled_from(
        "insert append delete move shift connect disconnect copy cut paste duplicate field rename fold unfold enter "
        "leave fix set replace open saved select undo redo rename_unit hostile".split()
    ))  # fmt: skip
    made: dict[str, Any] = {"op": op}
    if op in ("insert", "append"):
        made["type"] = draw(st.sampled_from(TYPES))
    if op in ("insert", "move", "paste"):
        made["after"] = draw(one | st.none())
    if op in ("insert", "move"):
        made["before"] = draw(one | st.none())
    if op == "fold":
        start, size = draw(st.integers(0, 10)), draw(st.integers(1, 4))
        made |= {"ids": list(range(start, start + size)), "into": draw(st.sampled_from(["Unit", "Repeat"]))}
        made |= {"name": draw(st.sampled_from([None, "a", "Residual"]))}
    elif op in ("delete", "move", "shift", "copy", "cut", "duplicate", "select"):
        made["ids"] = draw(some)
    if op == "shift":
        made |= {"op": "move", "by": draw(st.integers(-3, 3))}
    if op in ("connect", "disconnect"):
        made |= {"source": draw(one), "target": draw(one)}
    if op in ("field", "rename", "unfold", "enter"):
        made["id"] = draw(one)
    if op == "field":
        made |= {"field": draw(st.sampled_from(["kernel_size", "out_channels", "p", "n", "name", "arguments"]))}
        made |= {"remove": True} if draw(st.booleans()) else {"value": draw(st.sampled_from(VALUES))}
    if op == "rename":
        made["name"] = draw(st.sampled_from(NAMES))
    if op == "rename_unit":
        made |= {
            "unit": draw(st.sampled_from(["Residual", "u", "Block"])),
            "name": draw(st.sampled_from(["v", "u", ""])),
        }
    if op == "fix":
        made["patch"] = [{"op": draw(st.sampled_from(["add", "remove", "replace", "hm"])),
                          "path": draw(st.sampled_from(["/model/layers/0", "/model/layers/1/name", "", "/x"])),
                          "value": draw(st.sampled_from([{"type": "ReLU"}, "a", 1]))}]  # fmt: skip
    if op == "set":
        made |= {
            "pointer": draw(st.sampled_from(["/training/epochs", "/data/source/name", "/model/input", "/task", ""]))
        }
        made |= {"value": draw(st.sampled_from(VALUES))}
    if op in ("replace", "open"):
        made["text"] = draw(st.sampled_from(["{", "[]", "{}", *(json.dumps(d) for d in DOCUMENTS)]))
    if op == "saved":
        made["path"] = "a.json"
    if op == "hostile":
        made = draw(st.sampled_from([{}, {"op": "insert"}, {"op": 3}, {"op": "delete", "ids": "b1"}]))
    return made


def told(state: State, action: dict[str, Any]) -> dict[str, Any]:
    """Put ids of the shown stack for the numbers."""
    where = state.stack
    ids = [identity(where, index) for index in range(len(where.entries))] if where is not None else []

    def block(number: Any) -> Any:
        if not isinstance(number, int):
            return number
        return "Input" if number < 0 else ids[number] if number < len(ids) else "b999"

    put = {key: block(action[key]) for key in ("after", "before", "source", "target", "id") if key in action}
    return {**action, **put, **({"ids": [block(n) for n in action["ids"]]} if "ids" in action else {})}


def check_state(state: State) -> None:
    """Assert what every state has: a document that can be written and read back, unique ids, and a check."""
    text = dump(state.document)
    assert read_text(text) == state.document
    ids = [entry[ID] for where in stacks(state.tree) for entry in where.entries if isinstance(entry, dict)]
    assert len(ids) == len(set(ids))
    report = builder.check(state.document)
    assert report.ok or report.problems
    assert state.stack is not None or not state.place


def run(document: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    state = first = opened(document)
    for step in steps:
        before = state
        state = reduce(state, told(state, step))
        assert (state.rev == before.rev) == (state.tree is before.tree)
        if state.rev != before.rev:
            check_state(state)
        else:
            assert state.past == before.past
    # Undo takes back what is behind, redo brings it again.
    last, count = state, len(state.past)
    for _ in range(count):
        state = reduce(state, {"op": "undo"})
    assert state.tree == first.tree or count == 0
    assert dump(state.document) == dump(first.document) or count == 0
    for _ in range(count):
        state = reduce(state, {"op": "redo"})
    assert state.tree == last.tree


@given(st.sampled_from(DOCUMENTS), st.lists(actions(), max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_actions(document: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    run(document, steps)


@pytest.mark.thorough
@given(st.sampled_from(DOCUMENTS), st.lists(actions(), max_size=25))
@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_many_actions(document: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    run(document, steps)
