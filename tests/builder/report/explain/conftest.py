"""Networks and a run that the tests of explain look into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import builder

ROOT = Path(__file__).parents[4]


def compiled(shape: tuple[int, ...], layers: list[dict[str, Any]], task: str = "classification", **options: Any) -> Any:
    """Return a network in float64 whose parameters are all random, running statistics included."""
    document = {"format": 1, "task": task, "model": {"input": list(shape), "layers": layers}}
    net = builder.compile(document, seed=0, dtype=options.pop("dtype", "float64"), threads=1)
    rng = np.random.default_rng(1)
    for key, parameter in net.parameters:
        drawn = rng.standard_normal(parameter.shape) / parameter.fan[0] ** 0.5
        net.params[key] = 0.5 + np.abs(drawn) if key.endswith(("gamma", "variance")) else drawn
    return net


BRANCHED = [
    {"type": "Convolution", "name": "first", "out_channels": 4, "kernel_size": 3, "padding": 1},
    {"type": "BatchNormalization", "name": "norm"},
    {"type": "ReLU", "name": "relu"},
    {"type": "Convolution", "name": "second", "out_channels": 4, "kernel_size": 3, "padding": 1},
    {"type": "Add", "name": "sum", "inputs": ["second", "relu"]},
    {"type": "Dropout", "name": "drop", "p": 0.5},
    {"type": "MaxPooling", "name": "pool"},
    {"type": "Flatten", "name": "flat"},
    {"type": "Affine", "name": "scores", "out_features": 3},
]


@pytest.fixture(scope="session")
def random_network() -> Any:
    """What `compiled` above does."""
    return compiled


@pytest.fixture(scope="session")
def branched() -> Any:
    """A network with normalisation, a skip connection, Dropout and Flatten."""
    return compiled((2, 6, 5), BRANCHED)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run of the digits example."""
    out = tmp_path_factory.mktemp("runs")
    return builder.train(ROOT / "examples" / "digits.json", out=out, overrides={"training.epochs": 2}).path


@pytest.fixture(scope="session")
def table_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on a table."""
    out = tmp_path_factory.mktemp("tables")
    return builder.train(ROOT / "examples" / "iris.json", out=out, overrides={"training.epochs": 1}).path


@pytest.fixture(scope="session")
def make() -> Any:
    return compiled
