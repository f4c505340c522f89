"""The whole way in a real browser: data, training, answers, a drawn digit, a download that evaluates."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[3]


def settled(page: Any) -> None:
    """Wait until the server has drawn what was done."""
    page.wait_for_timeout(300)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
    page.wait_for_timeout(200)


def go(page: Any, name: str) -> None:
    page.locator(f"[data-testid=stTopNavLink][href*='{name}'], a[href*='/{name}']").first.click()
    settled(page)


def test_from_data_to_a_download(browse: Callable[..., Any], tmp_path: Path) -> None:
    page = browse("/", locale="en-US")
    settled(page)
    page.locator(".st-key-start-digits button, .st-key-start\\:digits button").first.click(timeout=30_000)
    settled(page)
    go(page, "data")
    page.locator(".st-key-data-use-digits button, .st-key-data\\:use\\:digits button").first.click()
    page.get_by_text("those of the data").wait_for(timeout=30_000)
    go(page, "train")
    page.get_by_label("Epochs", exact=True).fill("5")
    page.keyboard.press("Enter")
    settled(page)
    page.get_by_role("button", name="Start training").click()
    page.locator("[data-testid=stVegaLiteChart]").first.wait_for(timeout=300_000)
    page.get_by_text("on the 359 samples").wait_for(timeout=300_000)
    go(page, "understand")
    page.get_by_text("Confusion matrix").wait_for(timeout=60_000)
    matrix = page.locator("[data-testid=stVegaLiteChart]").first
    box = matrix.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4)
    settled(page)
    page.get_by_text("Draw a digit", exact=True).click()
    pad = page.locator("canvas[role=img]")
    pad.wait_for(timeout=30_000)
    settled(page)
    circle(page, pad.bounding_box())
    page.get_by_text("The network says").wait_for(timeout=30_000)
    go(page, "runs")
    page.get_by_text("Quality against cost").wait_for(timeout=30_000)
    table = page.locator("[data-testid=stDataFrame] canvas").first.bounding_box()
    page.mouse.click(table["x"] + 15, table["y"] + 55)
    page.get_by_text("Run (zip)").first.wait_for(timeout=30_000)
    settled(page)
    with page.expect_download(timeout=60_000) as waiting:
        page.get_by_role("button", name="Run (zip)").click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        archive.extractall(tmp_path)
    (run,) = tmp_path.iterdir()
    command = [sys.executable, "-m", "builder", "evaluate", str(run), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    expected = json.loads((run / "report.json").read_text())["metrics"]["accuracy"]
    assert expected == json.loads(done.stdout)["metrics"]["accuracy"]


def circle(page: Any, box: dict[str, float]) -> None:
    """Draw a nought on the pad."""
    places = [
        (
            box["x"] + box["width"] * (0.5 + 0.2 * math.cos(t / 20 * 2 * math.pi)),
            box["y"] + box["height"] * (0.5 + 0.3 * math.sin(t / 20 * 2 * math.pi)),
        )
        for t in range(22)
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places:
        page.mouse.move(*place)
    page.mouse.up()


@pytest.mark.parametrize("locale", ["en-US", "ja-JP", "de-DE"])
def test_every_page_in_every_language(browse: Callable[..., Any], locale: str) -> None:
    page = browse("/", locale=locale)
    settled(page)
    for name in ("data", "train", "understand", "runs", "learn"):
        go(page, name)
        page.locator("h1").first.wait_for(timeout=30_000)
        assert 0 == page.locator("[data-testid=stException]").count()
