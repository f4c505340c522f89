"""The Build page's fields in a real browser: every edit is seen at once, and what is typed meanwhile stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from browser_harness import until
from build_harness import Browse, number, select, start, text_of

pytestmark = pytest.mark.browser


def text_of_focused(page: Any, field: Any) -> str:
    """Return the document without taking the focus away for longer than the download takes."""
    said = text_of(page)
    field.focus()
    return said


def test_every_edit_is_seen(browse: Browse) -> None:
    """The new shape of an edited field is on the canvas; tests/benchmarks/edit_latency.py says how soon."""
    page = browse()
    start(page)
    select(page, "Convolution_1")
    number(page, "Output channels").wait_for()
    for value in (20, 21, 22, 23):
        number(page, "Output channels").fill(str(value))
        number(page, "Output channels").press("Enter")
        page.get_by_text(f"{value} × 8 × 8").first.wait_for()


def test_edits_faster_than_their_answers(browse: Browse) -> None:
    """What the fields beside the canvas show is older than the document then, and is sent with the next edit."""
    page = browse()
    start(page)
    before = text_of(page)
    select(page, "ReLU_1")
    for _ in range(8):
        for key in ("Alt+ArrowDown", "Alt+ArrowUp"):
            page.keyboard.press(key)
            page.wait_for_timeout(60)
    until(lambda: text_of(page) == before, seconds=20, page=page)


def test_a_field_is_checked_at_every_key_and_is_one_step_of_undo(browse: Browse) -> None:
    page = browse()
    start(page)
    before = text_of(page)
    select(page, "Convolution_1")
    field = number(page, "Output channels")
    inspector = page.locator(".st-key-build-inspector")
    field.click()
    field.press("Control+a")
    page.keyboard.type("0", delay=20)
    inspector.get_by_text("Allowed: 1 ≤ x").wait_for()
    assert "true" == field.get_attribute("aria-invalid")
    page.keyboard.press("Backspace")
    inspector.get_by_text("A number is needed here").wait_for()
    page.keyboard.type("4x", delay=20)
    inspector.get_by_text("A number, please").wait_for()
    assert before == text_of_focused(page, field), "what is no value changes nothing"
    field.press("End")
    page.keyboard.press("Backspace")
    page.get_by_text("4 × 8 × 8").first.wait_for()  # without Enter
    page.keyboard.type("8")
    page.get_by_text("48 × 8 × 8").first.wait_for()
    assert field.evaluate("f => f === f.getRootNode().activeElement"), "the focus stays where one types"
    assert "48" == field.input_value()
    page.keyboard.press("Tab")
    kernel = number(page, "Kernel size · H")
    assert kernel.evaluate("f => f === f.getRootNode().activeElement"), "the next field, not a button between"
    page.keyboard.type("99")
    page.keyboard.press("Control+z")  # before it is sent: away with it
    assert "3" == kernel.input_value()
    kernel.press("Control+a")
    page.keyboard.type("5")
    page.get_by_text("48 · 5×3").first.wait_for()
    page.keyboard.press("Control+z")
    until(lambda: kernel.input_value() == "3", page=page)
    page.keyboard.press("Control+z")
    until(lambda: number(page, "Output channels").input_value() == "16", page=page)
    assert before == text_of(page)


def test_what_is_typed_while_the_server_answers_stays(browse: Browse) -> None:
    """Keys at the pace of a slow typist, some while an answer comes in: none is lost, none comes twice."""
    page = browse()
    start(page, "iris")
    select(page, "Affine_1")
    field = number(page, "Outputs")
    field.click()
    field.press("Control+a")
    for key in "12345":
        page.keyboard.press(key)
        page.wait_for_timeout(420)  # a little longer than the pause after which it is sent
    assert "12345" == field.input_value()
    until(lambda: json.loads(text_of(page))["model"]["layers"][0]["out_features"] == 12345, page=page)
    number(page, "Outputs").press("Control+z")
    until(lambda: json.loads(text_of(page))["model"]["layers"][0]["out_features"] == 16, page=page)


def test_the_check_speaks_at_the_field(browse: Browse) -> None:
    page = browse()
    start(page)
    select(page, "MaxPooling_1")
    field = number(page, "Kernel size · H")
    field.click()
    field.press("Control+a")
    page.keyboard.type("99")
    page.locator(".st-key-build-inspector .typed, .st-key-build-inspector").get_by_text("99").first.wait_for()
    page.locator(".block.has-error").first.wait_for()
    assert field.evaluate("f => f === f.getRootNode().activeElement")
    page.keyboard.press("Control+z")
    page.locator(".block.has-error").first.wait_for(state="detached")
    assert "2" == field.input_value()
