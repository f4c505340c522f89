"""Makes helper modules importable: tests are no packages, so they are loaded by their place."""

import importlib.util
import sys
from pathlib import Path

for name in ("check_documents", "broken_case", "broken_layers", "broken_ends", "broken_stacks"):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
