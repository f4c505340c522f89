"""One broken document per row: exactly these problems, at this place, and every offered fix mends its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from broken_case import at
from broken_ends import CASES as ENDS
from broken_layers import CASES as LAYERS
from broken_stacks import CASES as STACKS
from check_documents import END, conv, document, layer

import builder
from schemas.patch import apply

CASES = {**LAYERS, **ENDS, **STACKS}


@pytest.mark.parametrize("name", CASES)
def test_broken_document(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.check.machine_bytes", lambda: 16 * 2**30)
    monkeypatch.setattr("builder.checks.memory.machine_bytes", lambda: 16 * 2**30)
    case = CASES[name]
    report = builder.check(case.document, facts=case.facts)
    assert [(problem.code, problem.pointer) for problem in report.problems] == case.problems
    if case.unknown is not None:
        assert sum(info.output_shape is None for info in report.layers) == case.unknown
    if case.fix is not None:
        titles = [fix.title for fix in report.problems[0].fixes]
        assert any(case.fix in title for title in titles), titles
    errors = {(problem.code, problem.pointer) for problem in report.errors}
    for problem in report.problems:
        assert problem.what.endswith((".", "?")), problem.what
        for fix in problem.fixes:
            after = builder.check(apply(case.document, fix.patch), facts=case.facts)
            assert problem.code not in {other.code for other in after.problems}, fix
            assert len(after.errors) <= len(errors) - (problem.severity == "error"), (fix, after.errors)


def test_a_problem_and_the_list_of_layers_call_a_layer_by_the_same_name() -> None:
    report = builder.check(document([conv(4, name="a/b"), conv(-4), *END]))
    assert [problem.layer for problem in report.problems] == ["Convolution_1", "Convolution_2"]
    assert [info.name for info in report.layers][:2] == ["Convolution_1", "Convolution_2"]


@pytest.mark.parametrize("text", ["", "{", "[1", '{"format": 1,}', "[" * 100_000, "\ufeff\x00"])
def test_text_that_cannot_be_read_is_one_problem(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    assert len(builder.check(path).problems) == 1


def test_a_fix_that_brings_the_next_mistake_to_light_is_offered() -> None:
    pool = layer("MaxPooling", kernel_size=9)
    raw = document([pool, pool, *END])
    (problem,) = builder.check(raw).problems
    assert [fix.title for fix in problem.fixes][-1] == "Make the window 8 × 8"
    after = builder.check(apply(raw, problem.fixes[-1].patch))
    assert [(other.code, other.pointer) for other in after.problems] == [("window_too_large", at(1))]


def test_every_problem_reaches_the_command_line() -> None:
    codes = {code for case in CASES.values() for code, _ in case.problems}
    assert codes >= {
        "unknown_type", "unknown_field", "wrong_value", "missing_field", "unknown_input", "cycle", "unread_layer",
        "duplicate_name", "input_count", "channel_mismatch", "size_mismatch", "window_too_large", "remainder",
        "groups_do_not_divide", "head_task_mismatch", "loss_head_mismatch", "class_count", "input_shape", "label_range",
        "missing_head", "missing_loss", "unit_recursion", "out_of_memory",
    }  # fmt: skip
