"""Makes `engine_harness` importable: tests are no packages, so it is loaded by its place."""

import importlib.util
import sys
from pathlib import Path

if "engine_harness" not in sys.modules:
    spec = importlib.util.spec_from_file_location("engine_harness", Path(__file__).with_name("engine_harness.py"))
    module = sys.modules["engine_harness"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
