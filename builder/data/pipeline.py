"""Preprocessing, fitted: what turns a file or a row into the network's input, in training and in use alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas import data as schema
from schemas.errors import DataError
from schemas.say import say

from .facts import Shape, shape_after
from .finding import bad
from .resize import resize
from .samples import Samples

FIT_BATCH = 256
SMALLEST_STD = 1e-12


class Linear(BaseModel):
    """A fitted Scale or Normalize: (x - subtract) * multiply + add, per channel or column where there are several."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["Scale", "Normalize"]
    subtract: list[float]
    multiply: list[float]
    add: list[float]

    @cached_property
    def _numbers(self) -> tuple[np.ndarray, ...]:
        return tuple(np.array(v, dtype=np.float32) for v in (self.subtract, self.multiply, self.add))

    def apply(self, x: np.ndarray) -> np.ndarray:
        subtract, multiply, add = (v.reshape(-1, *(1,) * (x.ndim - 2)) for v in self._numbers)
        return (x - subtract) * multiply + add


Fitted = Annotated[Linear | schema.Resize | schema.Grayscale, Field(discriminator="type")]


class Pipeline(BaseModel):
    """Fitted preprocessing with what predict needs to read new files: columns, channels, shape and class names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    input: tuple[int, ...] | None
    """Shape of a sample before preprocessing; None where sizes differ."""
    shape: tuple[int, ...]
    """Shape of a sample after preprocessing."""
    steps: tuple[Fitted, ...] = ()
    channels: Literal[1, 3] | None = None
    columns: tuple[str, ...] = ()
    delimiter: Literal[",", ";", "\t", "|"] = ","
    encoding: Literal["utf-8", "cp932", "utf-16"] = "utf-8"
    outside: bool = False
    class_names: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Pipeline:
        """Return the pipeline that `to_json` gave. Raises DataError where it is something else."""
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = "/".join(map(str, first["loc"]))
            raise DataError(f"The saved preprocessing is damaged: {first['msg']} (at {place}).") from None

    def apply(self, x: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Return raw samples (n, *input), or a list of images of any size, as float32 (n, *shape)."""
        return run(self.steps, x)

    # --- new files ------------------------------------------------------------------------------------------------

    def read(self, paths: Sequence[Path | str]) -> tuple[np.ndarray, list[str]]:
        """Return all samples of these files, preprocessed, and where each comes from. Raises BadData."""
        parts = list(self.batches(paths))
        if not parts:
            raise bad("no_samples", say("There is no sample in these files."))
        return np.concatenate([x for x, _ in parts]), [where for _, wheres in parts for where in wheres]

    def batches(self, paths: Sequence[Path | str], size: int = FIT_BATCH) -> Iterator[tuple[np.ndarray, list[str]]]:
        """Yield (x, places) of at most `size` samples: images, tables (csv), arrays (npy), and folders of images."""
        from .reading import read_files

        yield from read_files(self, [Path(p) for p in paths], size)

    def read_images(self, paths: Sequence[Path | str]) -> np.ndarray:
        """Return the images of these files, preprocessed."""
        return self.read(paths)[0]


def run(steps: Sequence[Fitted], x: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """Apply fitted steps; a list of images of different sizes becomes one array at the first Resize."""
    for step in steps:
        if isinstance(x, np.ndarray):
            x = _step(step, x)
        else:
            x = [_step(step, image[None])[0] for image in x]
            if isinstance(step, schema.Resize):
                x = np.stack(x) if x else np.zeros((0, 0, *step.size), np.float32)
    if isinstance(x, np.ndarray):
        return np.ascontiguousarray(x, dtype=np.float32)
    if len({image.shape for image in x}) > 1:
        raise bad(
            "mixed_sizes", say("The images have different sizes."), "", "", say("Add Resize to the preprocessing.")
        )
    return np.ascontiguousarray(np.stack(list(x)), dtype=np.float32)


def _step(step: Fitted, x: np.ndarray) -> np.ndarray:
    if isinstance(step, Linear):
        return step.apply(x)
    if isinstance(step, schema.Resize):
        return (
            np.stack([resize(image, step) for image in x]) if len(x) else np.zeros((0, x.shape[1], *step.size), x.dtype)
        )
    if x.shape[1] == 1:
        return x
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32).reshape(3, 1, 1)
    return (x[:, :3] * weights).sum(axis=1, keepdims=True, dtype=np.float32)


