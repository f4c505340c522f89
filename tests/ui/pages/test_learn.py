"""The page Learn: every lesson in every language, its sliders at their ends, and its documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pages_harness as harness
import pytest
from pages_harness import document, said, sound
from streamlit.testing.v1 import AppTest

from builder.ui.pages.counting import _counted
from builder.ui.pages.grids import equation
from builder.ui.pages.whole import own_sample
from builder.ui.pages.windows import image_of

LESSONS = ("convolution", "pooling", "im2col", "size", "sharing", "normalisation")


def lesson(tmp_path: Path, name: str, language: str = "en") -> AppTest:
    app = harness.opened("learn", tmp_path, "digits", language)
    app.session_state["learn:lesson"] = name
    return app.run()


def codes(app: AppTest) -> str:
    return "\n".join(code.value for code in app.code)


@pytest.mark.parametrize("language", ["en", "ja", "de"])
@pytest.mark.parametrize("name", LESSONS)
def test_every_lesson(tmp_path: Path, name: str, language: str) -> None:
    app = lesson(tmp_path, name, language)
    sound(app)
    assert not app.error and "learn." not in said(app)


@pytest.mark.parametrize("name", LESSONS)
def test_every_lesson_is_a_document_that_the_check_takes(tmp_path: Path, name: str) -> None:
    app = lesson(tmp_path, name)
    app.button(key=f"{name}:open").click().run()
    sound(app)
    assert name == document(app)["name"]
    assert app.session_state["store"].report.ok


@pytest.mark.parametrize("name", ["convolution", "pooling", "im2col"])
def test_sliders_at_their_ends(tmp_path: Path, name: str) -> None:
    app = lesson(tmp_path, name)
    for place in range(len(app.slider)):
        for bound in ("max", "min"):
            if place < len(app.slider):
                app.slider[place].set_value(getattr(app.slider[place], bound)).run()
                sound(app)


def test_a_step_says_its_numbers(tmp_path: Path) -> None:
    app = lesson(tmp_path, "convolution")
    app.slider(key="convolution:step").set_value(6).run()
    assert "Output in row 2, column 2" in said(app)
    assert "OH = (6 + 2·0 − 3)/1 + 1 = 4" in codes(app)
    app.slider(key="convolution:stride").set_value(2).run()
    sound(app)
    assert "⌊(6 + 2·0 − 3)/2⌋ + 1 = 2" in codes(app) and "no window" in said(app)


def test_a_window_that_does_not_fit_is_explained(tmp_path: Path) -> None:
    app = lesson(tmp_path, "size")
    app.number_input(key="size:kernel").set_value(99).run()
    sound(app)
    assert "only" in app.error[0].value


def test_playing_goes_on_by_itself(tmp_path: Path) -> None:
    app = lesson(tmp_path, "pooling")
    app.toggle(key="pooling:play").set_value(True).run()
    before = app.slider(key="pooling:step").value
    app.run()
    assert before + 1 == app.slider(key="pooling:step").value
    sound(app)


def test_the_numbers_of_the_article() -> None:
    affine = _counted([32, 25, 62], {"type": "Affine", "out_features": 73})
    convolution = _counted([1, 100, 248], {"type": "Convolution", "out_channels": 1, "kernel_size": 3, "padding": 1})
    assert (3_620_800, 73, 9) == (affine["weights"], affine["biases"], convolution["weights"])


@pytest.mark.parametrize("name", ["seven", "edge", "ramp", "noise"])
@pytest.mark.parametrize("side", [3, 4, 9])
def test_images(name: str, side: int) -> None:
    image = image_of(name, side)
    assert (side, side) == image.shape and np.array_equal(image, image.astype(np.int64))


def test_equations() -> None:
    pairs: list[Any] = [(1, 1)] * 30
    assert equation(pairs, 0, 30).endswith("… = 30")
    assert "(−2)·0.5 = −1" == equation([(-2, 0.5)], 0, -1)


def test_ones_own_data_are_a_grid_and_a_distribution(tmp_path: Path) -> None:
    app = lesson(tmp_path, "convolution")
    assert "your data" in app.selectbox(key="convolution:image").options
    app.selectbox(key="convolution:image").set_value("data").run()
    app.segmented_control(key="whole:picture").set_value("data").run()
    sound(app)
    assert (1, 8, 8) == own_sample(app.session_state["store"]).shape
    app = lesson(tmp_path, "normalisation")
    app.selectbox(key="bn:values").set_value("data").run()
    sound(app)


def test_a_document_without_data_offers_none(tmp_path: Path) -> None:
    app = harness.opened("learn", tmp_path, {"format": 1, "model": {"layers": []}})
    app.session_state["learn:lesson"] = "convolution"
    app.run()
    sound(app)
    assert "your data" not in app.selectbox(key="convolution:image").options


def test_a_click_on_the_output_goes_to_its_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.ui.pages.windows._clicked", lambda key, columns: 2 * columns + 1)
    app = lesson(tmp_path, "convolution")
    assert "Output in row 3, column 2" in said(app)
    app.slider(key="convolution:step").set_value(1).run()  # the same click counts once
    assert "Output in row 1, column 1" in said(app)


def test_pooling_forgives_small_moves(tmp_path: Path) -> None:
    app = lesson(tmp_path, "pooling")
    assert "stay" in said(app)
    app.slider(key="pooling:moved:6").set_value(0).run()
    sound(app)
    assert "100% of the pixels" in said(app)
