"""What a person does in the application, in any language: for the browser tests, the benchmark and the screenshots."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from browser_harness import ROOT, press

from builder.ui.texts import text

LONG = 300_000
"""Milliseconds that a training may take to compile its kernels, or a report to be made, on a busy machine."""


class Person:
    """Hands and eyes for one page of the application."""

    def __init__(self, page: Any, language: str = "en") -> None:
        self.page, self.language = page, language
        page.set_default_timeout(60_000)

    # --- looking ---

    def say(self, key: str, **values: object) -> str:
        """Return a text as the page says it."""
        return text(key, self.language, **values)

    def settle(self) -> None:
        """Wait until the server has drawn what was done."""
        self.page.wait_for_timeout(200)
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=LONG)
        self.page.wait_for_timeout(100)

    def key(self, name: str) -> Any:
        """Return the element with a key, whose class Streamlit writes without colons and dots."""
        return self.page.locator(f".st-key-{re.sub(r'[^a-zA-Z0-9_-]', '-', name)}").first

    def sees(self, words: str, timeout: float = 60_000) -> None:
        self.page.get_by_text(words).first.wait_for(timeout=timeout)

    def errors(self) -> list[str]:
        """Return what the page says in red, in the order of the page."""
        return list(self.page.locator("[data-testid=stAlertContentError]").all_inner_texts())

    def sound(self) -> None:
        """Fail where the page ended with a traceback."""
        assert 0 == self.page.locator("[data-testid=stException]").count()

    # --- moving ---

    def go(self, name: str) -> None:
        place = f"a[href*='/{name}']" if name != "build" else "[data-testid=stTopNavLink]"
        self.page.locator(place).first.click(delay=60)  # milliseconds, as a finger does
        self.settle()
        self.sound()

    def press(self, name: str, **values: object) -> None:
        self.page.get_by_role("button", name=self.say(name, **values), exact=True).first.click()
        self.settle()

    def block(self, name: str) -> Any:
        """Return a block of the canvas by its name."""
        return self.page.get_by_role("button", name=re.compile(rf"^\w+ {re.escape(name)}[,、]")).first

    def choose(self, name: str) -> None:
        """Press one part of a segmented control."""
        self.page.locator("[data-testid=stButtonGroup] button", has_text=self.say(name)).first.click()
        self.settle()

    def select(self, block: str) -> None:
        press(self.block(block), self.settle)

    # --- building ---

    def template(self, name: str) -> None:
        """Open an example from the empty page."""
        button = self.key(f"start:{name}").get_by_role("button")
        self.key("start:digits").wait_for()
        if not button.is_visible():  # among those that are folded away
            self.key("build-start-more").locator("summary").click()
        button.click()
        self.page.locator(".react-flow__node").nth(1).wait_for()  # Input is on an empty canvas too
        self.settle()

    def open(self, file: str) -> None:
        """Open a document of the workspace; the menu closes."""
        self.key("build-open").get_by_role("button").first.click()
        self.page.get_by_role("combobox", name=self.say("build.file")).click()
        self.page.get_by_role("option", name=file).click()
        self.settle()
        self.key("build:open-file").get_by_role("button").click()
        self.settle()
        self.page.locator("[data-testid=stPopoverBody]").wait_for(state="hidden")
        self.settle()

    def number(self, field: str, value: int, axis: str = "") -> None:
        """Type a number into the inspector; `axis` is "height" for the first of a pair."""
        name = self.say(f"build.field.{field}") + (f" · {self.say(f'build.{axis}')}" if axis else "")
        box = self.page.get_by_role("spinbutton", name=name, exact=True)
        box.fill(str(value))
        box.press("Enter")
        self.settle()

    def document(self) -> dict[str, Any]:
        """Return the document as the page's own download gives it."""
        self.settle()
        with self.page.expect_download() as waiting:
            self.key("build-download").get_by_role("button").click()
        found: dict[str, Any] = json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))
        return found

    def mend(self) -> None:
        """Open the first fix of the first problem, look at what it changes, and apply it."""
        self.page.locator("[class*='st-key-fix-0-0-'] button").first.click()
        self.page.locator("[data-testid=stPopoverBody]").get_by_text("+").first.wait_for()
        self.page.get_by_role("button", name=self.say("build.apply"), exact=True).click()
        self.sees(self.say("build.no_problems"))

    # --- data ---

    def builtin(self, name: str) -> None:
        self.go("data")
        self.key(f"data:use:{name}").get_by_role("button").click()
        self.sees(self.say("data.chosen"))
        self.settle()

    def upload(self, files: Sequence[Path]) -> None:
        """Send files on the page Data."""
        self.go("data")
        self.choose("data.way.upload")
        self.page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(files)
        self.press("data.take", count=len(files))

    # --- training ---

    def start(self, epochs: int) -> None:
        """Start a training and wait until its process is there."""
        self.go("train")
        box = self.page.get_by_label(self.say("train.epochs"), exact=True)
        box.fill(str(epochs))
        box.press("Enter")
        self.settle()
        self.page.get_by_role("button", name=self.say("train.start")).click()
        self.state("running")
        self.key("training").locator("[data-testid=stAlertContentSuccess]").wait_for(state="hidden")

    def finished(self) -> None:
        """Wait until the shown training has its result."""
        self.key("training").locator("[data-testid=stAlertContentSuccess]").first.wait_for(timeout=LONG)

    def curves(self, timeout: float = 60_000) -> None:
        """Wait until the shown training has values on its curves."""
        self.key("training").locator(".chart:has(.note:empty) canvas").first.wait_for(timeout=timeout)

    def state(self, name: str, timeout: float = 60_000) -> None:
        """Wait until a training of the queue is in a state."""
        self.page.get_by_text(self.say(f"train.state.{name}"), exact=True).first.wait_for(timeout=timeout)

    # --- looking inside, taking away ---

    def draw_nought(self) -> None:
        """Draw a circle on the pad."""
        pad = self.page.locator("canvas[role=img]")
        pad.wait_for()
        self.settle()
        box = pad.bounding_box()
        turn = [2 * math.pi * k / 20 for k in range(22)]
        places = [
            (
                box["x"] + box["width"] * (0.5 + 0.2 * math.cos(t)),
                box["y"] + box["height"] * (0.5 + 0.3 * math.sin(t)),
            )
            for t in turn
        ]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places:
            self.page.mouse.move(*place)
        self.page.mouse.up()

    def view(self, name: str) -> None:
        """Choose one of the views of Understand."""
        self.choose(f"understand.view.{name}")

    def download(self, folder: Path) -> Path:
        """Take the newest run away and unpack it; return the run folder."""
        self.go("runs")
        self.page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
        self.settle()
        table = self.page.locator("[data-testid=stDataFrame] canvas").first.bounding_box()
        self.page.mouse.click(table["x"] + 15, table["y"] + 55)
        self.key("runs:zip").wait_for()
        self.settle()
        with self.page.expect_download(timeout=LONG) as waiting:
            self.key("runs:zip").get_by_role("button").click()
        with zipfile.ZipFile(waiting.value.path()) as archive:
            archive.extractall(folder)
        (run,) = folder.iterdir()
        return run


def evaluated(run: Path) -> dict[str, Any]:
    """Return what `tsumiki evaluate` measures on a run folder."""
    command = [sys.executable, "-m", "builder", "evaluate", str(run), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["metrics"]
    return found


def told(run: Path) -> dict[str, Any]:
    """Return what the run's report says."""
    found: dict[str, Any] = json.loads((run / "report.json").read_text(encoding="utf-8"))["metrics"]
    return found
