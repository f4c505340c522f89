"""Two networks block by block."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from builder.check import check
from builder.report.aligned import Comparison, blocks, compare

EXAMPLES = Path(__file__).parents[3] / "examples"


def example(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def compared(before: dict[str, Any], after: dict[str, Any]) -> Comparison:
    return compare(before, check(before), after, check(after))


def said(found: Comparison) -> list[str]:
    """Write every pair that is not the same: its state, its name, and its changes."""
    return [
        " ".join([pair.state, pair.block.name, *(f"{path}:{old}>{new}" for path, old, new in pair.changes)])
        for pair in found.pairs
        if pair.state != "same"
    ]


@pytest.mark.parametrize("name", ["digits", "unet", "resnet50", "repeat_unit"])
def test_a_document_is_equal_to_itself(name: str) -> None:
    found = compared(example(name), example(name))
    assert found.equal and not found.settings
    assert {"same"} == {pair.state for pair in found.pairs}


def test_every_kind_of_edit_is_seen_as_what_it_is() -> None:
    before, after = example("digits"), example("digits")
    layers = after["model"]["layers"]
    layers[0]["out_channels"] = 24
    del layers[6]
    layers.insert(3, {"type": "Dropout", "p": 0.25})
    after["training"]["epochs"] = 9
    found = compared(before, after)
    assert [
        "changed Convolution_1 out_channels:16>24",
        "follows BatchNormalization_1",
        "follows ReLU_1",
        "added Dropout_1",
        "follows MaxPooling_1",
        "follows Convolution_2",
        "removed ReLU_2",
    ] == said(found)
    assert (("training.epochs", 20, 9),) == found.settings
    first = found.pairs[0]
    assert first.before is not None and first.after is not None
    assert ((16, 8, 8), 160, (24, 8, 8), 240) == (
        first.before.shape, first.before.parameters, first.after.shape, first.after.parameters,
    )  # fmt: skip
    totals = [check(one).totals["parameters"] for one in (before, after)]
    assert tuple(totals) == found.totals["parameters"]


def test_a_block_in_a_row_of_its_kind_is_told_by_its_settings() -> None:
    def network(widths: list[int]) -> dict[str, Any]:
        layers = [{"type": "Affine", "out_features": width} for width in widths]
        return {"format": 1, "task": "regression", "model": {"input": [3], "layers": layers}}

    assert ["added Affine_2", "follows Affine_3"] == said(compared(network([8, 16, 1]), network([8, 12, 16, 1])))
    assert ["changed Affine_2 out_features:16>12", "follows Affine_3"] == said(
        compared(network([8, 16, 1]), network([8, 12, 1]))
    )


def test_what_a_repeat_and_a_unit_hold_is_compared_where_it_is_written() -> None:
    before, after = example("repeat_unit"), example("repeat_unit")
    repeat = next(layer for layer in after["model"]["layers"] if layer["type"] == "Repeat")
    repeat["n"] = 3
    unit = after["model"]["units"]["Residual"]["layers"]
    kind = unit[0]["type"]
    unit[0]["kernel_size"] = 5
    found = compared(before, after)
    changed = {(pair.block.place, pair.block.depth): pair for pair in found.pairs if pair.state == "changed"}
    assert [("n", 2, 3)] == list(changed["", 0].changes)
    inner = changed["Residual", 0]
    assert kind == inner.block.type and "kernel_size" == inner.changes[0][0] and 5 == inner.changes[0][2]
    assert any(block.depth == 1 for block in blocks(before, check(before))), "the blocks of a Repeat stand under it"


def test_sums_of_what_is_folded_are_those_of_the_whole() -> None:
    document = example("repeat_unit")
    report = check(document)
    top = [block for block in blocks(document, report) if block.place == "" and block.depth == 0]
    assert report.totals["parameters"] == sum(block.parameters or 0 for block in top)


def test_networks_that_share_nothing_and_those_with_errors_are_compared_too() -> None:
    found = compared(example("iris"), example("unet"))
    counts = Counter(pair.state for pair in found.pairs)
    assert counts["added"] and not found.equal
    broken = copy.deepcopy(example("digits"))
    broken["model"]["layers"][3]["kernel_size"] = 99
    assert ["changed MaxPooling_1 kernel_size:None>99"] == said(compared(example("digits"), broken))[:1]
    empty = {"format": 1, "model": {"layers": []}}
    assert {"removed"} >= {pair.state for pair in compared(example("iris"), empty).pairs} - {"same", "follows"}
