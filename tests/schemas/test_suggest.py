"""Did you mean: names of other frameworks, letter case, and slips of the keyboard."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from schemas.model import TYPES as LAYERS
from schemas.suggest import FIELDS, TYPES, did_you_mean, plain

MEANT = [
    ("Conv2D", "Convolution"), ("Conv2d", "Convolution"), ("conv", "Convolution"), ("Convolutoin", "Convolution"),
    ("Dense", "Affine"), ("Linear", "Affine"), ("nn.Linear", "Affine"), ("FullyConnected", "Affine"),
    ("BatchNorm2d", "BatchNormalization"), ("batch_normalization", "BatchNormalization"), ("BN", "BatchNormalization"),
    ("relu", "ReLU"), ("RELU", "ReLU"), ("Sigmod", "Sigmoid"), ("SoftMax", "Softmax"),
    ("MaxPool2D", "MaxPooling"), ("MaxPool2d", "MaxPooling"), ("MaxPooling2D", "MaxPooling"), ("MaxPool", "MaxPooling"),
    ("AvgPool2d", "AveragePooling"), ("AveragePooling2D", "AveragePooling"),
    ("GlobalAveragePooling2D", "GlobalAveragePooling"), ("AdaptiveAvgPool2d", "GlobalAveragePooling"),
    ("Dropout2d", "SpatialDropout"), ("dropuot", "Dropout"),
    ("Concat", "Concatenate"), ("Add2", "Add"), ("Mul2", "Multiply"),
    ("CrossEntropyLoss", "CategoricalCrossEntropy"), ("BCELoss", "BinaryCrossEntropy"), ("MSELoss", "SquaredError"),
    ("mse", "SquaredError"), ("SquaredErorr", "SquaredError"), ("repeat", "Repeat"), ("View", "Reshape"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "layer"), MEANT)
def test_layers(word: str, layer: str) -> None:
    assert did_you_mean(word, LAYERS)[0] == layer


CONVOLUTION = ("name", "inputs", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias")
FIELD = [
    ("filters", "out_channels"), ("out_maps", "out_channels"), ("outChannels", "out_channels"),
    ("kernel", "kernel_size"), ("KernelShape", "kernel_size"), ("strides", "stride"), ("pad", "padding"),
    ("use_bias", "bias"), ("dilation_rate", "dilation"), ("kernal_size", "kernel_size"), ("input", "inputs"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "field"), FIELD)
def test_fields(word: str, field: str) -> None:
    assert did_you_mean(word, CONVOLUTION, FIELDS)[0] == field


def test_nothing_is_guessed_where_nothing_is_near() -> None:
    assert did_you_mean("Vxqzk", LAYERS) == did_you_mean("", LAYERS) == did_you_mean("x" * 10**6, LAYERS) == []
    assert did_you_mean("Dense", ["Convolution"]) == []


@given(st.text(max_size=120))
def test_any_word(word: str) -> None:
    found = did_you_mean(word, LAYERS)
    assert len(found) <= 3 and set(found) <= set(LAYERS)


@pytest.mark.parametrize("table", [TYPES, FIELDS])
def test_the_tables_hold_plain_words_once(table: dict[str, tuple[str, ...]]) -> None:
    for words in table.values():
        assert [plain(word) for word in words] == list(words)
        assert len(set(words)) == len(words)


def test_every_layer_but_self_named_ones_has_words_from_elsewhere() -> None:
    assert set(LAYERS) - set(TYPES) == set()
