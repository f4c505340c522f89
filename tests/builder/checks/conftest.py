"""Makes `check_documents` importable: tests are no packages, so it is loaded by its place."""

import importlib.util
import sys
from pathlib import Path

if "check_documents" not in sys.modules:
    spec = importlib.util.spec_from_file_location("check_documents", Path(__file__).with_name("check_documents.py"))
    module = sys.modules["check_documents"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
