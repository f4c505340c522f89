"""scikit-learn's small data sets, read from its packaged files, and those that derived.py makes of its digits.

Importing scikit-learn takes about a second, which is half of what `tsumiki train` may take to its first step, so the
files are found without importing it. Where its layout has changed, its own loaders are asked.
"""

from __future__ import annotations

import gzip
import io
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.data import Builtin, BuiltinName
from schemas.say import say

from .derived import MADE, PARITY, PIXELS
from .facts import DataFacts, Peek
from .finding import bad

if TYPE_CHECKING:
    import numpy as np

    from .samples import Raw

DIGITS = tuple(str(k) for k in range(10))
IRIS = ("setosa", "versicolor", "virginica")
WINE = ("class_0", "class_1", "class_2")
CANCER = ("malignant", "benign")

FACTS: dict[BuiltinName, DataFacts] = {
    "digits": DataFacts((1, 8, 8), 10, DIGITS, None, 1797, 0, 9, "classification"),
    "iris": DataFacts((4,), 3, IRIS, None, 150, 0, 2, "classification"),
    "wine": DataFacts((13,), 3, WINE, None, 178, 0, 2, "classification"),
    "breast_cancer": DataFacts((30,), 2, CANCER, None, 569, 0, 1, "binary"),
    "diabetes": DataFacts((10,), None, None, 1, 442, None, None, "regression"),
    "digits_parity": DataFacts((1, 8, 8), 2, PARITY, None, 1797, 0, 1, "binary"),
    "digits_angle": DataFacts((1, 8, 8), None, None, 1, 1797, None, None, "regression"),
    "digits_upright": DataFacts((1, 8, 8), 10, DIGITS, None, 900, 0, 9, "classification"),
    "digits_turned": DataFacts((1, 8, 8), 10, DIGITS, None, 897, 0, 9, "classification"),
    "digits_pixels": DataFacts((1, 8, 8), 11, PIXELS, None, 1797, 0, 10, "classification", (8, 8)),
}
FILES: dict[str, tuple[str, ...]] = {
    "digits": ("digits.csv.gz",),
    "iris": ("iris.csv",),
    "wine": ("wine_data.csv",),
    "breast_cancer": ("breast_cancer.csv",),
    "diabetes": ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"),
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "digits": (),
    "iris": ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
    "wine": (
        "alcohol",
        "malic_acid",
        "ash",
        "alcalinity_of_ash",
        "magnesium",
        "total_phenols",
        "flavanoids",
        "nonflavanoid_phenols",
        "proanthocyanins",
        "color_intensity",
        "hue",
        "od280/od315_of_diluted_wines",
        "proline",
    ),
    "breast_cancer": tuple(
        form.format(name)
        for form in ("mean {}", "{} error", "worst {}")
        for name in [
            "radius",
            "texture",
            "perimeter",
            "area",
            "smoothness",
            "compactness",
            "concavity",
            "concave points",
            "symmetry",
            "fractal dimension",
        ]
    ),
    "diabetes": ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
}


def peek(source: Builtin) -> Peek:
    known = FACTS[source.name]
    import numpy as np

    labels = np.arange(known.classes) if known.classes else np.array([0.5])
    if known.target_shape is not None:
        labels = np.resize(labels, (1, *known.target_shape))
    return Peek(known.shape, known.samples, labels, known.class_names, target=known.target_shape)


def _table(folder: Path, name: str) -> np.ndarray:
    """Read numbers from a packaged file; a first line of counts and class names is left out."""
    import numpy as np

    content = (folder / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode("ascii")
    skip = int(any(letter in "abcdefghijklmnopqrstuvwxyz_" for letter in text.partition("\n")[0].replace("e+", "")))
    delimiter = "," if "," in text[:200] else None
    return np.loadtxt(io.StringIO(text), delimiter=delimiter, skiprows=skip, ndmin=2)


def from_files(name: BuiltinName, folder: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Return inputs (N, F) and targets (N,), or None where the packaged files are not as expected."""
    known = FACTS[name]
    try:
        tables = [_table(folder, file) for file in FILES[name]]
    except (OSError, ValueError, EOFError):
        return None
    x, y = (tables[0], tables[1]) if len(tables) == 2 else (tables[0][:, :-1], tables[0][:, -1])
    width = 64 if name == "digits" else len(COLUMNS[name])
    if x.shape != (known.samples, width) or y.size != known.samples:
        return None
    return x, y.reshape(-1)


def from_loader(name: BuiltinName) -> tuple[np.ndarray, np.ndarray]:
    """Ask scikit-learn's own loader."""
    from sklearn import datasets

    if name == "diabetes":
        found = datasets.load_diabetes(scaled=False)
    else:
        found = {
            "digits": datasets.load_digits,
            "iris": datasets.load_iris,
            "wine": datasets.load_wine,
            "breast_cancer": datasets.load_breast_cancer,
        }[name]()
    return found.data, found.target


def read(source: Builtin, base: Path) -> Raw:
    import numpy as np

    from .samples import ArraySamples, Raw

    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise bad("no_sklearn", say("The built-in data sets come with scikit-learn, which is not installed."))
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    made = MADE.get(source.name)
    origin: BuiltinName = "digits" if made else source.name
    x, y = from_files(origin, folder) or from_loader(origin)
    if made is not None:
        x, y = made(x, y)
    known = FACTS[source.name]
    shape = known.shape or ()
    values = np.ascontiguousarray(x, dtype=np.float32).reshape(len(x), *shape)
    return Raw(
        ArraySamples(values, lambda i: f"{source.name}, sample {i}"),
        y,
        names=known.class_names,
        value_range=(0.0, 16.0) if origin == "digits" else None,
        columns=COLUMNS[origin],
        kind=known.kind,
    )
