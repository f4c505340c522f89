"""Weights of classes are refused where samples have no one class."""

import numpy as np
import pytest

from builder.training.classweights import class_weights
from schemas.errors import DocumentError
from schemas.training import Training

BALANCED = Training(class_weights="balanced")


def test_several_yes_or_no_outputs_have_no_class_weights() -> None:
    targets = np.array([[1, 1, 0], [0, 1, 1]])
    with pytest.raises(DocumentError, match=r"class_weights cannot be used with 3 yes-or-no outputs.*Remove the field"):
        class_weights(BALANCED, "binary", targets, 2)
    assert class_weights(Training(), "binary", targets, 2) is None


@pytest.mark.parametrize("targets", [[0, 1, 1, 1], [[0], [1], [1], [1]]])
def test_one_yes_or_no_output_has_two_classes(targets: list[int]) -> None:
    assert [2, 2 / 3] == pytest.approx(class_weights(BALANCED, "binary", np.array(targets), 2).tolist())
