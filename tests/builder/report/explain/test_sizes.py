"""The output-size calculator."""

import pytest

from builder.report.explain.sizes import axis_size, window_size
from schemas.errors import UsageError


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "expected", "formula"),
    [
        (4, 3, 1, 0, 2, "OH = (4 + 2·0 − 3)/1 + 1 = 2"),
        (4, 3, 1, 1, 4, "OH = (4 + 2·1 − 3)/1 + 1 = 4"),
        (7, 3, 2, 0, 3, "OH = (7 + 2·0 − 3)/2 + 1 = 3"),
        (28, 5, 1, 2, 28, "OH = (28 + 2·2 − 5)/1 + 1 = 28"),
        (224, 7, 2, (2, 3), 112, "OH = (224 + 2 + 3 − 7)/2 + 1 = 112"),
    ],
)
def test_the_formula_has_the_numbers(size, kernel, stride, padding, expected, formula) -> None:
    found = axis_size(size, kernel, stride, padding)
    assert (expected, formula) == (found.size, found.formula)


def test_what_no_window_reaches_is_told() -> None:
    assert 1 == axis_size(8, 3, 2).lost
    assert "⌊" in axis_size(8, 3, 2).formula
    up = axis_size(55, 4, 2, ceil=True)
    assert (27, 0) == (up.size, up.lost)
    assert "⌈" in up.formula
    assert axis_size(4, 1, 3, 1, ceil=True).formula.endswith("alone)")
    assert 3 == axis_size(7, 3, 1, dilation=2).size


def test_rows_and_columns_have_settings_of_their_own() -> None:
    rows, columns = window_size((3, 10, 20), (3, 5), (1, 2), ((1, 1), (0, 1)))
    assert (10, 9) == (rows.size, columns.size)
    assert columns.formula.startswith("OW = ")
    assert rows.to_json() == {"size": 10, "formula": rows.formula, "lost": 0}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"size": 2, "kernel": 5}, "reaches over 5 pixels"),
        ({"size": 0, "kernel": 1}, "size must be"),
        ({"size": 5, "kernel": 1, "stride": 0}, "stride must be"),
        ({"size": 5, "kernel": 1, "padding": -1}, "padding must be"),
        ({"size": 10**12, "kernel": 1}, "65,536"),
        ({"size": 5.5, "kernel": 1}, "5.5"),
    ],
)
def test_settings_that_cannot_be(settings, text) -> None:
    with pytest.raises(UsageError, match=text):
        axis_size(**settings)


@pytest.mark.parametrize("call", [((5,), 3), ((5, 5), (1, 2, 3)), ((5, 5), 3, 1, (1, 2, 3))])
def test_shapes_that_cannot_be(call) -> None:
    with pytest.raises(UsageError):
        window_size(*call)
