"""Networks that end as their task, their loss or their data do not allow. Rows of test_check_problems.py."""

from __future__ import annotations

from broken_case import DIGITS, MAPS, NUMBERS, SHIFTED, Case, at
from check_documents import BINARY, CATEGORICAL, END, RELU, SIGMOID, SOFTMAX, SQUARED, affine, conv, document, layer

CASES: dict[str, Case] = {
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
    "Softmax of one channel before the head": Case(
        document([SOFTMAX, affine(10), CATEGORICAL]), [("softmax_one_class", at(0))], "Move Softmax_1 before"
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
    "wrong activation, and wrong number of classes": Case(
        document([affine(9), SIGMOID, CATEGORICAL]),
        [("class_count", at(0)), ("loss_head_mismatch", at(2))],
        "Make 10 outputs",
        DIGITS,
    ),
    "wrong activation explains the number": Case(
        document([affine(1), SIGMOID, CATEGORICAL]), [("loss_head_mismatch", at(2))], facts=DIGITS
    ),
}
