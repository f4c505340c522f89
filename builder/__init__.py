"""tsumiki's Python interface: HOW a document becomes a trained network.

    import builder
    net = builder.compile("examples/digits.json", seed=0)       # a path, a dict or a schemas.Document
    net.predict(x); net.loss(x, t); net.gradient(x, t)          # NumPy in and out, images as (N, C, H, W)
    run = builder.train("examples/digits.json", out="runs")
    report = builder.check("examples/digits.json")

Every name below is loaded when it is first used, so that `import builder` costs next to nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.elementwise import Elementwise as Elementwise
    from schemas.errors import (
        DataError as DataError,
        DocumentError as DocumentError,
        Fix as Fix,
        Problem as Problem,
        TrainingError as TrainingError,
        TsumikiError as TsumikiError,
        UsageError as UsageError,
    )
    from schemas.layer import Layer as Layer
    from schemas.loss import FormulaLoss as FormulaLoss

    from .check import check as check
    from .checks.report import Report as Report
    from .compile import compile as compile
    from .data import prepare as prepare
    from .estimators import TsumikiClassifier as TsumikiClassifier, TsumikiRegressor as TsumikiRegressor
    from .experiment import experiment as experiment
    from .extend import layer as layer
    from .init import init as init
    from .network import Network as Network, load as load
    from .training import Run as Run, resume as resume, train as train
    from .transfer import transfer as transfer

__version__ = "0.1.0"

_WHERE = {
    "check": "builder.check",
    "Report": "builder.checks.report",
    "compile": "builder.compile",
    "Network": "builder.network",
    "load": "builder.network",
    "prepare": "builder.data",
    "train": "builder.training",
    "resume": "builder.training",
    "Run": "builder.training",
    "init": "builder.init",
    "transfer": "builder.transfer",
    "experiment": "builder.experiment",
    "TsumikiClassifier": "builder.estimators",
    "TsumikiRegressor": "builder.estimators",
    "layer": "builder.extend",
    "Layer": "schemas.layer",
    "Elementwise": "schemas.elementwise",
    "FormulaLoss": "schemas.loss",
    "TsumikiError": "schemas.errors",
    "UsageError": "schemas.errors",
    "DocumentError": "schemas.errors",
    "DataError": "schemas.errors",
    "TrainingError": "schemas.errors",
    "Problem": "schemas.errors",
    "Fix": "schemas.errors",
}
"""Public name -> the module that holds it."""

_VERBS = ("check", "compile", "init", "transfer", "experiment")
"""Names that are a function and, as the module that holds it, a part of the package: `builder.check(document)` and
`from builder.check import Report` both work, whichever comes first."""

__all__ = [*_WHERE, "__version__"]


class _Verb(ModuleType):
    """A module that can be called: the call goes to the function of the module's own name."""

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return getattr(self, self.__name__.rpartition(".")[2])(*args, **keywords)


class _Package(ModuleType):
    """This package. Python sets every imported submodule as an attribute; the verbs among them become callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _VERBS and type(value) is ModuleType:
            value.__class__ = _Verb
        super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'builder' has no attribute {name!r}")
    module = importlib.import_module(_WHERE[name])
    return module if name in _VERBS else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)


def _load_schemas() -> None:
    """Import the `schemas` that lies beside this package, whatever the current folder holds under that name.

    `schemas` is a common name, and Python looks into the current folder first, so a plain import could load a
    stranger's code. Raises ImportError when that has happened already.
    """
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "schemas")
    loaded = sys.modules.get("schemas")
    if loaded is not None:
        places = [os.path.realpath(place) for place in getattr(loaded, "__path__", ())]
        if os.path.realpath(folder) in places:
            return
        found = getattr(loaded, "__file__", None) or ", ".join(places) or "an unknown place"
        raise ImportError(
            f"tsumiki needs its own package 'schemas' from {folder}, but another one was imported first, from {found}. "
            "Import builder before it, or rename the other package."
        )
    spec = importlib.util.spec_from_file_location(
        "schemas", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None or not os.path.isdir(folder):
        raise ImportError(f"tsumiki's package 'schemas' is missing from {folder}: install tsumiki-nn again.")
    module = importlib.util.module_from_spec(spec)
    sys.modules["schemas"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["schemas"]
        raise


_load_schemas()
sys.modules[__name__].__class__ = _Package
