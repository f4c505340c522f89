"""Broken layers: their form, names, inputs and shapes. Rows of test_check_problems.py."""

from __future__ import annotations

from broken_case import DIGITS, Case, at
from check_documents import CATEGORICAL, END, RELU, SOFTMAX, SQUARED, affine, conv, document, layer, repeat

CASES: dict[str, Case] = {
    # --- the form of layers
    "type misspelt": Case(
        document([conv(4), layer("Convolutoin", out_channels=4), RELU, *END]),
        [("unknown_type", at(1, "/type"))],
        "Convolution",
        unknown=5,
    ),
    "type in capitals": Case(document([layer("RELU"), *END]), [("unknown_type", at(0, "/type"))], "ReLU"),
    "field misspelt": Case(
        document([conv(4, strid=2), *END]), [("unknown_field", at(0, "/strid"))], "Rename strid to stride"
    ),
    "value negative": Case(document([conv(-4), *END]), [("wrong_value", at(0, "/out_channels"))], ""),
    "value as text": Case(document([conv("16"), *END]), [("wrong_type", at(0, "/out_channels"))], "16"),
    "field missing": Case(document([layer("Convolution"), *END]), [("missing_field", at(0))], ""),
    "no layers": Case(document([]), [("wrong_value", "/model/layers")], "", DIGITS),
    "two mistakes in one layer": Case(
        document([conv(-4, strid=2), *END]),
        [("wrong_value", at(0, "/out_channels")), ("unknown_field", at(0, "/strid"))],
        "",
    ),
    "type that is none": Case(document([{"type": None}, *END]), [("wrong_type", at(0, "/type"))]),
    "slip of the sign": Case(document([*END], (1, -8, 8)), [("wrong_value", "/model/input/1")], "8"),
    # --- names and inputs
    "input misspelt": Case(
        document([conv(4, name="conv1", padding=1), RELU, layer("Add", inputs=["ReLU_1", "conv11"]), *END]),
        [("unknown_input", at(2, "/inputs/1"))],
        "Read conv1",
        unknown=4,
    ),
    "input of another world": Case(
        document([conv(4), layer("ReLU", inputs=["nothing"]), *END]),
        [("unknown_input", at(1, "/inputs/0"))],
        "Read the layer before",
    ),
    "input inside a Repeat": Case(
        document([repeat(2, [conv(4, name="c")], name="block"), layer("ReLU", inputs=["block/2/c"]), *END]),
        [("unknown_input", at(1, "/inputs/0"))],
        "Read block",
    ),
    "loop": Case(
        document(
            [
                conv(4, name="a", padding=1),
                layer("Add", name="b", inputs=["a", "c"]),
                conv(4, name="c", padding=1),
                *END,
            ]
        ),
        [("cycle", at(1, "/inputs/1"))],
        "Remove b",
        unknown=5,
    ),
    "layer reads itself": Case(
        document([conv(4, name="a"), layer("ReLU", name="b", inputs=["b"]), *END]),
        [("cycle", at(1, "/inputs/0"))],
        "Read the layer before",
    ),
    "loop within a Repeat": Case(
        document([repeat(2, [conv(1, padding=1), layer("Add", name="s", inputs=["s", "Input"])]), *END]),
        [("cycle", at(0, "/layers/1/inputs/0"))],
        "",
    ),
    "layer nobody reads": Case(
        document([conv(4, name="a", padding=1), conv(8, name="b"), layer("ReLU", inputs=["a"]), *END]),
        [("unread_layer", at(1))],
        "Remove b",
        unknown=0,
    ),
    "branch nobody reads": Case(
        document([conv(4, name="a"), conv(8, name="b"), RELU, layer("Tanh", inputs=["a"]), *END]),
        [("unread_layer", at(2))],
        "Remove b and ReLU_1",
    ),
    "Repeat nobody reads": Case(
        document([conv(4, name="x"), repeat(2, [conv(4, padding=1)]), affine(10, inputs=["x"]), SOFTMAX, CATEGORICAL]),
        [("unread_layer", at(1))],
        "Remove Repeat_1",
    ),
    "name given twice": Case(
        document([conv(4, name="a"), conv(8, name="a"), *END]), [("duplicate_name", at(1, "/name"))], "Rename"
    ),
    "name Input": Case(document([conv(4, name="Input"), *END]), [("duplicate_name", at(0, "/name"))], "Rename"),
    "Add of one": Case(
        document([conv(4, name="a", padding=1), conv(4, padding=1), layer("Add"), *END]),
        [("input_count", at(2))],
        "Also read a",
    ),
    "Add that forgot a branch": Case(
        document(
            [
                conv(4, name="a", padding=1),
                conv(4, name="b", padding=1, inputs=["Input"]),
                layer("Add", inputs=["b"]),
                *END,
            ]
        ),
        [("input_count", at(2))],
        "Also read a",
    ),
    "ReLU of two": Case(
        document(
            [
                conv(4, name="a", padding=1),
                conv(4, name="b", padding=1, inputs=["Input"]),
                layer("ReLU", inputs=["a", "b"]),
                *END,
            ]
        ),
        [("input_count", at(2, "/inputs"))],
        "Join them",
    ),
    "name that is none": Case(document([conv(4, name="a/b"), conv(4), *END]), [("wrong_value", at(0, "/name"))], ""),
    # --- shapes
    "channels at Add": Case(
        document([conv(16, padding=1), RELU, layer("Add", inputs=["ReLU_1", "Input"]), *END], (3, 8, 8)),
        [("channel_mismatch", at(2))],
        "Insert a 1×1 Convolution to 16 channels after Input",
        unknown=4,
    ),
    "channels of vectors": Case(
        document([affine(8, name="a"), affine(4, name="b"), layer("Add", inputs=["a", "b"]), *END], (16,)),
        [("channel_mismatch", at(2))],
        "Insert an Affine layer to 8 outputs after b",
    ),
    "size and channels at Add": Case(
        document([conv(16, stride=2, kernel_size=2), layer("Add", inputs=["Convolution_1", "Input"]), *END]),
        [("size_mismatch", at(1))],
        "stride 2 after Input",
        None,
        4,
    ),
    "size at Add": Case(
        document([conv(4, name="a", padding=1), conv(4, name="b"), layer("Add", inputs=["a", "b"]), *END]),
        [("size_mismatch", at(2))],
        "Pad b by 1",
    ),
    "size at Concatenate": Case(
        document(
            [
                conv(4, name="a", padding=1),
                conv(4, name="b", inputs=["Input"], kernel_size=5),
                layer("MaxPooling", kernel_size=3, stride=1, inputs=["Input"], name="p"),
                layer("Concatenate", inputs=["a", "b", "p"]),
                *END,
            ]
        ),
        [("size_mismatch", at(3))],
        "Pad b by 2; Pad p by 1",
    ),
    "axes at Concatenate": Case(
        document([conv(4, name="a"), layer("Flatten", name="f"), layer("Concatenate", inputs=["a", "f"]), *END]),
        [("rank_mismatch", at(2))],
        "Flatten a",
    ),
    "window too large": Case(document([conv(4, kernel_size=9), *END]), [("window_too_large", at(0))], "Pad"),
    "window too large after pooling": Case(
        document([conv(4, padding=1), *[layer("MaxPooling")] * 4, RELU, *END]), [("window_too_large", at(4))], ""
    ),
    "everything frozen": Case(
        document([affine(10, trainable=False), SOFTMAX, CATEGORICAL]), [("nothing_trained", at(0))], "learn", unknown=0
    ),
    "every learning rate 0": Case(
        document([affine(10, learning_rate_factor=0), SOFTMAX, CATEGORICAL]),
        [("nothing_trained", at(0))],
        "learn",
        unknown=0,
    ),
    "nothing that learns": Case(
        document([layer("Flatten"), SQUARED], task="regression"), [("nothing_trained", at(1))], unknown=0
    ),
    "remainder": Case(
        document([conv(4, kernel_size=2, stride=2), *END], (1, 9, 9)), [("remainder", at(0))], "", unknown=0
    ),
    "groups": Case(
        document([conv(6), conv(8, groups=4), *END]), [("groups_do_not_divide", at(1))], "Use 2 groups", unknown=4
    ),
    "Convolution after Flatten": Case(
        document([layer("Flatten"), conv(6), *END]), [("input_not_image", at(1))], "Remove Flatten_1"
    ),
    "Convolution after Affine": Case(
        document([affine(16), conv(6), *END]), [("input_not_image", at(1))], "Reshape the values to 1 × 4 × 4"
    ),
    "Reshape to another size": Case(
        document([layer("Reshape", shape=[1, 4, 8]), *END]), [("reshape_size", at(0))], "2 channels"
    ),
    "two branches, two causes, and a third": Case(
        document(
            [
                conv(4, kernel_size=9, name="a"),
                conv(6, groups=4, inputs=["Input"], name="b"),
                layer("Concatenate", inputs=["a", "b"]),
                layer("Relu"),
                *END,
            ]
        ),
        [("window_too_large", at(0)), ("groups_do_not_divide", at(1)), ("unknown_type", at(3, "/type"))],
        "",
        unknown=7,
    ),
}
