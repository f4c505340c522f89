"""`tsumiki explain`: files, page, answers, mistakes."""

from __future__ import annotations

import io
import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import builder
from builder.report.explain import colours, page, pictures, source
from builder.report.explain.charts import histogram_svg
from builder.report.explain.probe import samples_for
from builder.report.explain.run import chapters_of
from builder.report.explain.statistics import histogram
from builder.ui.texts.translate import catalogue


class Tags(HTMLParser):
    """Checks that every element is closed and collects where pictures come from."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "rect", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if tag not in ("rect", "line"):
            assert self.open.pop() == tag


def checked(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert all(source.startswith("data:image/png;base64,") for source in tags.sources)
    assert "<script" not in text
    assert not re.search(r"https?://", text)
    return tags


def test_explain_writes_pictures_and_one_page(tsumiki, run: Path, tmp_path: Path) -> None:
    done = tsumiki("explain", run, "--out", tmp_path / "絵")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("explain.html\n")
    written = sorted(p.name for p in (tmp_path / "絵").iterdir())
    assert {"explain.html", "filters_before.png", "filters_after.png", "filtered.png", "im2col.png", "window.png",
            "sample_0.png", "sample_0_gradcam.png", "sample_0_occlusion.png", "exciting_unit_0.png",
            "sample_0_003_ReLU_1.png"} <= set(written)  # fmt: skip
    for name in written[:-1]:
        if name.endswith(".png"):
            with Image.open(tmp_path / "絵" / name) as image:
                assert min(image.size) >= 40
    text = (tmp_path / "絵" / "explain.html").read_text(encoding="utf-8")
    tags = checked(text)
    assert len(tags.sources) == len(written) - 1
    for words in ("Grad-CAM at ReLU_2", "16 filters of 1 × 3 × 3", "dead units", "im2col", "+ bias"):
        assert words in text.replace("\u00a0", " ")


def test_explain_answers_in_json_for_one_layer_and_some_samples(tsumiki, run: Path) -> None:
    found = tsumiki("explain", run, "--layer", "Convolution_2", "--samples", "7,3", "--json").json
    assert str(run / "explain") == found["folder"]
    assert [7, 3] == [row["sample"] for row in found["samples"]]
    assert ["Convolution_2"] == [row["layer"] for row in found["maps"]]
    assert ["Convolution_2"] * 2 == [row["gradcam"]["layer"] for row in found["samples"]]
    assert [32, 16, 3, 3] == found["filters"]["shape"]
    assert "Convolution_2" == found["exciting"]["layer"]
    assert set(found["files"]) == {p.name for p in (run / "explain").iterdir()}
    rows = {row["layer"]: row for row in found["health"]["layers"]}
    assert ([3, 3], 0) == (rows["Convolution_1"]["field"], rows["ReLU_1"]["dead"]["share"])
    opened = builder.Run(run)
    x, t = builder.prepare(opened.document, Path()).test.read(np.array([7, 3]))
    likely = opened.network.predict(x)
    for k, row in enumerate(found["samples"]):
        np.testing.assert_allclose(list(row["answer"]["probabilities"].values()), likely[k], atol=1e-6)
        assert str(t[k]) == row["target"]
    first = (run / "explain" / "explain.html").read_bytes()
    assert tsumiki("explain", run, "--layer", "Convolution_2", "--samples", "7,3").code == 0
    assert first == (run / "explain" / "explain.html").read_bytes()


def test_explain_of_a_vector_layer_and_another_part(tsumiki, run: Path, tmp_path: Path) -> None:
    done = tsumiki("explain", run, "--layer", "Affine_1", "--part", "validation", "--out", tmp_path, "--json")
    assert "validation" == done.json["part"]
    assert [10] == done.json["maps"][0]["shape"]
    assert "filters" not in done.json


def test_explain_of_a_table_shows_its_layers_in_numbers(tsumiki, table_run: Path, tmp_path: Path) -> None:
    done = tsumiki("explain", table_run, "--out", tmp_path)
    assert (done.code, done.err) == (0, "")
    assert ["explain.html"] == [p.name for p in tmp_path.iterdir()]
    text = (tmp_path / "explain.html").read_text(encoding="utf-8")
    checked(text)
    assert "Affine_1" in text
    for words in (("--layer", "Affine_1"), ("--samples", "0")):
        refused = tsumiki("explain", table_run, *words)
        assert (refused.code, refused.out) == (2, "")
        assert "Pictures need images" in refused.err


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--layer", "Convolutoin_1"], 2, "did you mean 'Convolution_1'"),
        (["--layer", "CategoricalCrossEntropy_1"], 2, "is the loss"),
        (["--samples", "0,99999"], 2, "0 to 358, but received 99,999"),
        (["--samples", "one"], 2, "like 1,2"),
        (["--samples", "-1"], 2, "like 1,2"),
        (["--samples", ",".join(map(str, range(50)))], 2, "1 to 32"),
        (["--base", "/nowhere", "--part", "nothing"], 2, "nothing"),
    ],
)
def test_mistakes_are_explained(tsumiki, run: Path, words: list[str], code: int, text: str) -> None:
    done = tsumiki("explain", run, *words)
    assert code == done.code
    assert text in done.err
    assert "" == done.out


def test_a_run_that_cannot_be_explained(tsumiki, run: Path, tmp_path: Path) -> None:
    assert 2 == tsumiki("explain", tmp_path / "none").code
    (tmp_path / "file").write_text("x", encoding="utf-8")
    done = tsumiki("explain", run, "--out", tmp_path / "file")
    assert (2, True) == (done.code, "Cannot make the folder" in done.err)
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    data = json.loads((copy / "data.json").read_text(encoding="utf-8"))
    (copy / "data.json").write_text(json.dumps({**data, "fingerprint": "0"}), encoding="utf-8")
    done = tsumiki("explain", copy)
    assert (4, True) == (done.code, "have changed" in done.err)


def test_names_are_never_html() -> None:
    bad = "<script>alert(1)</script>&\"'"
    text = page.page(
        bad, bad, [page.section(bad, bad, page.figure(b"", bad), page.bars([(bad, 2.0)]), page.heading(bad)),
                   page.table([bad], [["1"]]), page.matrix([[-1.5, 2]], bad), page.sign(bad)]
    )  # fmt: skip
    checked(text)
    assert "−1.5" in text


def test_colours_know_their_ends() -> None:
    assert [[255, 255, 255]] == colours.grey(np.array([2.0]), 0, 2).tolist()
    assert (247, 247, 247) == tuple(colours.signed(np.array([0.0, 1.0]))[0])
    assert colours.NOT_A_NUMBER == tuple(colours.amount(np.array([np.nan, 1.0]))[0])
    assert (2, 2, 3) == colours.picture(np.zeros((1, 2, 2))).shape
    rgb = np.zeros((3, 1, 2))
    rgb[0, 0, 1] = 1
    assert [[[0, 0, 0], [255, 0, 0]]] == colours.picture(rgb).tolist()
    base = np.full((2, 2, 3), 100, np.uint8)
    assert (85, 85, 85) == tuple(colours.over(base, np.array([[0.0, 1], [0, 0]]))[0, 0])
    assert colours.over(base, np.zeros((2, 2))).max() == 85


def test_pictures_keep_their_pixels() -> None:
    tile = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    large = pictures.zoom(tile, 9)
    assert (8, 8, 3) == large.shape
    assert (tile[1, 0] == large[7, 0]).all()
    assert (4, 2, 3) == pictures.zoom(np.zeros((400, 200, 3), np.uint8), 4).shape
    sheet = pictures.sheet([tile] * 3, columns=2, gap=1)
    assert (5, 5, 4) == sheet.shape
    assert 0 == sheet[2, 0, 3] == sheet[4, 4, 3]
    assert (1, 1, 4) == pictures.sheet([]).shape
    frame = pictures.framed(np.zeros((8, 8, 3), np.uint8), (4, 4), ((-1, 1), (2, 9)))
    assert pictures.FRAME == tuple(frame[0, 4]) == tuple(frame[3, 7])
    assert 0 == frame[:, :4].max() == frame[4:].max()
    with Image.open(io.BytesIO(pictures.png(sheet))) as back:
        np.testing.assert_array_equal(sheet, np.asarray(back))


def test_histograms_are_drawn_with_their_range() -> None:
    drawn = histogram_svg(histogram(np.array([-1.0, 0, 2, np.nan])))
    assert 3 == drawn.count("<rect")
    assert "<line" in drawn
    assert "1 not finite" in drawn
    assert "2 not finite" in histogram_svg(histogram(np.array([np.nan, np.inf])))
    assert "–" in histogram_svg(None)


def test_a_network_of_nan_is_shown_as_such(run: Path) -> None:
    """A training that went wrong is what people want to look into."""
    opened = builder.Run(run)
    opened.network.params["Convolution_1/weight"] = np.full((16, 1, 3, 3), np.nan)
    found = source.open_run(opened, samples=[0])
    made = [chapter for _, chapter in chapters_of(found, None)]
    assert {"filters_after.png", "sample_0_gradcam.png", "im2col.png"} <= {name for c in made for name in c.files}
    assert "not finite" in made[-1].html


def test_work_is_bounded_by_the_network(branched) -> None:
    assert 600 == samples_for(branched, 600, work=1e11)
    assert 2 == samples_for(branched, 600, work=1) == samples_for(branched, 600, room=1)


@pytest.mark.parametrize("language", ["ja", "de"])
def test_the_page_is_in_the_language_that_was_asked_for(tsumiki, run: Path, tmp_path: Path, language: str) -> None:
    """Every sentence has a translation, names of layers and classes stay, and the English page is not replaced."""
    done = tsumiki("explain", run, "--samples", "0", "--out", tmp_path, "--language", language)
    assert 0 == done.code and done.out.endswith(f"explain.{language}.html\n")
    text = (tmp_path / f"explain.{language}.html").read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in text
    words = re.findall(r"<(?:h[1-3]|p|th|summary|figcaption)[^>]*>([^<]+)", text)
    english = {one for one in catalogue() if len(one) > 12 and "{" not in one}
    assert [] == [one for one in map(unescape, words) if one in english]
    other = catalogue()["What excites a unit"][language]
    assert f"<h2>{other}</h2>" in text and "Convolution_1" in text
    assert not (tmp_path / "explain.html").exists()
