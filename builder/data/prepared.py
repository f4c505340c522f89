"""From the data section to parts that can be trained on: read, check, number the labels, split, fit, look again."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from builder.heads import ignored
from schemas import data as schema
from schemas.document import plain
from schemas.errors import DocumentError
from schemas.say import say

from . import doctor, forms, maps, pipeline as pipelines
from .facts import DataFacts, Kind, Shape, section
from .finding import BadData, Faults, Finding, bad
from .labels import Encoding, encode
from .part import Part
from .pipeline import Pipeline
from .samples import ArraySamples, FileSamples, Raw
from .split import split

NAMES = ("train", "validation", "test")


@dataclass(frozen=True)
class Prepared:
    """Data ready to train on. A part is None where its fraction is 0."""

    train: Part
    validation: Part | None
    test: Part | None
    facts: DataFacts
    findings: tuple[Finding, ...]
    fingerprint: str
    """sha256 over contents, targets, class names and split, as hexadecimal digits."""
    pipeline: Pipeline
    class_names: tuple[str, ...]
    task: Kind
    data: schema.Data

    @property
    def parts(self) -> dict[str, Part]:
        every = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in every.items() if part is not None}

    def record(self) -> dict[str, Any]:
        """Return what a run keeps to recognise its data: hashes of the contents, sizes, names, and the pipeline."""
        return {
            "fingerprint": self.fingerprint,
            "task": self.task,
            "class_names": list(self.class_names),
            "split": {
                name: {"samples": len(part), "sha256": _hash(part.samples.digests()).hexdigest()}
                for name, part in self.parts.items()
            },
            "pipeline": self.pipeline.to_json(),
        }


def read(source: schema.Source, base: Path) -> Raw:
    """Read one source. Raises BadData where it cannot be read at all; single bad samples are in its faults."""
    if isinstance(source, schema.Builtin):
        from . import builtin

        return builtin.read(source, base)
    if isinstance(source, schema.Idx):
        from . import idx

        return idx.read(source, base)
    if isinstance(source, schema.Csv):
        from . import csv

        return csv.read(source, base)
    if isinstance(source, schema.Folder):
        from . import folder

        return folder.read(source, base)
    if isinstance(source, schema.Masks):
        from . import masks

        return masks.read(source, base)
    from . import npz

    return npz.read(source, base)


def inspect(document: Any, base: Path | str, *, advice: bool = True) -> tuple[Prepared | None, tuple[Finding, ...]]:
    """Prepare the data and return them with all findings; None where a finding is an error."""
    findings: list[Finding] = []
    try:
        prepared = _prepare(document, Path(base), findings, advice)
    except BadData as error:
        return None, (*findings, *(f for f in error.findings if f not in findings))
    return prepared, prepared.findings


def prepare(document: Any, base: Path | str, *, findings: bool = True) -> Prepared:
    """Return the document's data, split and preprocessed; paths are relative to `base`.

    `document` is a dict or Document with `data` and, where it says so, `task`. `findings=False` leaves out advice
    (doubles, imbalance, constant columns). Raises BadData (a DataError) with every cause, DocumentError where the
    section is invalid.
    """
    prepared, found = inspect(document, base, advice=findings)
    if prepared is None:
        raise BadData([f for f in found if f.severity == "error"])
    return prepared


def _sections(document: Any) -> tuple[schema.Data, Kind | None]:
    if isinstance(document, Mapping):
        content, task = document.get("data"), document.get("task")
    else:
        content, task = getattr(document, "data", None), getattr(document, "task", None)
    if content is None:
        raise DocumentError("The document has no data section.")
    if task is not None and task not in get_args(Kind):
        raise DocumentError(f"Unknown task {task!r}; {', '.join(get_args(Kind))} are known.")
    return section(content), task


def _prepare(document: Any, base: Path, findings: list[Finding], advice: bool) -> Prepared:
    data, task = _sections(document)
    skip = data.on_error == "skip"
    main = _usable(data.source, base, findings, skip)
    raws = {"main": main}
    for name, held in (("validation", data.validation), ("test", data.test)):
        if not isinstance(held, float | int):
            raws[name] = _usable(held, base, findings, skip)
    stop = [f for f in findings if f.severity == "error"]
    if stop:
        raise BadData(stop)
    kind = task or main.kind
    if data.target == "input":
        if task not in (None, "regression"):
            raise bad(
                "target_is_input",
                say("The target is the input itself, but the task is {task}.", task=task),
                "",
                say("An input's values are numbers, no classes."),
                say('Set the task to regression, or data.target to "labels".'),
            )
        raws = {name: replace(raw, labels=np.zeros((len(raw.samples), 0))) for name, raw in raws.items()}
        main, kind = raws["main"], "regression"
    ignore = ignored(document if isinstance(document, Mapping) else plain(document))
    labels = [raw.labels for raw in raws.values()]
    encoding = encode(labels, kind, data.classes, main.names, main.text, ignore)
    findings += encoding.findings
    raws, targets = _labelled(raws, encoding, findings, skip, data)
    main = raws["main"]
    forms.same_form(raws, data)
    where = _divide(main, targets["main"], encoding, data)
    chosen = {"train": (main.samples.take(where[0]), targets["main"][where[0]])}
    for name, part in (("validation", where[1]), ("test", where[2])):
        if name in raws:
            chosen[name] = (raws[name].samples, targets[name])
        elif len(part):
            chosen[name] = (main.samples.take(part), targets["main"][part])
    samples = chosen["train"][0]
    if not len(samples):
        raise bad("no_samples", say("No sample is left to train on."))
    steps, shape = pipelines.fit(samples, data.preprocessing, main.samples.shape, main.value_range)
    moving = [step for step in data.augmentation if not isinstance(step, schema.Mixup)]
    if moving and len(shape) != 3:
        raise bad(
            "not_images",
            say("{kind} changes images, but a sample is {shape}.", kind=moving[0].type, shape=shape),
            "",
            "",
            say("Remove the augmentation."),
        )
    pipeline = _pipeline(data, main, steps, shape, encoding)
    itself = data.target == "input"
    chosen = forms.sized(chosen, main.samples.shape, shape, data)
    parts = {
        name: Part(s, t, pipeline, data.augmentation if name == "train" else (), itself)
        for name, (s, t) in chosen.items()
    }
    if advice:
        findings += doctor.sizes(parts)
        findings += doctor.classes(parts, encoding.names, encoding.kind)
        findings += doctor.columns(parts["train"], main.columns)
        findings += doctor.targets(parts["train"], encoding.kind)
        findings += doctor.doubles(parts)
    return Prepared(
        parts["train"],
        parts.get("validation"),
        parts.get("test"),
        _facts(encoding, shape, sum(map(len, parts.values())), parts["train"]),
        tuple(findings),
        _fingerprint(parts, encoding),
        pipeline,
        encoding.names,
        encoding.kind,
        data,
    )


def _usable(source: schema.Source, base: Path, findings: list[Finding], skip: bool) -> Raw:
    """Read a source, without samples that hold NaN or infinity; what was wrong goes to the findings."""
    raw = read(source, base)
    findings += raw.findings
    kept = np.arange(len(raw.samples))
    if isinstance(raw.samples, ArraySamples):
        wrong = raw.samples.unusable()
        for k in np.flatnonzero(wrong):
            raw.faults.add("not_finite", say("The sample holds NaN or infinity."), raw.samples.where(int(k)))
        kept = np.flatnonzero(~wrong)
    findings += raw.faults.findings(skip)
    if not len(kept) and (skip or not raw.faults):
        raise BadData([*findings, *bad("no_samples", say("No sample can be used."), _place(source, base)).findings])
    if isinstance(raw.samples, FileSamples):
        forms.one_form(raw.samples)
    return _take(raw, kept)


def _place(source: schema.Source, base: Path) -> str:
    if isinstance(source, schema.Builtin):
        return source.name
    return str(base / (source.images if isinstance(source, schema.Idx | schema.Masks) else source.path))


def _take(raw: Raw, kept: np.ndarray) -> Raw:
    if len(kept) == len(raw.samples):
        return raw
    labels = raw.labels[kept] if isinstance(raw.labels, np.ndarray) else [raw.labels[k] for k in kept]
    return replace(raw, samples=raw.samples.take(kept), labels=labels)


def _labelled(
    raws: dict[str, Raw], encoding: Encoding, findings: list[Finding], skip: bool, data: schema.Data
) -> tuple[dict[str, Raw], dict[str, np.ndarray]]:
    """Leave out samples whose label is none, and return sources and targets."""
    faults = Faults()
    kept, targets = {}, {}
    for (name, raw), values, valid in zip(raws.items(), encoding.targets, encoding.valid, strict=True):
        for k in np.flatnonzero(~valid):
            label = raw.labels[k]
            faults.add(
                "wrong_label",
                _wrong(label, encoding),
                raw.samples.where(int(k)),
                say("data.classes lists {classes}.", classes=", ".join(data.classes[:8])) if data.classes else "",
            )
        rows = np.flatnonzero(valid)
        kept[name], targets[name] = _take(raw, rows), values[rows]
    found = faults.findings(skip)
    findings += found
    if found and not skip:
        raise BadData(found)
    return kept, targets


def _wrong(label: object, encoding: Encoding) -> str:
    """Say what is wrong with a sample's target."""
    if maps.is_map(np.asarray(label)[None]):
        if encoding.names:
            return say("The target image holds a class that there is not.")
        return say("The target image holds NaN or infinity.")
    if encoding.names:
        return say("The label {label!r} is no class.", label=str(label)[:60])
    return say("The target is {label}.", label=label)


