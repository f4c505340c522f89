"""Makes `import pages_harness` work: tests are imported as files, without packages around them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

if "pages_harness" not in sys.modules:
    _place = Path(__file__).with_name("pages_harness.py")
    _spec = importlib.util.spec_from_file_location("pages_harness", _place)
    assert _spec is not None and _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["pages_harness"] = _module
    _spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one short run of every task: skip_connection (images), breast_cancer, diabetes."""
    import pages_harness as harness

    import builder

    workspace = tmp_path_factory.mktemp("trained")
    for name in ("skip_connection", "breast_cancer", "diabetes"):
        builder.train(harness.example(name), out=workspace / "runs", overrides={"training.epochs": 1}, threads=1)
    return workspace
