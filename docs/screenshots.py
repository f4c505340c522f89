"""Take the README's screenshots again: python docs/screenshots.py [FOLDER]

Walks as a new user does, in a workspace of its own: opens an example, trains it, draws a digit.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "ui")]

import browser_harness as harness  # noqa: E402  # found by the line before
from person import Person  # noqa: E402

WIDTH, HEIGHT = 1280, 860
COLOURS = 128
"""A page has few; so a picture takes a quarter of what it would."""


def shoot(me: Person, place: Path) -> None:
    """Write what is seen now as a small PNG."""
    me.settle()
    me.page.mouse.move(WIDTH - 3, HEIGHT - 3)  # no tooltip
    me.page.wait_for_timeout(800)
    image = Image.open(io.BytesIO(me.page.screenshot())).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(place, optimize=True)
    print(f"{place}  {place.stat().st_size / 1024:.0f} KiB")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp())
    with harness.application(work) as server, harness.chromium() as browser:
        options = {"width": WIDTH, "height": HEIGHT}
        me = Person(browser.new_context(viewport=options, device_scale_factor=1).new_page())
        me.page.goto(server.address)
        me.template("digits")
        me.block("Convolution_1").click()
        shoot(me, folder / "build.png")
        me.start(40)
        me.finished()
        shoot(me, folder / "train.png")
        me.go("understand")
        me.view("draw")
        me.draw_nought()
        me.sees(me.say("try.answer"))
        shoot(me, folder / "understand.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "images")
