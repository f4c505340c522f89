"""What a check learns from the data, and what it does when it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from check_documents import END, RELU, affine, conv, document

import builder


def with_data(layers: list[Any], source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return document(layers, data={"source": source}, **more)


def test_input_and_classes_come_from_the_data() -> None:
    raw = with_data([conv(4), RELU], {"type": "builtin", "name": "digits"}, task=None)
    del raw["model"]["input"]
    report = builder.check(raw)
    assert report.ok and report.task == "classification"
    assert report.document["model"]["input"] == [1, 8, 8]
    assert [entry["type"] for entry in report.document["model"]["layers"][2:]] == [
        "Affine", "Softmax", "CategoricalCrossEntropy",
    ]  # fmt: skip
    assert report.shapes["Affine_1"] == (10,)


@pytest.mark.parametrize(
    ("name", "task", "last"),
    [("iris", "classification", (3,)), ("breast_cancer", "binary", (1,)), ("diabetes", "regression", (1,))],
)
def test_the_data_tell_the_task(name: str, task: str, last: tuple[int, ...]) -> None:
    raw = with_data([affine(5), RELU], {"type": "builtin", "name": name}, task=None)
    del raw["model"]["input"]
    report = builder.check(raw)
    assert report.ok and report.task == task
    assert report.shapes[report.network.output] == last


def test_data_that_cannot_be_read_are_one_warning(tmp_path: Path) -> None:
    for layers in (END, [conv(4), RELU]):
        raw = with_data(layers, {"type": "csv", "path": "nowhere.csv", "target": "y"})
        report = builder.check(raw, base=tmp_path)
        assert [(problem.code, problem.severity) for problem in report.problems] == [("data_unreadable", "warning")]
        del raw["model"]["input"]
        report = builder.check(raw, base=tmp_path)
        assert [problem.code for problem in report.problems] == ["data_unreadable"]
        assert report.totals["peak_training_bytes"] is None


def test_paths_start_at_the_document(tmp_path: Path) -> None:
    from schemas.document import dump

    (tmp_path / "表 1.csv").write_text("a,b,y\n" + "".join(f"{i},{i},{'xyz'[i % 3]}\n" for i in range(9)), "utf-8")
    raw = with_data([affine(4), RELU], {"type": "csv", "path": "表 1.csv", "target": "y"}, shape=(2,))
    path = tmp_path / "document.json"
    path.write_text(dump(raw), encoding="utf-8")
    report = builder.check(path)
    assert report.ok and report.shapes["Affine_2"] == (3,)


def test_a_broken_data_section_is_its_own_problem_only() -> None:
    report = builder.check(with_data([conv(4), RELU], {"type": "builtin", "name": "digit"}))
    assert [problem.code for problem in report.problems] == ["wrong_value"]
    assert report.problems[0].fixes
