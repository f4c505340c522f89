"""Confusion matrix, comparison and problems as a person sees them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from builder.report.compare import compare_table, differences, results
from builder.report.confusion import confusion_view
from builder.report.metrics import metrics
from builder.report.progress import Screen
from builder.report.text import problems_text, verdict
from schemas.errors import Fix, Problem


def show(*things: Any, terminal: bool = False) -> str:
    page = Console(file=io.StringIO(), width=160, force_terminal=terminal, highlight=False)
    with page.capture() as captured:
        for thing in things:
            page.print(thing)
    return captured.get()


def test_confusion_matrix_shows_names_as_they_are() -> None:
    found = metrics(
        "classification", np.eye(3)[[0, 1, 1, 2]], np.array([0, 1, 2, 2]), ["[red]a", "猫", "a very long name"]
    )
    lines = show(confusion_view(found)).splitlines()
    assert lines[1].split()[:2] == ["[red]a", "猫"]
    assert lines[-1].split() == ["a", "very", "long", "name", "·", "1", "1", "50.0%"]


def test_many_classes_become_a_list_of_mistakes() -> None:
    classes = 30
    actual = np.arange(classes)
    found = metrics("classification", np.eye(classes)[(actual + (actual == 7)) % classes], actual)
    lines = [line.split() for line in show(confusion_view(found)).splitlines()]
    assert lines[-1] == ["7", "8", "1"]
    assert len(lines) == 3


def test_regression_has_no_confusion_matrix() -> None:
    assert confusion_view(metrics("regression", np.ones(2), np.ones(2))) is None


def test_differences_pair_layers_by_position() -> None:
    one = {"model": {"layers": [{"type": "ReLU"}]}, "training": {"epochs": 1}}
    two = {"model": {"layers": [{"type": "Tanh"}, {"type": "ReLU"}]}, "training": {"epochs": 1}}
    assert differences([one, two]) == {"model.layers.0.type": ["ReLU", "Tanh"], "model.layers.1.type": [None, "ReLU"]}
    assert differences([one, one]) == {}


def test_results_are_the_plain_numbers() -> None:
    measured = results([{"accuracy": 0.5, "loss": 1.0, "confusion": [[1]]}, {"loss": 2.0, "auc": 0.7}])
    assert measured == {"loss": [1.0, 2.0], "accuracy": [0.5, None], "auc": [None, 0.7]}
    text = show(compare_table("results", ["runs/[a]/1", "runs/a/2"], measured))
    assert "runs/[a]/1" in text
    assert "–" in text


def problem(layer: str | None, severity: Any, fixes: tuple[Fix, ...] = ()) -> Problem:
    return Problem("a_code", "What [it] is.", "Why it is.", f"/model/layers/{layer}", layer, severity, fixes)


def test_problems_are_grouped_by_layer_with_numbered_fixes() -> None:
    fixes = (Fix("Do this", ()), Fix("Do that", ()))
    found = [problem("a", "warning"), problem("b", "error"), problem("a", "error", fixes), problem(None, "error")]
    lines = [line.strip() for line in problems_text(found).plain.splitlines()]
    assert lines[0] == "layer a"
    assert [line.split()[0] for line in lines if "a_code" in line] == ["error", "warning", "error", "error"]
    assert lines[2:6] == ["What [it] is.", "why: Why it is.", "fix 1: Do this", "fix 2: Do that"]
    assert "layer b" in lines
    assert "model" in lines
    assert verdict(found) == "3 errors, 1 warning"


EVENTS: list[dict[str, Any]] = [
    {"event": "warning",
     "finding": {"severity": "warning", "what": "Odd [x].", "where": "a:3", "why": "So.", "fix": "Do."}},
    {"event": "start", "run": "runs/[a]/1", "epochs": 2, "batches": 3, "samples": 150, "epoch": 0, "step": 0,
     "resumed": False, "threads": 2},
    {"event": "step", "epoch": 1, "epochs": 2, "batch": 1, "batches": 3, "step": 1, "steps": 6, "loss": 0.5,
     "learning_rate": 0.1, "seconds_left": None},
    {"event": "step", "epoch": 1, "epochs": 2, "batch": 2, "batches": 3, "step": 2, "steps": 6, "loss": 0.25,
     "learning_rate": 0.1, "seconds_left": 70.0},
    {"event": "unheard of"},
    {"event": "epoch", "epoch": 1, "epochs": 2, "seconds": 0.5, "best": True,
     "metrics": {"train": {"loss": 0.3, "accuracy": 0.9}, "validation": {"loss": 0.4, "accuracy": 0.875}}},
    {"event": "advice", "advice": {"what": "Slow.", "why": "Because.", "fix": "Faster."}},
    {"event": "end", "run": "runs/[a]/1", "status": "finished", "report": {}},
]  # fmt: skip


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_has_a_bar_on_a_terminal_only(terminal: bool) -> None:
    page = Console(file=io.StringIO(), width=160, force_terminal=terminal, highlight=False, color_system=None)
    with page.capture() as captured, Screen(page) as screen:
        for event in EVENTS:
            screen(event)
            if event["event"] == "step" and terminal and screen._bar is not None:
                screen._bar.refresh()
        screen.compiled("add", 0.5)
    text = captured.get()
    assert ("1:10 left" in text) == terminal
    assert "epoch 1/2  train loss 0.3000 accuracy 0.9000  validation loss 0.4000 accuracy 0.8750  0.5 s  best" in text
    assert "run folder runs/[a]/1" in text
    assert "warning: Odd [x]. (a:3)" in text
