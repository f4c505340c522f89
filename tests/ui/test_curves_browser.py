"""The curves of a training in a real browser: they move by themselves, and say what stands under the pointer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import browser_harness as harness
import pytest
from person import Person

pytestmark = pytest.mark.browser

ENDLESS = 100_000
LIVE = ".st-key-training .live"

INKED = """(canvas) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
    copy.drawImage(canvas, 0, 0);  // its own context is a worker's
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    const near = (k, colour) => colour.every((value, c) => Math.abs(data[k + c] - value) < 8) && data[k + 3] > 250;
    let found = 0;
    for (let k = 0; k < data.length; k += 4) if (near(k, [232, 131, 58])) found += 1;
    return found;
}"""
"""Pixels in the colour of the training's curve."""

PICTURE = """(canvas) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
    copy.drawImage(canvas, 0, 0);
    return copy.getImageData(0, 0, canvas.width, canvas.height).data.reduce((sum, one) => (31 * sum + one) % 1e9, 0);
}"""
"""A number that another picture hardly has."""

HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.Server]:
    """A server on whose workspace a training runs as long as the tests of this file do."""
    with harness.application(tmp_path_factory.mktemp("curves")) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def running(app: harness.Server, chromium: Any) -> Iterator[None]:
    me = Person(chromium.new_page())
    me.page.goto(app.address)
    me.template("digits")
    me.start(ENDLESS)
    me.curves()
    yield
    me.key("train.stop:0001").get_by_role("button").click()
    me.state("stopped")
    me.page.close()


@pytest.fixture
def looking(
    app: harness.Server, visit: Callable[..., harness.Watched]
) -> Iterator[Callable[..., tuple[Person, harness.Watched]]]:
    """Open Train; at the end there was no console error and no request beyond this machine."""
    opened: list[harness.Watched] = []

    def look(language: str = "en", **options: Any) -> tuple[Person, harness.Watched]:
        watched = visit(f"{app.address}/train?lang={language}", **options)
        opened.append(watched)
        me = Person(watched.page, language)
        me.curves()
        me.settle()
        return me, watched

    yield look
    wrong = [wrong for watched in opened for wrong in (*watched.errors, *watched.outside)]
    assert [] == [one for one in wrong if "/_stcore/" not in one]  # Streamlit tries whether its folder is /train


def test_they_move_without_a_run_of_the_page(looking: Callable[..., tuple[Person, harness.Watched]]) -> None:
    me, watched = looking()
    runs: list[int] = []
    me.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: runs.append(len(frame))))
    me.page.reload()
    me.curves()
    for _ in range(20):  # a run of the page for a new finding, or the first checkup, may come between
        before, asked, seen, drawn = len(runs), len(watched.asked), set(), set()
        begin = time.monotonic()
        for _ in range(20):
            seen.add(me.page.locator(f"{LIVE} .said").inner_text())
            drawn.add(me.page.locator(f"{LIVE} canvas").first.evaluate(PICTURE))
            me.page.wait_for_timeout(200)
        if len(runs) == before and len(seen) > 3 and len(drawn) > 5:
            break
    seconds = time.monotonic() - begin  # four or, on a busy machine, more
    assert len(runs) == before, "in so many seconds without a run"
    assert len(seen) > 3 and len(drawn) > 5, "there are new numbers each second, and the curves move twice in it"
    assert 3 <= len(watched.asked) - asked <= seconds + 2
    assert all("/media/" in url for url in watched.asked[asked:])


def test_a_browser_without_workers_draws_in_the_page(looking: Callable[..., tuple[Person, harness.Watched]]) -> None:
    me, watched = looking()
    me.page.add_init_script("delete window.Worker;")
    me.page.reload()
    me.curves()
    canvas, said = me.page.locator(f"{LIVE} canvas").first, me.page.locator(f"{LIVE} .said")
    before, asked = said.inner_text(), len(watched.asked)
    said.filter(has_not_text=before).wait_for()
    assert canvas.evaluate(INKED) > 50
    assert canvas.evaluate("(canvas) => Boolean(canvas.getContext('2d'))"), "a worker's surface has none in the page"
    assert any("/media/" in url for url in watched.asked[asked:])


