"""What each action does: a table of small networks, written as short lines.

"a b c"            three blocks named so, each reads the one before it
"a b+a"            b reads the one before it and a
"b:a"              b reads a alone; "b:Input" the input
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import builder
from builder.ui.state import State, opened, reduce
from builder.ui.state.tree import ID
from schemas.document import dump

ROOT = Path(__file__).parents[2]


def network(line: str) -> State:
    """Return the state of a network written as a line; the id of each block is its name."""
    layers: list[dict[str, Any]] = []
    before = "Input"
    for word in line.split():
        name, _, alone = word.partition(":")
        name, *more = name.split("+")
        entry: dict[str, Any] = {"type": "Add" if more else "ReLU", "name": name}
        if alone or more:
            entry["inputs"] = [alone] if alone else [before, *more]
        layers.append(entry)
        before = name
    state = opened({"format": 1, "model": {"input": [4], "layers": layers}})
    for entry in state.tree["model"]["layers"]:
        entry[ID] = entry["name"]
    return state


def line(state: State) -> str:
    """Write the network as a line again, with what each block reads where that is not the one before it."""
    words, before = [], "Input"
    for entry in state.document["model"]["layers"]:
        name = entry.get("name", f"({entry['type']})")
        inputs = entry.get("inputs", [before])
        words.append(name + ("" if inputs == [before] else ":" + ",".join(inputs)))
        before = name
    return " ".join(words)


CASES = [
    # insert and append
    ("a b c", {"op": "append", "type": "Tanh"}, "a b c (Tanh)"),
    ("a b c", {"op": "insert", "type": "Tanh", "after": "a", "before": "b"}, "a (Tanh) b c"),
    ("a b c", {"op": "insert", "type": "Tanh", "after": "Input", "before": "a"}, "(Tanh) a b c"),
    ("a b c", {"op": "insert", "type": "Tanh", "after": "a"}, "a (Tanh) b c"),
    ("a b c", {"op": "insert", "type": "Tanh", "after": "c"}, "a b c (Tanh)"),
    ("a b c+a", {"op": "insert", "type": "Tanh", "after": "a", "before": "c"}, "a b Tanh_1:a c:b,Tanh_1"),
    ("a b c+a", {"op": "insert", "type": "Tanh", "after": "b", "before": "c"}, "a b Tanh_1 c:Tanh_1,a"),
    ("a b:Input c:a", {"op": "insert", "type": "Tanh", "after": "a"}, "a Tanh_1 b:Input c:Tanh_1"),
    # delete: what read it reads what it read
    ("a b c", {"op": "delete", "ids": ["b"]}, "a c"),
    ("a b c", {"op": "delete", "ids": ["a", "c"]}, "b"),
    ("a b c+a", {"op": "delete", "ids": ["a"]}, "b c:b,Input"),
    ("a b c+a d", {"op": "delete", "ids": ["c"]}, "a b d"),
    ("a b:Input c d:a", {"op": "delete", "ids": ["b"]}, "a c:Input d:a"),
    ("a b c+a", {"op": "delete", "ids": ["b"]}, "a c"),
    # move
    ("a b c", {"op": "move", "ids": ["c"], "by": -1}, "a c b"),
    ("a b c", {"op": "move", "ids": ["c"], "by": -9}, "c a b"),
    ("a b c", {"op": "move", "ids": ["a", "b"], "by": 1}, "c a b"),
    ("a b c d", {"op": "move", "ids": ["a"], "after": "c", "before": "d"}, "b c a d"),
    ("a b c d", {"op": "move", "ids": ["a", "b"], "after": "d"}, "c d a b"),
    ("a b c+a d", {"op": "move", "ids": ["b"], "after": "c", "before": "d"}, "a c b d"),
    # connections
    ("a b c", {"op": "connect", "source": "a", "target": "c"}, "a b c:a"),
    ("a b c+a d", {"op": "connect", "source": "Input", "target": "c"}, "a b c:b,a,Input d"),
    ("a b c:a", {"op": "connect", "source": "b", "target": "c"}, "a b c"),
    ("a b c+a", {"op": "disconnect", "source": "a", "target": "c"}, "a b c"),
    ("a b c:a", {"op": "disconnect", "source": "a", "target": "c"}, "a b c"),
    # copies
    ("a b c", {"op": "duplicate", "ids": ["b"]}, "a b b_2 c"),
    ("a b c+a d", {"op": "duplicate", "ids": ["a", "b", "c"]}, "a b c:b,a a_2 b_2 c_2:b_2,a_2 d"),
    ("a b c+a", {"op": "duplicate", "ids": ["c"]}, "a b c:b,a c_2:b,a"),
    # names
    ("a b c+a", {"op": "rename", "id": "a", "name": "stem"}, "stem b c:b,stem"),
    ("a b c+a", {"op": "rename", "id": "b", "name": None}, "a ReLU_1 c:ReLU_1,a"),
    # folds: what is read from outside stays readable
    ("a b c d", {"op": "fold", "ids": ["b", "c"], "into": "Repeat"}, "a (Repeat) d"),
    ("a b c d:c", {"op": "fold", "ids": ["b", "c"], "into": "Unit", "name": "Twice"}, "a Unit_1 d"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "action", "after"), CASES)
def test_actions(before: str, action: dict[str, Any], after: str) -> None:
    state = network(before)
    changed = reduce(state, action)
    assert changed.notice is None
    assert after == line(changed)
    assert reduce(changed, {"op": "undo"}).tree == state.tree
    assert line(network(before)) == line(state), "the old state was changed"


REFUSED = [
    ("a b c", {"op": "connect", "source": "c", "target": "a"}, "notice.loop"),
    ("a b c", {"op": "connect", "source": "a", "target": "b"}, "notice.connected"),
    ("a b c", {"op": "connect", "source": "b", "target": "b"}, "notice.loop"),
    ("a b c", {"op": "disconnect", "source": "a", "target": "b"}, "notice.reads_something"),
    ("a b c", {"op": "disconnect", "source": "a", "target": "c"}, "notice.no_edge"),
    ("a b c", {"op": "insert", "type": "ReLU", "after": "a", "before": "c"}, "notice.no_edge"),
    ("a b c", {"op": "insert", "type": "ReLuu", "after": "a"}, "notice.unknown_type"),
    ("a b c", {"op": "delete", "ids": ["x"]}, "notice.nothing_selected"),
    ("a b c", {"op": "move", "ids": ["a"], "by": -1}, "notice.nothing"),
    ("a b c", {"op": "move", "ids": ["a"], "after": "a", "before": "b"}, "notice.moved_onto_itself"),
    ("a b c", {"op": "rename", "id": "a", "name": "b"}, "notice.name_taken"),
    ("a b c", {"op": "rename", "id": "a", "name": "Input"}, "notice.bad_name"),
    ("a b c", {"op": "rename", "id": "a", "name": "x/y"}, "notice.bad_name"),
    ("a b c", {"op": "field", "id": "a", "field": "inputs", "value": ["b"]}, "notice.not_a_field"),
    ("a b c", {"op": "paste"}, "notice.nothing_copied"),
    ("a b c", {"op": "undo"}, "notice.nothing_to_undo"),
    ("a b c", {"op": "redo"}, "notice.nothing_to_redo"),
    ("a b c", {"op": "unfold", "id": "a"}, "notice.not_folded"),
    ("a b c", {"op": "enter", "id": "a"}, "notice.not_folded"),
    ("a b c", {"op": "fold", "ids": ["a", "c"]}, "notice.not_neighbours"),
    ("a b c d:b", {"op": "fold", "ids": ["b", "c"]}, "notice.fold_read"),
    ("a b c d+a", {"op": "fold", "ids": ["c", "d"], "into": "Unit"}, "notice.fold_reads"),
    ("a b c", {"op": "fix", "patch": [{"op": "remove", "path": "/nowhere"}]}, "notice.stale_fix"),
    ("a b c", {"op": "set", "pointer": "/model/layers/9/name", "value": "x"}, "notice.no_place"),
    ("a b c", {"op": "set", "pointer": "/name", "value": float("nan")}, "notice.no_json"),
    ("a b c", {"op": "replace", "text": '{"model": '}, "notice.unreadable"),
    ("a b c", {"op": "format the disk"}, "notice.unknown_action"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "action", "notice"), REFUSED)
def test_what_cannot_be_done_says_why_and_changes_nothing(before: str, action: dict[str, Any], notice: str) -> None:
    state = network(before)
    after = reduce(state, action)
    assert after.notice is not None
    assert notice == after.notice.key
    assert (after.tree, after.past, after.rev) == (state.tree, state.past, state.rev)


def digits(name: str = "repeat_unit") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "examples" / f"{name}.json").read_text(encoding="utf-8"))
    return document


def shapes(document: dict[str, Any]) -> list[Any]:
    """Return what tells whether two documents are the same network."""
    report = builder.check(document)
    assert report.ok
    return [(info.type, info.output_shape, info.parameters) for info in report.layers]


def block(state: State, kind: str, which: int = 0) -> str:
    found = [entry[ID] for entry in state.tree["model"]["layers"] if entry["type"] == kind]
    return str(found[which])


def test_unfolding_and_folding_keep_the_network() -> None:
    state = opened(digits())
    network = shapes(state.document)
    state = reduce(state, {"op": "unfold", "id": block(state, "Repeat")})
    assert network == shapes(state.document)
    folded = reduce(state, {"op": "fold", "ids": [block(state, "Unit", 0), block(state, "Unit", 1)], "into": "Repeat"})
    assert digits()["model"] == folded.document["model"]
    for _ in range(3):
        state = reduce(state, {"op": "unfold", "id": block(state, "Unit")})
        assert state.notice is None
    assert network == shapes(state.document)
    assert "units" not in state.document["model"]
    assert not any(entry["type"] in ("Unit", "Repeat") for entry in state.document["model"]["layers"])


def test_a_residual_block_is_found_to_repeat() -> None:
    state = opened(digits())
    state = reduce(state, {"op": "unfold", "id": block(state, "Repeat")})
    for _ in range(2):
        state = reduce(state, {"op": "unfold", "id": block(state, "Unit")})
    network = shapes(state.document)
    ids = [entry[ID] for entry in state.tree["model"]["layers"][2:16]]
    state = reduce(state, {"op": "fold", "ids": ids, "into": "Repeat"})
    repeat = state.document["model"]["layers"][2]
    assert (2, 7) == (repeat["n"], len(repeat["layers"]))
    assert network == shapes(state.document)


def test_a_unit_within_a_unit_hands_on_its_arguments() -> None:
    state = opened(digits())
    state = reduce(state, {"op": "enter", "id": block(state, "Unit")})
    assert ("unit:Residual",) == state.place
    ids = [entry[ID] for entry in state.tree["model"]["units"]["Residual"]["layers"][:3]]
    state = reduce(state, {"op": "fold", "ids": ids, "into": "Unit", "name": "Part"})
    assert {"channels": None} == state.document["model"]["units"]["Part"]["arguments"]
    assert shapes(digits()) == shapes(state.document)
    state = reduce(state, {"op": "rename_unit", "unit": "Residual", "name": "Rest"})
    assert shapes(digits()) == shapes(state.document)
    assert ("unit:Rest",) == state.place
    assert () == reduce(state, {"op": "leave"}).place


def test_clips_bring_their_units_into_another_document() -> None:
    state = opened(digits())
    state = reduce(state, {"op": "copy", "ids": [block(state, "Unit")]})
    empty = dump({"format": 1, "model": {"input": [24, 4, 4], "layers": []}})
    state = reduce(reduce(state, {"op": "open", "text": empty}), {"op": "paste"})
    assert "Residual" in state.document["model"]["units"]
    assert (24, 4, 4) == builder.check(state.document).layers[6].output_shape


def test_counted_names_stay_what_they_mean() -> None:
    layers = [{"type": "ReLU"}, {"type": "ReLU"}, {"type": "Tanh"}, {"type": "Add", "inputs": ["Tanh_1", "ReLU_1"]}]
    state = opened({"format": 1, "model": {"input": [4], "layers": layers}})
    state = reduce(state, {"op": "insert", "type": "ReLU", "after": "Input", "before": "b1"})
    assert {"type": "ReLU", "name": "ReLU_1"} == state.document["model"]["layers"][1]
    assert ["Tanh_1", "ReLU_1"] == state.document["model"]["layers"][4]["inputs"]


def test_ids_stay_through_fixes_and_text() -> None:
    state = opened({"format": 1, "model": {"input": [4], "layers": [{"type": "ReLU"}, {"type": "Tanh"}]}})
    patch = [{"op": "add", "path": "/model/layers/0", "value": {"type": "Sigmoid"}}]
    state = reduce(state, {"op": "fix", "patch": patch})
    assert ["b3", "b1", "b2"] == [entry[ID] for entry in state.tree["model"]["layers"]]
    text = state.text.replace('"Tanh"}', '"Tanh", "name": "end"}')
    state = reduce(state, {"op": "replace", "text": text})
    assert ["b3", "b1", "b2"] == [entry[ID] for entry in state.tree["model"]["layers"]]
    assert reduce(state, {"op": "delete", "ids": ["b1"]}).selection == ("b2",)


def test_set_makes_what_is_missing_and_removes() -> None:
    state = reduce(opened({"format": 1}), {"op": "set", "pointer": "/training/optimizer/learning_rate", "value": 0.1})
    assert {"optimizer": {"learning_rate": 0.1}} == state.document["training"]
    state = reduce(state, {"op": "set", "pointer": "/training/optimizer", "remove": True})
    assert {} == state.document["training"]


def test_it_writes_what_the_command_line_writes() -> None:
    for path in sorted(ROOT.glob("examples/*.json")):
        state = opened(json.loads(path.read_text(encoding="utf-8")))
        assert path.read_text(encoding="utf-8") == state.text == dump(state.document)


def test_a_block_keeps_the_parameters_that_it_shares() -> None:
    layers: list[dict[str, Any]] = [
        {"type": "Affine", "out_features": 4},
        {"type": "ReLU"},
        {"type": "Affine", "out_features": 4, "share": "Affine_1"},
    ]
    state = opened({"format": 1, "model": {"input": [4], "layers": layers}})
    first = state.tree["model"]["layers"][0][ID]
    state = reduce(state, {"op": "insert", "type": "Affine", "after": "Input", "before": first})
    entries = state.document["model"]["layers"]
    assert entries[1]["name"] == entries[3]["share"]
    state = reduce(state, {"op": "rename", "id": first, "name": "encoder"})
    assert "encoder" == state.document["model"]["layers"][3]["share"]


def test_what_is_typed_in_one_go_is_one_step_of_undo() -> None:
    state = opened({"model": {"input": [3], "layers": [{"type": "Affine", "out_features": 4}]}})
    block = state.tree["model"]["layers"][0][0]

    def type_in(state: State, value: int, typing: str) -> State:
        return reduce(state, {"op": "field", "id": block, "field": "out_features", "value": value, "typing": typing})

    after = type_in(type_in(type_in(state, 1, "a"), 12, "a"), 128, "a")
    assert 128 == after.document["model"]["layers"][0]["out_features"]
    assert state.document == reduce(after, {"op": "undo"}).document
    assert 1 == len(after.past)
    again = type_in(type_in(after, 3, "b"), 32, "b")
    assert after.document == reduce(again, {"op": "undo"}).document, "typed another time"
    assert 0 == len(type_in(type_in(state, 1, "a"), 4, "a").past), "back to what it was: nothing to undo"
    undone = reduce(after, {"op": "undo"})
    assert 1 == len(type_in(undone, 7, "a").past), "what was undone is not typed on"
