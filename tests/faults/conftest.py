"""Makes `fake_training` importable: tests are no packages, so it is loaded by its place."""

import importlib.util
import sys
from pathlib import Path

FAKE = Path(__file__).parents[1] / "builder" / "training" / "fake.py"

if "fake_training" not in sys.modules:
    spec = importlib.util.spec_from_file_location("fake_training", FAKE)
    module = sys.modules["fake_training"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