def _divide(raw: Raw, targets: np.ndarray, encoding: Encoding, data: schema.Data) -> tuple[np.ndarray, ...]:
    fractions = [part if isinstance(part, float | int) else 0.0 for part in (data.validation, data.test)]
    groups = None
    if data.stratify and encoding.kind != "regression" and encoding.outputs == 1 and targets.ndim < 3:
        groups = targets.reshape(-1).astype(np.int64)
    return split(raw.samples.digests(), groups, fractions[0], fractions[1], data.seed)


def _pipeline(
    data: schema.Data, raw: Raw, steps: tuple[pipelines.Fitted, ...], shape: Shape, encoding: Encoding
) -> Pipeline:
    source = data.source
    table = source if isinstance(source, schema.Csv) else schema.Csv(path="x")
    return Pipeline(
        input=raw.samples.shape,
        shape=shape,
        steps=steps,
        channels=source.channels if isinstance(source, schema.Csv | schema.Folder | schema.Masks) else None,
        columns=raw.columns,
        delimiter=table.delimiter,
        encoding=table.encoding,
        outside=table.outside,
        class_names=encoding.names,
    )


def _facts(encoding: Encoding, shape: Shape, samples: int, train: Part) -> DataFacts:
    if train.itself:
        image = tuple(shape) if len(shape) == 3 else None
        return DataFacts(shape, None, None, math.prod(shape), samples, None, None, "regression", image)
    image = tuple(train.targets.shape[1:]) if train.targets.ndim > 2 else None
    outputs = math.prod(image) if image is not None else encoding.outputs
    if encoding.kind == "regression":
        return DataFacts(shape, None, None, outputs, samples, None, None, "regression", image)
    count = len(encoding.names)
    targets = outputs if encoding.outputs > 1 else None
    return DataFacts(shape, count, encoding.names, targets, samples, 0, count - 1, encoding.kind, image)


def _hash(parts: list[bytes]) -> hashlib._Hash:
    return hashlib.sha256(b"".join(parts))


def _fingerprint(parts: dict[str, Part], encoding: Encoding) -> str:
    total = hashlib.sha256("\0".join(("tsumiki-data-1", encoding.kind, *encoding.names)).encode())
    for name, part in parts.items():
        total.update(f"{name}:{len(part)}:{part.samples.shape}:{part.targets.shape}".encode())
        total.update(_hash(part.samples.digests()).digest())
        total.update(np.ascontiguousarray(part.targets).astype(part.targets.dtype.newbyteorder("<")).data)
    return total.hexdigest()