def fit(
    samples: Samples,
    steps: Sequence[schema.Preprocessing],
    raw_shape: Shape | None,
    natural: tuple[float, float] | None,
) -> tuple[tuple[Fitted, ...], Shape]:
    """Fit the steps on the training part, and return them with a sample's final shape. Raises BadData.

    `natural` is the range of values of the format (0 to 255), as long as no step has changed them.
    """
    fitted: list[Fitted] = []
    shape = raw_shape
    for step in steps:
        if isinstance(step, schema.Resize | schema.Grayscale):
            if shape is not None:
                _image_step(step, shape)
            fitted.append(step)
            sized = shape_after(shape, [step])
            if shape is None and isinstance(step, schema.Resize) and len(samples):
                sized = run(fitted, samples.read(np.arange(1))).shape[1:]
            shape = sized
        elif isinstance(step, schema.Scale):
            fitted.append(_scale(step, samples, fitted, natural))
            natural = None
        else:
            fitted.append(_normalize(step, samples, fitted, shape))
            natural = None
    if shape is None:
        raise bad(
            "mixed_sizes",
            say("The images have different sizes."),
            samples.where(0) if len(samples) else "",
            say("A network takes one size."),
            say('Add {{"type": "Resize", "size": [height, width]}} to data.preprocessing.'),
        )
    return tuple(fitted), shape


def _image_step(step: schema.Resize | schema.Grayscale, shape: Shape) -> None:
    if len(shape) != 3:
        raise bad(
            "not_images",
            say("{kind} needs images, but a sample is {shape}.", kind=step.type, shape=shape),
            "",
            "",
            say("Remove {kind}.", kind=step.type),
        )
    if isinstance(step, schema.Grayscale) and shape[0] not in (1, 3):
        raise bad("not_colour", say("Grayscale needs 3 channels (or 1), but there are {count}.", count=shape[0]))


def _blocks(samples: Samples, before: Sequence[Fitted]) -> Iterator[np.ndarray]:
    for start in range(0, len(samples), FIT_BATCH):
        block = samples.read(np.arange(start, min(start + FIT_BATCH, len(samples))))
        if isinstance(block, list) and not any(isinstance(s, schema.Resize) for s in before):
            for image in block:  # statistics over all pixels do not need one size
                yield run(before, image[None])
        else:
            yield run(before, block)


def _scale(
    step: schema.Scale, samples: Samples, before: Sequence[Fitted], natural: tuple[float, float] | None
) -> Linear:
    if step.factor is not None:
        return Linear(type="Scale", subtract=[0.0], multiply=[step.factor], add=[0.0])
    low, high = step.range or (0.0, 1.0)
    if natural is not None:
        return Linear(
            type="Scale", subtract=[natural[0]], multiply=[(high - low) / (natural[1] - natural[0])], add=[low]
        )
    least: np.ndarray | None = None
    most: np.ndarray | None = None
    for block in _blocks(samples, before):
        flat = block if block.ndim == 2 else block.reshape(-1, 1)
        a, b = flat.min(axis=0), flat.max(axis=0)
        least, most = (a, b) if least is None or most is None else (np.minimum(least, a), np.maximum(most, b))
    if least is None or most is None:
        raise bad("no_samples", say("There is no training sample to fit Scale on."))
    span = (most - least).astype(np.float64)
    span[span == 0] = 1.0  # a constant column becomes `low`
    return Linear(
        type="Scale", subtract=least.astype(float).tolist(), multiply=((high - low) / span).tolist(), add=[low]
    )


def _normalize(step: schema.Normalize, samples: Samples, before: Sequence[Fitted], shape: Shape | None) -> Linear:
    """Measure mean and standard deviation in float64, block by block (Chan, Golub and LeVeque 1983)."""
    if step.mean is not None and step.std is not None:
        mean, std = np.array(step.mean), np.array(step.std)
    else:
        mean, std = _moments(_blocks(samples, before))
        mean = np.array(step.mean) if step.mean is not None else mean
        std = np.array(step.std) if step.std is not None else std
    width = shape[0] if shape else None
    for name, values in (("mean", mean), ("std", std)):
        if width is not None and len(values) not in (1, width):
            raise bad(
                "normalize_length",
                say(
                    "Normalize has {count} numbers in {name}, but the data have {width} channels.",
                    count=len(values),
                    name=name,
                    width=width,
                ),
            )
    return Linear(type="Normalize", subtract=mean.tolist(), multiply=(1 / std).tolist(), add=[0.0])


def _moments(blocks: Iterator[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    count = 0
    mean = squares = np.zeros(1)
    for block in blocks:
        flat = np.moveaxis(block, 1, -1).reshape(-1, block.shape[1]).astype(np.float64)
        m, here = len(flat), flat.mean(axis=0)
        off = here - mean
        squares = squares + ((flat - here) ** 2).sum(axis=0) + off**2 * (count * m / (count + m))
        mean = mean + off * (m / (count + m))
        count += m
    if count == 0:
        raise bad("no_samples", say("There is no training sample to fit Normalize on."))
    std = np.sqrt(squares / count)
    std[std < SMALLEST_STD] = 1.0  # a constant column becomes 0
    return mean, std
