"""The chapter of a run's page that says what came out."""

from __future__ import annotations

import re
from pathlib import Path

from builder.report.explain.result import confusion_html, curves_svg, points, result_chapter
from builder.training import Run


def test_numbers_curves_confusion_and_document(run: Path) -> None:
    opened = Run(run)
    made = result_chapter(opened)
    assert 2 == made.facts["epochs"] and opened.test["accuracy"] == made.facts["metrics"]["accuracy"]
    assert 2 == made.html.count("<svg") and 4 == made.html.count("<polyline")
    total = sum(map(sum, opened.report["metrics"]["confusion"]))
    cells = re.findall(r'<td style="[^"]*">(\d+)</td>', made.html)
    assert total == sum(map(int, cells)) == opened.report["samples"]
    assert "&quot;Convolution&quot;" in made.html


def test_a_table_and_a_run_without_an_end(table_run: Path) -> None:
    made = result_chapter(Run(table_run))
    assert 4 == made.html.count("<circle")  # one epoch: dots
    unfinished = Run(table_run)
    unfinished.__dict__["report"] = {}
    unfinished.__dict__["metrics"] = []
    assert "0 epochs." in result_chapter(unfinished).html


def test_names_of_strangers_stay_text() -> None:
    assert "<script>" not in confusion_html([[1, 0], [0, 1]], ["<script>", "b"])
    assert "<b>x" not in curves_svg({"<b>x": [(1, 2.0), (2, 3.0)]}, "<b>x").replace("<b>&lt;", "")
    assert "" == curves_svg({"train": []}, "Loss")


def test_values_that_are_none_are_left_out() -> None:
    rows = [{"epoch": 1, "train": {"loss": float("nan")}}, {"epoch": 2}, {"epoch": 3, "train": {"loss": 1}}]
    assert [(3, 1.0)] == points(rows, "train", "loss")
