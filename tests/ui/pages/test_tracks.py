"""Histograms of layers, as the pages draw them beside a training."""

from __future__ import annotations

from builder.ui.pages import tracks


def test_histograms() -> None:
    found = tracks.histogram([0, 1, 2], [3, 4])
    assert [[0, 1, 3], [1, 2, 4]] == found.to_numpy().tolist()
