"""Makes helper modules importable: tests are no packages, so they are loaded by their place."""

import importlib.util
import sys
from pathlib import Path

HELPERS = {
    "engine_harness": Path(__file__).parents[1] / "builder" / "engine_harness.py",
    "contract_draws": Path(__file__).with_name("contract_draws.py"),
    "contract_cases": Path(__file__).with_name("contract_cases.py"),
    "contract_elementwise": Path(__file__).with_name("contract_elementwise.py"),
}

for name, place in HELPERS.items():
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, place)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
