"""Random documents against PyTorch where it is installed; torch_stacks.py says what is compared."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def exam():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        yield load()


def load():
    spec = importlib.util.spec_from_file_location("torch_stacks", Path(__file__).with_name("torch_stacks.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(60))
def test_a_random_document_computes_what_torch_computes(exam, seed):
    exam.examine(seed)


def test_each_layer_over_windows_computes_what_torch_computes(exam):
    for kind in exam.KINDS:
        for seed in range(4):
            exam.examine_layer(kind, seed)


@pytest.mark.thorough
def test_many_random_documents_compute_what_torch_computes(exam):
    assert exam.main(500, 60) == 0
