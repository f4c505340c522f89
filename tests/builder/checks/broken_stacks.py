"""Broken repeats and units, and what is too large. Rows of test_check_problems.py."""

from __future__ import annotations

from broken_case import Case, at
from check_documents import END, RELU, affine, conv, document, layer, repeat, unit

RESIDUAL = {
    "Residual": {
        "arguments": {"channels": 16},
        "layers": [
            conv("$channels", padding=1),
            RELU,
            conv("$channels", padding=1, name="c"),
            layer("Add", inputs=["c", "Input"]),
        ],
    }
}

CASES: dict[str, Case] = {
    # --- Repeat and Unit
    "unit contains itself": Case(
        document([unit("a"), *END], units={"a": {"layers": [affine(4), unit("a")]}}),
        [("unit_recursion", "/model/units/a/layers/1")],
        "Remove",
        unknown=4,
    ),
    "units contain each other": Case(
        document([unit("a"), *END], units={"a": {"layers": [RELU, unit("b")]}, "b": {"layers": [RELU, unit("a")]}}),
        [("unit_recursion", "/model/units/b/layers/1")],
        "Remove",
    ),
    "no such unit": Case(
        document([unit("Residul"), *END], (16, 8, 8), units=RESIDUAL),
        [("unknown_unit", at(0, "/unit"))],
        "Use unit Residual",
    ),
    "argument misspelt": Case(
        document([unit("Residual", arguments={"chanels": 16}), *END], (16, 8, 8), units=RESIDUAL),
        [("unknown_argument", at(0, "/arguments/chanels"))],
        "Rename chanels to channels",
    ),
    "argument missing": Case(
        document([unit("u"), *END], units={"u": {"arguments": {"g": None}, "layers": [conv(16, groups="$g")]}}),
        [("missing_argument", at(0))],
        "Set g to 1",
    ),
    "argument not declared": Case(
        document([unit("u"), *END], units={"u": {"arguments": {"g": 1}, "layers": [conv(16, groups="$h")]}}),
        [("unknown_argument", "/model/units/u/layers/0/groups")],
        "Use $g",
    ),
    "argument of a wrong value": Case(
        document([unit("Residual", arguments={"channels": -3}), *END], (1, 8, 8), units=RESIDUAL),
        [("wrong_value", at(0, "/arguments/channels"))],
        "",
    ),
    "groups by an argument": Case(
        document(
            [unit("u", arguments={"g": 3}), *END],
            units={"u": {"arguments": {"g": 1}, "layers": [conv(4, groups="$g")]}},
        ),
        [("groups_do_not_divide", "/model/units/u/layers/0")],
        "Use 1 groups",
    ),
    "channels at Add in a Repeat": Case(
        document([repeat(3, [conv(16, padding=1, name="c"), layer("Add", inputs=["c", "Input"])]), *END], (3, 8, 8)),
        [("channel_mismatch", at(0, "/layers/1"))],
        "Insert a 1×1 Convolution to 16 channels after Input",
    ),
    "channels at Add in a Unit": Case(
        document([unit("Residual"), unit("Residual", arguments={"channels": 32}), *END], units=RESIDUAL),
        [("channel_mismatch", "/model/units/Residual/layers/3")],
        "Insert a 1×1 Convolution",
    ),
    "stride by an argument, at Add in a Unit": Case(
        document(
            [conv(16, padding=1), unit("u"), unit("u", arguments={"channels": 32, "stride": 2}), *END],
            (1, 9, 9),
            units={
                "u": {
                    "arguments": {"channels": 16, "stride": 1},
                    "layers": [
                        conv("$channels", padding=1, stride="$stride", name="c"),
                        layer("Add", inputs=["c", "Input"]),
                    ],
                }
            },
        ),
        [("size_mismatch", "/model/units/u/layers/1")],
        "Insert a 1×1 Convolution to 32 channels, stride 2 after Input",
    ),
    "window too large in the fourth round": Case(
        document([repeat(4, [conv(4)]), *END]), [("window_too_large", at(0, "/layers/0"))], "Pad", unknown=4
    ),
    "too many layers": Case(
        document([repeat(1000, [RELU] * 50), *END]), [("too_many_layers", at(0))], "Repeat 399 times", unknown=0
    ),
    "far too many layers": Case(
        document([repeat(1000, [repeat(1000, [repeat(1000, [RELU])])]), *END]), [("too_many_layers", at(0))]
    ),
    "unit of nothing but itself": Case(
        document([unit("u"), *END], units={"u": {"layers": [unit("u")]}}),
        [("unit_recursion", "/model/units/u/layers/0")],
        "Put Identity",
    ),
    # --- memory
    "no shape is known, and the input alone is too large": Case(
        document([conv(4096, padding=1)] * 2 + END, (3, 4096, 4096)), [("too_large", at(0))], unknown=5
    ),
    "more weights than memory": Case(
        document([affine(2**24), affine(2**24), *END]), [("out_of_memory", at(1))], "Make at most", unknown=0
    ),
    "batch larger than memory": Case(
        document([conv(512, padding=1)] * 2 + END, (3, 224, 224), training={"batch_size": 8192}),
        [("out_of_memory", at(1))],
        "Train with batches of",
    ),
}
