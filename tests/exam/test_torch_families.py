"""The families against models of their own in PyTorch where it is installed; see torch_families.py."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def exam():
    place = Path(__file__).with_name("torch_families.py")
    spec = importlib.util.spec_from_file_location("torch_families", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "name", ["simple_convnet", "mlp", "lenet", "lenet5", "resnet20", "binary_cnn", "regression_cnn", "unet"]
)
def test_a_small_family_computes_what_torch_computes(exam, name, dtype):
    exam.examine(name, dtype)


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_family_computes_what_torch_computes(exam, dtype):
    for name in exam.CASES:
        exam.examine(name, dtype)
