"""A look at some data, and the data section that fits: what `tsumiki init DATA` begins with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

from schemas import data as schema
from schemas.errors import DataError, UsageError
from schemas.say import say

from . import csv, npz
from .facts import DataFacts, facts
from .finding import Faults, bad
from .images import probe

TARGETS = ("target", "label", "labels", "class", "category", "y", "species", "ラベル", "正解", "分類", "クラス")
INPUTS = ("x", "X", "data", "images", "inputs")
OUTPUTS = ("y", "Y", "target", "targets", "labels", "label")
PARTS = {"train": ("train", "training"), "test": ("test", "t10k", "valid", "val")}


def suggest(path: str | Path, base: Path | str = ".", target: str | None = None) -> dict[str, Any]:
    """Look at a path or a built-in name, and return what a document needs.

    Keys: "name", "data", "task", "input", "classes", "class_names", "targets", "samples".

    `target` names the column of a table to predict; columns of text are left out of its inputs. Paths in the data
    section are relative to `base`, the folder that the document will lie in. Raises DataError where nothing is
    recognised, UsageError where nothing is there.
    """
    base = Path(base)
    text = str(path)
    if text in get_args(schema.BuiltinName) and not os.path.exists(text):
        data: dict[str, Any] = {"source": {"type": "builtin", "name": text}}
        name = text
    else:
        place = Path(path)
        if not place.exists():
            known = ", ".join(get_args(schema.BuiltinName))
            raise UsageError(f"{text}: there is no such file or folder, and the built-in data sets are {known}.")
        data, name = _look(place, base, target), place.resolve().stem
    data.setdefault("validation", 0.1)
    data.setdefault("test", 0.2)
    found = facts(data, base)
    data["preprocessing"] = [*data.pop("preprocessing", []), *_preprocessing(data, found)]
    found = facts(data, base)
    return {
        "name": name,
        "data": data,
        "task": found.kind or "classification",
        "input": list(found.shape) if found.shape else None,
        "classes": found.classes,
        "class_names": list(found.class_names) if found.class_names else None,
        "targets": found.targets,
        "samples": found.samples,
    }


def _preprocessing(data: dict[str, Any], found: DataFacts) -> list[dict[str, Any]]:
    if found.shape is not None and len(found.shape) == 3:
        return [{"type": "Scale", "range": [0.0, 1.0]}]
    return [{"type": "Normalize"}]


def _relative(path: Path, base: Path) -> str:
    return Path(os.path.relpath(path.resolve(), base.resolve())).as_posix()


def _look(path: Path, base: Path, target: str | None) -> dict[str, Any]:
    if path.is_dir():
        return _idx(path, base) or _folders(path, base)
    ending = path.suffix.lower()
    if ending == ".csv" or ending in (".tsv", ".txt"):
        return _csv(path, base, target)
    if ending == ".npz":
        return _npz(path, base)
    if "idx" in path.name and (found := _idx(path.parent, base)):
        return found
    raise bad(
        "unknown_format",
        say("This is no data set that is known."),
        path,
        "",
        say("Give a folder with one sub-folder per class, a folder of IDX files, a .csv or an .npz file."),
    )


def _idx(folder: Path, base: Path) -> dict[str, Any] | None:
    """Find the pairs of IDX files: names with 'images' and 'labels', for training and perhaps for the test."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted(folder.iterdir()):
        name = file.name.lower()
        if "idx" not in name or name.endswith(".json") or not file.is_file():
            continue  # a document that an earlier init has written lies beside its data
        part = next((p for p, words in PARTS.items() if any(word in name for word in words)), "train")
        kind = "images" if "images" in name else "labels" if "labels" in name else None
        if kind:
            found.setdefault(part, {})[kind] = _relative(file, base)
    pairs = {part: {"type": "idx", **files} for part, files in found.items() if len(files) == 2}
    if "train" not in pairs:
        return None
    data: dict[str, Any] = {"source": pairs["train"]}
    if "test" in pairs:
        data["test"] = pairs["test"]
    return data


