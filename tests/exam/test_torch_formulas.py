"""Activations, arithmetic and losses against PyTorch where it is installed; torch_formulas.py says what is compared."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("torch")


def test_every_formula_is_torch_s():
    spec = importlib.util.spec_from_file_location("torch_formulas", Path(__file__).with_name("torch_formulas.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main() == 0
