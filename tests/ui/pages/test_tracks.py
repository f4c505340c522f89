"""Curves of a training that runs: the table grows, the chart's description stays."""

from __future__ import annotations

from builder.ui.pages import tracks

ROWS = [
    {"epoch": 1, "train": {"loss": 2.0, "accuracy": 0.5}, "validation": {"loss": 2.5}},
    {"epoch": 2, "train": {"loss": 1.0, "accuracy": 0.7}, "validation": {"loss": None}},
]


def test_a_table_has_every_value_and_the_trail() -> None:
    found = tracks.table(ROWS, "loss", [[0.5, 3.0], [0.75, None]])
    assert [1, 1, 2, 0.5] == found["epoch"].tolist()
    assert [2.0, 2.5, 1.0, 3.0] == found["value"].tolist()
    assert ["train", "validation", "train", "step"] == found["part"].tolist()
    assert [0.5, 0.7] == tracks.table(ROWS, "accuracy")["value"].tolist()
    assert tracks.table([], "loss") is None and tracks.table(ROWS, "mae") is None


def test_the_description_does_not_depend_on_the_points() -> None:
    assert tracks.chart("epoch", "Loss", planned=20) == tracks.chart("epoch", "Loss", planned=20)
    assert 20 == tracks.chart("epoch", "Loss", planned=20)["layer"][0]["encoding"]["x"]["scale"]["domainMax"]
    assert "domainMax" not in tracks.chart("epoch", "Loss")["layer"][0]["encoding"]["x"]["scale"]
    assert 3 == len(tracks.chart("epoch", "Loss", best=4)["layer"])


def test_histograms() -> None:
    found = tracks.histogram([0, 1, 2], [3, 4])
    assert [[0, 1, 3], [1, 2, 4]] == found.to_numpy().tolist()
