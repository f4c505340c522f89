"""One broken document per row: exactly these problems, at this place, and every offered fix mends its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from check_documents import (
    BINARY,
    CATEGORICAL,
    END,
    RELU,
    SIGMOID,
    SOFTMAX,
    SQUARED,
    affine,
    conv,
    document,
    layer,
    repeat,
    unit,
)

import builder
from builder.data.facts import DataFacts
from schemas.patch import apply

DIGITS = DataFacts(shape=(1, 8, 8), classes=10, samples=1797, label_min=0, label_max=9, kind="classification")
MAPS = DataFacts((1, 8, 8), classes=4, label_min=0, label_max=3, kind="classification", target_shape=(8, 8))
NUMBERS = DataFacts(shape=(1, 8, 8), targets=1, samples=100, kind="regression")
SHIFTED = DataFacts(shape=(1, 8, 8), label_min=1, label_max=10, kind="classification")

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


class Case(NamedTuple):
    document: Any
    problems: list[tuple[str, str]]
    """(code, pointer) of every problem, in the order of the report."""
    fix: str | None = None
    """Part of the title of a fix that the first problem must offer; "" for any."""
    facts: DataFacts | None = None
    unknown: int | None = None
    """How many layers have no shape; None where it does not matter."""


def at(place: int, field: str = "") -> str:
    return f"/model/layers/{place}{field}"


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
    # --- head and loss
    "binary head, classification": Case(
        document([affine(1), SIGMOID, BINARY]), [("head_task_mismatch", at(1))], "Make the task binary"
    ),
    "classification head, regression": Case(
        document(END, task="regression"), [("head_task_mismatch", at(1))], "Make the task classification"
    ),
    "classification head, binary": Case(
        document(END, task="binary"), [("head_task_mismatch", at(1))], "Sigmoid and BinaryCrossEntropy"
    ),
    "head of another task, no loss": Case(
        document([affine(5), SOFTMAX], task="binary"), [("head_task_mismatch", at(1))], ""
    ),
    "Sigmoid and CategoricalCrossEntropy": Case(
        document([affine(10), SIGMOID, CATEGORICAL]), [("loss_head_mismatch", at(2))], "Replace Sigmoid_1 by Softmax"
    ),
    "Softmax and BinaryCrossEntropy": Case(
        document([affine(10), SOFTMAX, BINARY]), [("loss_head_mismatch", at(2))], "CategoricalCrossEntropy"
    ),
    "no Softmax before the loss": Case(
        document([affine(10), CATEGORICAL]), [("loss_head_mismatch", at(1))], "Insert Softmax"
    ),
    "loss that passes Softmax by": Case(
        document([affine(10, name="fc"), SOFTMAX, layer("CategoricalCrossEntropy", inputs=["fc"])]),
        [("unread_layer", at(1))],
        "Let CategoricalCrossEntropy_1 read Softmax_1 instead of fc",
    ),
    "Tanh before BinaryCrossEntropy": Case(
        document([affine(1), layer("Tanh"), BINARY], task="binary"), [("loss_head_mismatch", at(2))], "by Sigmoid"
    ),
    "Softmax twice": Case(document([affine(10), SOFTMAX, SOFTMAX, CATEGORICAL]), [("softmax_twice", at(2))], "Remove"),
    "Softmax of one class": Case(
        document([affine(1), SOFTMAX, CATEGORICAL]), [("softmax_one_class", at(1))], "Use Sigmoid"
    ),
    "Softmax of one class, task binary": Case(
        document([affine(1), SOFTMAX, BINARY], task="binary"), [("softmax_one_class", at(1))], "Use Sigmoid"
    ),
    "Sigmoid before SquaredError": Case(
        document([affine(1), SIGMOID, SQUARED], task="regression"),
        [("activation_before_squared_error", at(1))],
        "Remove Sigmoid_1",
    ),
    "Softmax and SquaredError": Case(
        document([affine(10), SOFTMAX, SQUARED]), [("unusual_loss", at(2))], "Use CategoricalCrossEntropy", unknown=0
    ),
    "loss in the middle": Case(document([*END, affine(3)]), [("loss_not_last", at(2))], "Remove", unknown=1),
    "a loss that reads a loss": Case(document([*END, SQUARED]), [("several_losses", at(3))], "Remove SquaredError_1"),
    "a loss that reads a loss, both of one prediction": Case(
        document([affine(10), SOFTMAX, layer("Dice"), CATEGORICAL]),
        [("several_losses", at(3))],
        "Let CategoricalCrossEntropy_1 read Softmax_1 instead of Dice_1",
    ),
    "a loss in the trunk": Case(
        document([conv(4, name="c"), *END, conv(4), *END]),
        [("loss_not_last", at(3))],
        "read c, and keep CategoricalCrossEntropy_1 as an auxiliary loss",
        unknown=4,
    ),
    "an auxiliary head of other classes": Case(
        document([conv(4, name="c"), affine(7), layer("SoftmaxCrossEntropy"), conv(4, inputs=["c"]), *END]),
        [("auxiliary_outputs", at(1))],
        "Make 10 outputs in Affine_1",
        unknown=0,
    ),
    "an auxiliary head of pixels": Case(
        document([conv(10, name="c"), layer("SoftmaxCrossEntropy"), conv(4, inputs=["c"]), *END]),
        [("auxiliary_outputs", at(0))],
        "Insert GlobalAveragePooling",
        unknown=0,
    ),
    "an auxiliary head of too few pixels": Case(
        document(
            [
                conv(4, name="c", kernel_size=2, stride=2),
                conv(4, kernel_size=1),
                SOFTMAX,
                CATEGORICAL,
                layer("Upsample", inputs=["c"]),
                conv(4, kernel_size=1),
                SOFTMAX,
                CATEGORICAL,
            ]
        ),
        [("auxiliary_outputs", at(1))],
        "Insert Upsample before Softmax_1",
        MAPS,
        unknown=0,
    ),
    "an auxiliary loss of another task": Case(
        document([affine(8, name="c"), affine(1), layer("SigmoidCrossEntropy"), affine(10, inputs=["c"]), *END[1:]]),
        [("head_task_mismatch", at(2))],
        "",
        unknown=0,
    ),
    "an auxiliary loss that needs Softmax": Case(
        document([affine(8, name="c"), affine(10), CATEGORICAL, affine(10, inputs=["c"]), SOFTMAX, CATEGORICAL]),
        [("loss_head_mismatch", at(2))],
        "Insert Softmax before CategoricalCrossEntropy_1",
        unknown=0,
    ),
    "an auxiliary loss that leaves out a label": Case(
        document(
            [
                affine(8, name="c"),
                affine(10),
                layer("SoftmaxCrossEntropy", ignore_index=255),
                affine(10, inputs=["c"]),
                layer("SoftmaxCrossEntropy"),
            ]
        ),
        [("auxiliary_ignore_index", at(2))],
        "leave out label 255",
    ),
    "an auxiliary loss of values beside one that leaves out a label": Case(
        document(
            [
                affine(8, name="c"),
                affine(10),
                SOFTMAX,
                layer("Focal"),
                affine(10, inputs=["c"]),
                layer("SoftmaxCrossEntropy", ignore_index=255),
            ]
        ),
        [("auxiliary_ignore_index", at(3))],
        None,
    ),
    "a reconstruction that is too small": Case(
        document(
            [affine(8, name="c"), affine(8), layer("SquaredError", target="input"), affine(10, inputs=["c"]), *END[1:]]
        ),
        [("reconstruction_size", at(1))],
        "Make 64 outputs in Affine_1",
    ),
    "a reconstruction of classes": Case(
        document(
            [
                affine(8, name="c"),
                affine(64),
                layer("SoftmaxCrossEntropy", target="input"),
                affine(10, inputs=["c"]),
                *END[1:],
            ]
        ),
        [("reconstruction_of_classes", at(2, "/target"))],
        "Use SquaredError",
    ),
    "a main loss that compares with the input": Case(
        document([affine(1), layer("SquaredError", target="input")], task="regression"),
        [("main_target_input", at(1, "/target"))],
        "Compare with the target of the data",
    ),
    "raw classes for numbers": Case(
        document([affine(3), layer("SoftmaxCrossEntropy")], task="regression"),
        [("head_task_mismatch", at(1))],
        "Make the task classification",
    ),
    "an image of classes": Case(
        document([conv(10), SOFTMAX, CATEGORICAL]), [("output_not_vector", at(1))], "Insert Affine", DIGITS
    ),
    "an image of classes, and no data": Case(
        document([conv(10), SOFTMAX, CATEGORICAL]), [("output_per_pixel", at(1))], "Insert Affine", unknown=0
    ),
    "a map of classes for targets of another size": Case(
        document([conv(4), SOFTMAX, CATEGORICAL]), [("target_size", at(1))], facts=MAPS
    ),
    "a map of too few classes": Case(
        document([conv(3, padding=1, kernel_size=3), SOFTMAX, CATEGORICAL]),
        [("class_count", at(0))],
        "Make 4 outputs",
        MAPS,
    ),
    "one answer where each pixel needs one": Case(
        document([affine(4), SOFTMAX, CATEGORICAL]), [("target_size", at(1))], "reshape them to 4 × 8 × 8", MAPS
    ),
    "two outputs for yes or no": Case(
        document([affine(2), SIGMOID, BINARY], task="binary"), [("output_count", at(0))], "Make 1 output"
    ),
    "loss alone": Case(document([CATEGORICAL]), [("missing_head", at(0))], "Insert Affine and Softmax"),
    "head left out": Case(document([conv(4), RELU]), [("missing_head", "/model/layers")], "Affine(10)", DIGITS, 0),
    "head left out, classes unknown": Case(document([conv(4), RELU]), [("missing_head", "/model/layers")], ""),
    "loss left out": Case(document([affine(10), SOFTMAX]), [("missing_loss", "/model/layers")], "Categorical"),
    "input left out": Case(
        {"format": 1, "name": "test", "model": {"layers": END}}, [("missing_input", "/model")], "", unknown=3
    ),
    # --- data
    "other number of classes": Case(
        document([affine(7), SOFTMAX, CATEGORICAL]), [("class_count", at(0))], "Make 10 outputs", DIGITS
    ),
    "other number of classes behind a broken layer": Case(
        document([layer("Relu"), affine(7), SOFTMAX, CATEGORICAL]),
        [("unknown_type", at(0, "/type")), ("class_count", at(1))],
        "ReLU",
        DIGITS,
    ),
    "other input": Case(
        document([conv(4), *END], (3, 8, 8)), [("input_shape", "/model/input")], "1 × 8 × 8", DIGITS, 0
    ),
    "other input of the same size": Case(
        document([affine(4), *END], (64,)), [("input_shape", "/model/input")], "1 × 8 × 8", DIGITS
    ),
    "label too large": Case(document(END), [("label_range", at(0))], "Make 11 outputs", SHIFTED),
    "classes for a binary network": Case(
        document([affine(1), SIGMOID, BINARY], task="binary"),
        [("task_data_mismatch", "/task")],
        "classification network",
        DIGITS,
    ),
    "numbers for a classification": Case(
        document(END), [("task_data_mismatch", "/task")], "regression network", NUMBERS
    ),
    "other number of targets": Case(
        document([affine(2), SQUARED], task="regression"), [("output_count", at(0))], "Make 1 output", NUMBERS
    ),
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
    "name that is none": Case(document([conv(4, name="a/b"), conv(4), *END]), [("wrong_value", at(0, "/name"))], ""),
    "type that is none": Case(document([{"type": None}, *END]), [("wrong_type", at(0, "/type"))]),
    "slip of the sign": Case(document([*END], (1, -8, 8)), [("wrong_value", "/model/input/1")], "8"),
    "Softmax of one channel before the head": Case(
        document([SOFTMAX, affine(10), CATEGORICAL]), [("softmax_one_class", at(0))], "Move Softmax_1 before"
    ),
    "wrong activation, and wrong number of classes": Case(
        document([affine(9), SIGMOID, CATEGORICAL]),
        [("class_count", at(0)), ("loss_head_mismatch", at(2))],
        "Make 10 outputs",
        DIGITS,
    ),
    "wrong activation explains the number": Case(
        document([affine(1), SIGMOID, CATEGORICAL]), [("loss_head_mismatch", at(2))], facts=DIGITS
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


@pytest.mark.parametrize("name", CASES)
def test_broken_document(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.check.machine_bytes", lambda: 16 * 2**30)
    monkeypatch.setattr("builder.checks.memory.machine_bytes", lambda: 16 * 2**30)
    case = CASES[name]
    report = builder.check(case.document, facts=case.facts)
    assert [(problem.code, problem.pointer) for problem in report.problems] == case.problems
    if case.unknown is not None:
        assert sum(info.output_shape is None for info in report.layers) == case.unknown
    if case.fix is not None:
        titles = [fix.title for fix in report.problems[0].fixes]
        assert any(case.fix in title for title in titles), titles
    errors = {(problem.code, problem.pointer) for problem in report.errors}
    for problem in report.problems:
        assert problem.what.endswith((".", "?")), problem.what
        for fix in problem.fixes:
            after = builder.check(apply(case.document, fix.patch), facts=case.facts)
            assert problem.code not in {other.code for other in after.problems}, fix
            assert len(after.errors) <= len(errors) - (problem.severity == "error"), (fix, after.errors)


def test_a_problem_and_the_list_of_layers_call_a_layer_by_the_same_name() -> None:
    report = builder.check(document([conv(4, name="a/b"), conv(-4), *END]))
    assert [problem.layer for problem in report.problems] == ["Convolution_1", "Convolution_2"]
    assert [info.name for info in report.layers][:2] == ["Convolution_1", "Convolution_2"]


@pytest.mark.parametrize("text", ["", "{", "[1", '{"format": 1,}', "[" * 100_000, "\ufeff\x00"])
def test_text_that_cannot_be_read_is_one_problem(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    assert len(builder.check(path).problems) == 1


def test_a_fix_that_brings_the_next_mistake_to_light_is_offered() -> None:
    pool = layer("MaxPooling", kernel_size=9)
    raw = document([pool, pool, *END])
    (problem,) = builder.check(raw).problems
    assert [fix.title for fix in problem.fixes][-1] == "Make the window 8 × 8"
    after = builder.check(apply(raw, problem.fixes[-1].patch))
    assert [(other.code, other.pointer) for other in after.problems] == [("window_too_large", at(1))]


def test_every_problem_reaches_the_command_line() -> None:
    codes = {code for case in CASES.values() for code, _ in case.problems}
    assert codes >= {
        "unknown_type", "unknown_field", "wrong_value", "missing_field", "unknown_input", "cycle", "unread_layer",
        "duplicate_name", "input_count", "channel_mismatch", "size_mismatch", "window_too_large", "remainder",
        "groups_do_not_divide", "head_task_mismatch", "loss_head_mismatch", "class_count", "input_shape", "label_range",
        "missing_head", "missing_loss", "unit_recursion", "out_of_memory",
    }  # fmt: skip
