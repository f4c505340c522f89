"""New files for predict: images, tables, arrays and folders of them, through a model's fitted preprocessing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from schemas.data import Csv, Resize
from schemas.say import commas, say

from . import csv, npz
from .files import IMAGES, regular
from .finding import BadData, Faults, bad
from .images import decode_file
from .npy import read_npy
from .samples import ArraySamples

if TYPE_CHECKING:
    from .pipeline import Pipeline

Block = tuple[np.ndarray, list[str]]


def read_files(pipeline: Pipeline, paths: Sequence[Path], size: int) -> Iterator[Block]:
    """Yield (preprocessed x, places) of at most `size` samples. Raises BadData for a file that does not fit."""
    images: list[Path] = []
    for path in _expand(paths):
        if path.suffix.lower() in IMAGES:
            images.append(path)
            if len(images) == size:
                yield _images(pipeline, images)
                images = []
            continue
        if images:
            yield _images(pipeline, images)
            images = []
        if path.suffix.lower() == ".npy":
            with open(path, "rb") as file:
                yield from _array(pipeline, read_npy(file, regular(path), path), path, size)
        elif path.suffix.lower() == ".npz":
            yield from _array(pipeline, _inputs(pipeline, path), path, size)
        elif path.suffix.lower() == ".csv":
            yield from _table(pipeline, path, size)
        else:
            regular(path)
            raise bad(
                "unknown_format", say("Give images (png, jpg, bmp, tif), a table (csv) or arrays (npy, npz)."), path
            )
    if images:
        yield _images(pipeline, images)


def _expand(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGES)
            if not inside:
                raise bad("no_samples", say("There is no image in this folder."), path)
            yield from inside
        else:
            yield path


def _fits(pipeline: Pipeline, shape: tuple[int, ...], place: str) -> None:
    """Raise BadData where a raw sample is not what the network was trained on."""
    wanted = pipeline.input
    resized = any(isinstance(step, Resize) for step in pipeline.steps)
    if wanted is None or shape == wanted:
        if wanted is None and len(shape) != 3:
            raise bad("wrong_shape", say("A sample has shape {shape}, but images are needed.", shape=shape), place)
        return
    if resized and len(shape) == 3 and shape[0] == wanted[0]:
        return
    hint = say("Resize or convert it first.") if len(shape) == 3 else ""
    raise bad(
        "wrong_shape",
        say("A sample has shape {shape}, but the network was trained on {wanted}.", shape=shape, wanted=wanted),
        place,
        "",
        hint,
    )


def _images(pipeline: Pipeline, paths: Sequence[Path]) -> Block:
    channels = pipeline.channels
    if channels is None and pipeline.input is not None and pipeline.input[0] in (1, 3):
        channels = 1 if pipeline.input[0] == 1 else 3
    values = []
    for path in paths:
        image = decode_file(path, channels).values
        _fits(pipeline, image.shape, str(path))
        values.append(image.astype(np.float32))
    same = len({v.shape for v in values}) == 1
    return pipeline.apply(np.stack(values) if same else values), [str(path) for path in paths]


INPUTS = ("x_test", "x", "images", "inputs", "data")
"""What the array of inputs is called in an .npz file that has several, the likeliest first."""


def _inputs(pipeline: Pipeline, path: Path) -> np.ndarray:
    """Return the array of inputs of an .npz file: the only one, the one whose name says it, or the one that fits."""
    names = list(npz.names(path))
    told = [name for wanted in INPUTS for name in names if name.lower() == wanted]
    sample = tuple(pipeline.input or pipeline.shape)
    fitting = [name for name in names if npz.shape(path, name)[1:] in (sample, sample[1:], (*sample[1:], *sample[:1]))]
    chosen = next(iter(names if len(names) == 1 else told or fitting), None)
    if chosen is None:
        raise bad(
            "missing_array",
            say("Which array are the inputs? There are {names}.", names=commas(map(repr, sorted(names)[:20]))),
            path,
            "",
            say("Name it x."),
        )
    values = npz.load(path, chosen)
    if len(sample) == 3 and values.ndim == 4 and values.shape[1:] == (*sample[1:], sample[0]) != sample:
        values = np.moveaxis(values, 3, 1)  # channels last
    return values


def _array(pipeline: Pipeline, values: np.ndarray, path: Path, size: int) -> Iterator[Block]:
    if values.dtype.kind not in "buif":
        raise bad("array_type", say("The array holds {dtype}, but numbers are needed.", dtype=values.dtype), path)
    rank = len(pipeline.input or pipeline.shape)
    if values.ndim == rank or (rank == 3 and values.ndim == 2):
        values = values[None]
    if rank == 3 and values.ndim == 3:
        values = values[:, None]
    _fits(pipeline, values.shape[1:], str(path))
    for start in range(0, len(values), size):
        with np.errstate(over="ignore"):  # becomes infinite, which is refused
            block = values[start : start + size].astype(np.float32)
        wrong = np.flatnonzero(~np.isfinite(block).reshape(len(block), -1).all(axis=1))
        if wrong.size:
            raise bad("not_finite", say("The sample holds NaN or infinity."), f"{path}, sample {start + int(wrong[0])}")
        yield pipeline.apply(block), [f"{path}, sample {k}" for k in range(start, start + len(block))]


def _table(pipeline: Pipeline, path: Path, size: int) -> Iterator[Block]:
    columns = list(pipeline.columns) or None
    source = Csv(
        path=str(path),
        columns=columns,
        delimiter=pipeline.delimiter,
        encoding=pipeline.encoding,
        channels=pipeline.channels,
        outside=pipeline.outside,
    )
    faults = Faults()
    found = csv.table(source, path, faults, need_target=False)
    samples, _, _, _ = csv.inputs(found, source, path, faults, np.arange(len(found.lines)))
    if isinstance(samples, ArraySamples):
        for row in np.flatnonzero(samples.unusable()):
            faults.add("not_finite", say("A cell is NaN or infinite."), samples.where(int(row)))
    if faults:
        raise BadData(faults.findings(skip=False))
    if samples.shape is not None and len(samples):
        _fits(pipeline, samples.shape, str(path))
    for start in range(0, len(samples), size):
        chosen = np.arange(start, min(start + size, len(samples)))
        yield pipeline.apply(samples.read(chosen)), [samples.where(int(k)) for k in chosen]
