"""CONTRIBUTING's worked example, carried out word for word: its layer is added, its test is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

CONFTEST = """
import importlib.util, pathlib, sys
import builder
import schemas.layers

# As if the new file lay in schemas/layers and stood in MODULES.
path = pathlib.Path(__file__).parent / "thresholded_relu.py"
spec = importlib.util.spec_from_file_location("schemas.layers.thresholded_relu", path)
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
"""


def test_the_worked_example_works(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    layer, test = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    (tmp_path / "thresholded_relu.py").write_text(layer, encoding="utf-8")
    (tmp_path / "test_thresholded_relu.py").write_text(test, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_it_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:schemas|builder|docs|tests)/[\w/.]*)`", text))
    new = {"schemas/layers/thresholded_relu.py", "tests/schemas/layers/test_thresholded_relu.py"}
    assert new < named
    assert [path for path in sorted(named - new) if not (ROOT / path).exists()] == []