def test_nothing_is_asked_for_while_nobody_sees_it(looking: Callable[..., tuple[Person, harness.Watched]]) -> None:
    me, watched = looking()
    me.page.evaluate(HIDE, True)
    me.page.wait_for_timeout(1000)  # what was under way
    asked = len(watched.asked)
    me.page.wait_for_timeout(2500)
    assert asked == len(watched.asked)
    before = me.page.locator(f"{LIVE} .said").inner_text()
    me.page.evaluate(HIDE, False)
    me.page.locator(f"{LIVE} .said").filter(has_not_text=before).wait_for()


@pytest.mark.parametrize("language", ["en", "ja", "de"])
def test_the_values_under_the_pointer_and_by_keys(
    looking: Callable[..., tuple[Person, harness.Watched]], language: str
) -> None:
    me, _ = looking(language)
    chart = me.page.locator(f"{LIVE} .chart").first
    canvas, readout = chart.locator("canvas"), chart.locator(".readout")
    assert canvas.evaluate(INKED) > 50
    assert re.search(r"\d\.\d{4}", canvas.get_attribute("aria-label"))
    me.page.evaluate(HIDE, True)  # it stands still, or the readout would close for the next numbers
    box = canvas.bounding_box()
    me.page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.5)
    readout.wait_for()
    assert re.match(rf"{me.say('train.curve.epoch')} \d", readout.inner_text())
    assert me.say("train.curve.train") in readout.inner_text()
    me.page.mouse.move(5, 5)
    readout.wait_for(state="hidden")
    canvas.focus()
    told = []
    for _ in range(3):
        me.page.keyboard.press("ArrowLeft")
        told.append(readout.inner_text())
    assert 3 == len(set(told))
    me.page.keyboard.press("Escape")
    readout.wait_for(state="hidden")


def test_the_logarithmic_scale_stays_through_a_reload(looking: Callable[..., tuple[Person, harness.Watched]]) -> None:
    me, _ = looking()
    switch = me.page.locator(f"{LIVE} button.log")
    assert "false" == switch.get_attribute("aria-pressed")
    switch.click()
    assert "true" == switch.get_attribute("aria-pressed")
    assert me.page.locator(f"{LIVE} canvas").first.evaluate(INKED) > 50
    me.page.reload()
    me.curves()
    assert "true" == switch.get_attribute("aria-pressed")


@pytest.mark.parametrize(("width", "scale", "scheme"), [(390, 3, "light"), (1280, 1, "dark"), (1920, 2, "light")])
def test_it_fits_every_window(
    looking: Callable[..., tuple[Person, harness.Watched]], width: int, scale: int, scheme: str
) -> None:
    me, _ = looking("de", width=width, device_scale_factor=scale, color_scheme=scheme)
    assert me.page.evaluate("document.documentElement.scrollWidth") <= width
    right = me.page.locator(LIVE).evaluate("(root) => root.getBoundingClientRect().right")
    for part in ("canvas", ".numbers > div", ".phase", "button.log", ".legend"):
        for one in me.page.locator(f"{LIVE} {part}").all():
            assert one.evaluate("(one) => one.getBoundingClientRect().right") <= right + 0.5, part
    canvas = me.page.locator(f"{LIVE} canvas").first
    assert scale * round(canvas.bounding_box()["width"]) == pytest.approx(canvas.evaluate("(c) => c.width"), abs=scale)
    assert canvas.evaluate(INKED) > 50
    fonts = me.page.workers[0].evaluate("[...self.fonts].map((one) => one.status)")
    assert {"loaded"} == set(fonts), "the numbers at the axes are written as the page is"
