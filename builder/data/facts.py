"""What the checker needs to know about data, without reading more than headers and labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from schemas import data as schema

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["classification", "binary", "regression"]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class DataFacts:
    """What is known of the data; None is unknown. `shape` is a sample's after preprocessing.

    `kind` is the task that the data suggest; two classes suggest 'binary', which 'classification' also fits.
    `label_min` and `label_max` are class indices as the network sees them, after labels have been mapped.
    """

    shape: Shape | None = None
    classes: int | None = None
    class_names: tuple[str, ...] | None = None
    targets: int | None = None
    samples: int | None = None
    label_min: int | None = None
    label_max: int | None = None
    kind: Kind | None = None
    target_shape: Shape | None = None
    """Of one target where it is an image: (H, W) for classes, (C, H, W) for yes or no and for values."""


@dataclass(frozen=True)
class Peek:
    """What a look at one source tells: `labels` is None where reading them all would take long."""

    shape: Shape | None
    samples: int | None
    labels: list[str] | np.ndarray | None
    names: tuple[str, ...] | None = None
    """Class names, where labels are indices into them."""
    text: bool = False
    """Whether labels are names even where they look like numbers (folders)."""
    target: Shape | None = None
    """Shape of one target where it is an image, also where `labels` is None."""


def shape_after(shape: Shape | None, steps: Sequence[schema.Preprocessing]) -> Shape | None:
    """Return a sample's shape after preprocessing.

    >>> shape_after((3, 40, 50), [schema.Resize(size=(32, 32)), schema.Grayscale()])
    (1, 32, 32)
    """
    for step in steps:
        if shape is not None and len(shape) == 3:
            if isinstance(step, schema.Resize):
                shape = (shape[0], *step.size)
            elif isinstance(step, schema.Grayscale):
                shape = (1, *shape[1:])
    return shape


def peek(source: schema.Source, base: Path) -> Peek:
    """Look at one source. Raises DataError where it is missing or broken at first sight."""
    if isinstance(source, schema.Builtin):
        from . import builtin

        return builtin.peek(source)
    if isinstance(source, schema.Idx):
        from . import idx

        return idx.peek(source, base)
    if isinstance(source, schema.Csv):
        from . import csv

        return csv.peek(source, base)
    if isinstance(source, schema.Folder):
        from . import folder

        return folder.peek(source, base)
    if isinstance(source, schema.Masks):
        from . import masks

        return masks.peek(source, base)
    from . import npz

    return npz.peek(source, base)


def section(data: schema.Data | dict[str, Any]) -> schema.Data:
    """Return the validated data section, or raise DocumentError."""
    if isinstance(data, schema.Data):
        return data
    from pydantic import ValidationError

    from schemas.errors import DocumentError, Problem

    try:
        return schema.Data.model_validate(data)
    except ValidationError as error:
        problems = [
            Problem("data_" + e["type"], e["msg"], "", "/".join(["/data", *map(str, e["loc"])])) for e in error.errors()
        ]
        raise DocumentError("The data section is invalid: " + "; ".join(p.what for p in problems), problems) from None


def _map_shape(axes: Shape, kind: str, raw: Shape | None, data: schema.Data) -> Shape:
    from .maps import form, size_after

    return form(kind, size_after(axes, raw, data.preprocessing))


def _of_itself(data: schema.Data, base: Path) -> DataFacts:
    """Return what is known of data whose target is the input."""
    look = peek(data.source, base)
    shape = shape_after(look.shape, data.preprocessing)
    image = shape if shape is not None and len(shape) == 3 else None
    count = None if shape is None else math.prod(shape)
    return DataFacts(shape, targets=count, samples=look.samples, kind="regression", target_shape=image)


def facts(
    data: schema.Data | dict[str, Any], base: Path | str, task: Kind | None = None, ignore: int | None = None
) -> DataFacts:
    """Return what the data section's sources tell at first sight; paths are relative to `base`.

    `ignore` is a label that is no class (see heads.ignored).

    Raises DataError where a file is missing or its header broken, DocumentError where the section is invalid.
    """
    data = section(data)
    base = Path(base)
    if data.target == "input":
        return _of_itself(data, base)
    if isinstance(data.source, schema.Builtin) and data.classes is None:
        from . import builtin

        known = builtin.FACTS[data.source.name]
        found = replace(known, shape=shape_after(known.shape, data.preprocessing))
        if known.target_shape is not None:
            target = _map_shape(known.target_shape, known.kind or "classification", known.shape, data)
            found = replace(found, target_shape=target)
        return found
    looks = [peek(data.source, base)]
    looks += [peek(held, base) for held in (data.validation, data.test) if not isinstance(held, float | int)]
    found = DataFacts(shape_after(looks[0].shape, data.preprocessing), samples=looks[0].samples)
    axes = looks[0].target
    if any(look.labels is None for look in looks):
        if axes is not None and (task or data.classes):
            found = replace(found, target_shape=_map_shape(axes, task or "classification", looks[0].shape, data))
        if data.classes is not None:
            return replace(found, classes=len(data.classes), class_names=tuple(data.classes))
        return found
    from .labels import encode

    encoding = encode([look.labels for look in looks], task, data.classes, looks[0].names, looks[0].text, ignore)  # type: ignore[misc]  # None excluded above
    if axes is not None:
        found = replace(found, target_shape=_map_shape(axes, encoding.kind, looks[0].shape, data))
    if encoding.kind == "regression":
        shape = found.target_shape
        outputs = encoding.outputs if shape is None else math.prod(shape)
        return replace(found, kind="regression", targets=outputs)
    count = len(encoding.names)
    return replace(
        found,
        classes=count,
        class_names=encoding.names,
        targets=encoding.outputs if encoding.outputs > 1 else None,
        label_min=0,
        label_max=count - 1,
        kind=encoding.kind,
    )
