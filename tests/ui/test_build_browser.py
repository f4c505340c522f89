"""The Build page in a real browser: edits by mouse and keyboard, the inspector, fixes, JSON, files, reloads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from browser_harness import until
from build_harness import Browse, block, number, select, settled, start, text_of, view

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]


def test_from_an_empty_page_to_a_mended_network(browse: Browse) -> None:
    page = browse()
    start(page)
    example = (ROOT / "examples" / "digits.json").read_text(encoding="utf-8")
    assert example == text_of(page), "the same bytes as the example's"
    select(page, "Convolution_1")
    number(page, "Output channels").fill("24")
    number(page, "Output channels").press("Enter")
    page.get_by_text("24 × 8 × 8").first.wait_for()
    select(page, "Affine_1")
    number(page, "Outputs").fill("7")
    number(page, "Outputs").press("Enter")
    page.get_by_text("Errors: 1 · Warnings: 0").wait_for()
    settled(page)
    page.locator("[class*='st-key-fix-0-0-'] button").first.click()
    page.locator("[data-testid=stPopoverBody]").get_by_text("+").first.wait_for()
    page.get_by_role("button", name="Apply this fix").click()
    page.get_by_text("No problems").wait_for()
    assert 0 == page.get_by_role("button", name="Apply this fix").count(), "it closes with its problem"
    layers = json.loads(text_of(page))["model"]["layers"]
    assert (24, 10) == (layers[0]["out_channels"], layers[8]["out_features"])


def test_the_keyboard_edits_and_undo_takes_it_back(browse: Browse) -> None:
    page = browse()
    start(page)
    before = text_of(page)
    select(page, "ReLU_1")
    page.keyboard.press("Alt+ArrowDown")
    until(lambda: "MaxPooling" in str(json.loads(text_of(page))["model"]["layers"][2]), page=page)
    block(page, "ReLU_1").focus()
    page.keyboard.press("Control+d")
    until(lambda: len(json.loads(text_of(page))["model"]["layers"]) == 12, page=page)
    block(page, "ReLU_1").focus()
    page.keyboard.press("Control+z")
    until(lambda: len(json.loads(text_of(page))["model"]["layers"]) == 11, page=page)
    block(page, "ReLU_1").focus()
    page.keyboard.press("Control+z")
    until(lambda: text_of(page) == before, page=page)


def test_json_goes_both_ways(browse: Browse) -> None:
    page = browse()
    start(page, "iris")
    view(page, "JSON")
    area = page.get_by_label("The document as JSON", exact=True)
    said = area.input_value()
    area.fill(said.replace('"out_features": 16', '"out_features": 17'))
    area.press("Control+Enter")
    until(lambda: '"out_features": 17' in text_of(page), page=page)
    area.fill("{")
    area.press("Control+Enter")
    page.get_by_text("must be JSON").wait_for()
    assert '"out_features": 17' in text_of(page), "what cannot be read changes nothing"
    view(page, "Canvas")
    page.get_by_text("17").first.wait_for()


def test_two_documents_are_compared_block_by_block(browse: Browse) -> None:
    page = browse()
    start(page)
    select(page, "Convolution_1")
    number(page, "Output channels").fill("24")
    number(page, "Output channels").press("Enter")
    page.get_by_text("24 × 8 × 8").first.wait_for()
    select(page, "ReLU_2")
    page.keyboard.press("Delete")
    block(page, "ReLU_2").wait_for(state="detached")
    view(page, "Compare")
    page.get_by_role("combobox", name=re.compile("Compare with")).click()
    page.get_by_role("option", name="Example: digits", exact=True).click()
    blocks = page.locator(".st-key-build-compare table").first
    blocks.get_by_text("out_channels 16 → 24").wait_for()
    changed, removed = (blocks.locator("tr", has_text=name) for name in ("Convolution_1", "ReLU_2"))
    assert "160 → 240" in changed.inner_text() and "16 × 8 × 8 → 24 × 8 × 8" in changed.inner_text()
    assert "−" in removed.inner_text()
    page.get_by_text("1 changed").wait_for()
    page.get_by_text("1 removed").wait_for()
    assert 0 == blocks.locator("tr", has_text="Softmax_1").count()
    page.get_by_text("Show unchanged blocks too").click()
    blocks.locator("tr", has_text="Softmax_1").wait_for()


def test_a_reload_loses_nothing(browse: Browse) -> None:
    page = browse()
    start(page, "skip_connection")
    select(page, "start")
    page.get_by_role("textbox", name="Name", exact=True).fill("stem")
    page.get_by_role("textbox", name="Name", exact=True).press("Enter")
    block(page, "stem").wait_for()
    page.reload()
    block(page, "stem").wait_for(timeout=20_000)
    assert ["change", "stem"] == json.loads(text_of(page))["model"]["layers"][8]["inputs"]


@pytest.mark.parametrize(
    ("language", "saying"), [("en", "No problems"), ("ja", "問題はありません"), ("de", "Keine Probleme")]
)
def test_every_language(browse: Browse, language: str, saying: str) -> None:
    page = browse(f"/?lang={language}")
    start(page, "two_branches")
    page.get_by_text(saying).first.wait_for()
    page.locator(".st-key-app-language").get_by_role("combobox").wait_for()


def test_text_of_a_stranger_is_no_markup(browse: Browse) -> None:
    """Names and descriptions are shown as they are: no HTML, no link, no image, no formula."""
    page = browse()
    start(page, "iris")
    hostile = "<img src=x onerror=alert(1)> [a](http://evil) ![b](http://evil/c.png) $x^2$ :red[z]"
    document = json.loads((ROOT / "examples" / "iris.json").read_text(encoding="utf-8"))
    document["description"] = hostile
    document["model"]["layers"][0]["name"] = hostile[:60].replace("/", "").replace("$", "")
    view(page, "JSON")
    area = page.get_by_label("The document as JSON", exact=True)
    area.fill(json.dumps(document))
    area.press("Control+Enter")
    view(page, "Canvas")
    page.get_by_text("![b](").first.wait_for()
    assert 0 == page.locator("img[src*=evil], img[src=x], a[href*=evil]").count()


def test_a_document_is_saved_into_the_workspace_and_opened_again(browse: Browse) -> None:
    page = browse()
    start(page, "repeat_unit")
    settled(page)
    page.locator(".st-key-build-save button").first.click()
    field = page.get_by_label("File in the workspace", exact=True)
    until(lambda: field.input_value() == "repeat_unit.json", page=page)
    page.locator("[data-testid=stPopoverBody]").get_by_role("button", name="Save").click()
    page.get_by_text("Saved", exact=True).first.wait_for()
    page.locator("[data-testid=stPopoverBody]").wait_for(state="hidden")
    other = browse()
    other.locator(".st-key-build-open button").first.click(timeout=20_000)
    other.get_by_role("combobox", name=re.compile("Document of the workspace")).click()
    other.get_by_role("option", name="repeat_unit.json").click()
    settled(other)
    other.locator(".st-key-build-open-file button").click()
    block(other, "Repeat_1").wait_for()
    other.locator("[data-testid=stPopoverBody]").wait_for(state="hidden")  # it lay over what was asked for
    assert text_of(page) == text_of(other)


def test_the_menu_of_examples_closes(browse: Browse) -> None:
    page = browse()
    start(page)
    page.locator(".st-key-build-new button").first.click()
    page.locator(".st-key-template-iris button").first.click()
    page.locator("[data-testid=stPopoverBody]").wait_for(state="hidden")
    until(lambda: json.loads(text_of(page))["name"] == "iris", page=page)
    page.keyboard.press("Control+z")  # the focus is at the button that downloads
    until(lambda: json.loads(text_of(page))["name"] == "digits", page=page)


def test_the_inside_of_a_unit(browse: Browse) -> None:
    page = browse()
    start(page, "repeat_unit")
    select(page, "Unit_3")
    page.get_by_role("textbox", name="channels").wait_for()
    assert "24" == page.get_by_role("textbox", name="channels").input_value()
    page.get_by_role("button", name="Show what is inside").click()
    block(page, "change").wait_for()
    page.get_by_role("button", name="Network ›").click()
    block(page, "Repeat_1").wait_for()


def resting(page: Any, found: Any) -> Any:
    """Return where something is once it stays there: a page that is just being drawn moves under the mouse."""
    settled(page)
    before = None
    while (place := found.bounding_box()) != before:
        before = place
        page.wait_for_timeout(250)
    return place


def drag_from_palette(page: Any, layer: str, x: float, y: float) -> None:
    entry = resting(page, page.get_by_role("button", name=f"Add {layer}:"))
    page.mouse.move(entry["x"] + 20, entry["y"] + 10)
    page.mouse.down()
    page.mouse.move(entry["x"] + 40, entry["y"] + 20)
    page.mouse.move(x, y, steps=6)
    page.mouse.up()


def test_a_layer_dropped_anywhere_on_an_empty_canvas_is_appended(browse: Browse) -> None:
    page = browse()
    page.locator(".st-key-start-digits").first.wait_for()
    pane = resting(page, page.locator(".pane"))
    drag_from_palette(page, "Convolution", pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2)
    block(page, "Convolution_1").wait_for()
    below = resting(page, block(page, "Convolution_1"))
    drag_from_palette(page, "ReLU", below["x"] + 320, below["y"] + below["height"] + 120)
    block(page, "ReLU_1").wait_for()
    assert ["Convolution", "ReLU"] == [layer["type"] for layer in json.loads(text_of(page))["model"]["layers"]]


def test_a_layer_is_dragged_onto_a_line_folded_and_taken_back(browse: Browse) -> None:
    page = browse()
    start(page)
    before = text_of(page)
    above, below = (resting(page, block(page, name)) for name in ("ReLU_1", "MaxPooling_1"))
    drag_from_palette(page, "Dropout", above["x"] + 116, (above["y"] + above["height"] + below["y"]) / 2)
    block(page, "Dropout_1").wait_for()
    layers = json.loads(text_of(page))["model"]["layers"]
    assert ["ReLU", "Dropout", "MaxPooling"] == [layer["type"] for layer in layers[2:5]]
    select(page, "Convolution_1")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("r")
    block(page, "Repeat_1").wait_for()
    page.get_by_label("What each block shows").select_option("Time")
    page.locator(".block .badge", has_text="µs").first.wait_for()
    block(page, "Repeat_1").focus()
    page.keyboard.press("Control+z")
    block(page, "Repeat_1").wait_for(state="detached")
    select(page, "Dropout_1")
    page.keyboard.press("Control+z")
    until(lambda: text_of(page) == before, page=page)


def test_only_the_block_that_causes_a_problem_is_marked(browse: Browse) -> None:
    """A window larger than its input: one ring, the blocks after it keep quiet, and the block says why."""
    page = browse()
    start(page)
    select(page, "MaxPooling_1")
    number(page, "Kernel size · H").fill("99")
    number(page, "Kernel size · H").press("Enter")
    page.locator(".block.has-error").first.wait_for()
    assert 1 == page.locator(".block.has-error").count()
    assert "MaxPooling" in page.locator(".block.has-error").inner_text()
    page.locator(".st-key-problem-0").wait_for()
    assert 0 == page.locator(".st-key-problem-1").count()
    page.locator(".st-key-build-inspector").get_by_text("99").first.wait_for()


def test_an_empty_page_offers_what_was_not_saved(browse: Browse) -> None:
    page = browse()
    start(page, "iris")
    page.locator(".st-key-build-bar input").first.fill("lost and found")
    page.locator(".st-key-build-bar input").first.press("Enter")
    settled(page)
    other = browse()
    other.get_by_text("Not saved last time").wait_for()
    other.locator(".st-key-build-start").get_by_text("lost and found").first.wait_for()
    other.locator("[class*='st-key-draft-'] button").first.click()
    block(other, "Affine_1").wait_for()
    until(lambda: json.loads(text_of(other))["name"] == "lost and found", page=other)