def _folders(folder: Path, base: Path) -> dict[str, Any]:
    """A folder of classes, or of 'train' and 'test' with the classes below."""
    inside = {p.name.lower(): p for p in sorted(folder.iterdir()) if p.is_dir()}
    parts = {part: inside[word] for part, words in PARTS.items() for word in reversed(words) if word in inside}
    if set(parts) == {"train", "test"} and any(p.is_dir() for p in parts["train"].iterdir()):
        sources = {part: {"type": "folder", "path": _relative(where, base)} for part, where in parts.items()}
        data: dict[str, Any] = {"source": sources["train"], "test": sources["test"]}
    else:
        data = {"source": {"type": "folder", "path": _relative(folder, base)}}
    return _sizes(data, base)


def _sizes(data: dict[str, Any], base: Path) -> dict[str, Any]:
    """Add what mixed sizes or channels need, seen in up to 200 files of the training source."""
    from .folder import listing

    source = schema.Folder.model_validate(data["source"])
    _, paths, _, _ = listing(source, base, Faults())
    shapes = []
    for path in paths[:: max(1, len(paths) // 200)]:
        try:
            shapes.append(probe(path))
        except DataError:
            continue  # train's own check names it
    images = [s for s in shapes if len(s) == 3]
    if len({s[0] for s in images}) > 1:
        for part in ("source", "test"):
            if isinstance(data.get(part), dict):
                data[part]["channels"] = 3
    if len({s[1:] for s in images}) > 1:
        sides = sorted(min(s[1:]) for s in images)
        side = max(8, min(64, sides[len(sides) // 2]))
        data["preprocessing"] = [{"type": "Resize", "size": [side, side]}]
    return data


def _csv(path: Path, base: Path, target: str | None) -> dict[str, Any]:
    source: dict[str, Any] = {"type": "csv", "path": _relative(path, base)}
    header, settings = _header(path)
    source |= settings
    if target is not None:
        source["target"] = target
    try:
        form = csv.form(header, schema.Csv.model_validate(source), path)
    except DataError:
        if target is not None:
            raise
        lower = [name.lower() for name in header]
        source["target"] = next((header[lower.index(word)] for word in TARGETS if word in lower), header[-1])
        form = csv.form(header, schema.Csv.model_validate(source), path)
    numeric = csv.numeric_columns(schema.Csv.model_validate(source), path, form)
    if numeric and len(numeric) < len(form.inputs):
        source["columns"] = numeric
    return {"source": source}


def _header(path: Path) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the column names, and the delimiter and encoding under which there are most of them."""
    best: tuple[tuple[str, ...], dict[str, Any]] | None = None
    first: DataError | None = None
    for encoding in ("utf-8", "cp932", "utf-16"):
        for delimiter in (",", ";", "\t", "|"):
            settings = {k: v for k, v in (("encoding", encoding), ("delimiter", delimiter)) if v not in ("utf-8", ",")}
            try:
                header = csv.header(schema.Csv.model_validate({"type": "csv", "path": "x", **settings}), path)
            except DataError as error:
                first = first or error
                continue
            if best is None or len(header) > len(best[0]):
                best = header, settings
        if best is not None:
            return best
    raise first or bad("empty_file", say("There is no header line."), path)


def _npz(path: Path, base: Path) -> dict[str, Any]:
    names = npz.names(path)

    def pair(ending: str) -> dict[str, Any] | None:
        x = next((n + ending for n in INPUTS if n + ending in names), None)
        y = next((n + ending for n in OUTPUTS if n + ending in names), None)
        return {"type": "npz", "path": _relative(path, base), "x": x, "y": y} if x and y else None

    train = pair("_train") or pair("")
    if train is None:
        raise bad(
            "missing_array",
            say("Which arrays are inputs and targets? There are {names}.", names=", ".join(sorted(names))),
            path,
        )
    data: dict[str, Any] = {"source": train}
    test, validation = pair("_test"), pair("_val") or pair("_valid")
    if test:
        data["test"] = test
    if validation:
        data["validation"] = validation
    shape = npz.shape(path, train["x"])
    if len(shape) == 4 and shape[3] in (1, 3, 4) and shape[1] > 4:
        for source in data.values():
            source["layout"] = "NHWC"
    return data
