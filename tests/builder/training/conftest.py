"""Makes `fake_training` importable: tests are no packages, so it is loaded by its place."""

import importlib.util
import sys
from pathlib import Path

if "fake_training" not in sys.modules:
    spec = importlib.util.spec_from_file_location("fake_training", Path(__file__).with_name("fake.py"))
    module = sys.modules["fake_training"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
