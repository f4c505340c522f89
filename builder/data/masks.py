"""Two folders: images, and masks of the same names whose pixels say the class of each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from schemas.data import Masks
from schemas.say import say

from .facts import Peek
from .files import IMAGES, SAMPLES, read_bytes
from .finding import BadData, Faults, Finding, bad
from .folder import entries
from .images import decode_classes, probe_any
from .samples import Raw, scan

MOST_BYTES = 1 << 31
"""Of all masks together; they are kept in memory."""


def listing(source: Masks, base: Path) -> tuple[list[Path], list[Path], list[Finding]]:
    """Return images and masks in pairs, by name, and what has no partner. Raises BadData where there is no pair."""
    images, masks = _files(base / source.images, SAMPLES), _files(base / source.masks, IMAGES)
    names = sorted(images.keys() & masks.keys())
    findings = []
    for folder, one, other in (("images", images, masks), ("masks", masks, images)):
        alone = sorted(one.keys() - other.keys())
        if alone:
            partner = "mask" if folder == "images" else "image"
            findings.append(
                Finding(
                    "warning",
                    "no_partner",
                    say(
                        "{count} {folder} have no {partner} of the same name and are passed over.",
                        count=len(alone),
                        folder=folder,
                        partner=partner,
                    ),
                    str(one[alone[0]]),
                )
            )
    if not names:
        what = say(
            "No image of {images} has a mask of the same name in {masks}.", images=source.images, masks=source.masks
        )
        raise bad(
            "no_samples", what, base / source.images, "", say("Name a mask like its image, e.g. 01.jpg and 01.png.")
        )
    return [images[n] for n in names], [masks[n] for n in names], findings


def _files(folder: Path, endings: Sequence[str] | frozenset[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for entry in entries(folder):
        path = folder / entry.name
        if path.suffix.lower() in endings and not entry.is_dir() and not entry.is_symlink():
            if path.stem in found:
                raise bad(
                    "name_twice",
                    say("{found} and {path} have the same name.", found=found[path.stem].name, path=path.name),
                    folder,
                )
            found[path.stem] = path
    return found


def peek(source: Masks, base: Path) -> Peek:
    images, masks, _ = listing(source, base)
    shape = probe_any(images, source.channels)
    first = decode_classes(read_bytes(masks[0]), masks[0])
    labels = None
    if first.size * len(masks) <= 1 << 22:
        try:
            labels = _read(masks, first.shape)
        except BadData:
            labels = None  # reading the data names what is wrong
    return Peek(shape, len(images), labels, target=first.shape)


def _read(masks: Sequence[Path], shape: tuple[int, ...]) -> np.ndarray:
    if len(masks) * int(np.prod(shape)) > MOST_BYTES:
        raise bad(
            "too_large",
            say(
                "{count:,} masks of {height} × {width} pixels are more than 2 GB.",
                count=len(masks),
                height=shape[0],
                width=shape[1],
            ),
            masks[0],
        )
    out = np.empty((len(masks), *shape), np.uint8)
    for row, path in zip(out, masks, strict=True):
        values = decode_classes(read_bytes(path), path)
        if values.shape != shape:
            raise bad(
                "mixed_sizes",
                say(
                    "The mask is {height} × {width} pixels, the first one {height2} × {width2}.",
                    height=values.shape[0],
                    width=values.shape[1],
                    height2=shape[0],
                    width2=shape[1],
                ),
                path,
                "",
                say("Bring images and masks to one size first."),
            )
        row[...] = values
    return out


def read(source: Masks, base: Path) -> Raw:
    images, masks, findings = listing(source, base)
    faults = Faults()
    samples, kept, remarks = scan(images, [str(p) for p in images], source.channels, faults)
    chosen = [masks[k] for k in kept]
    if not chosen:
        return Raw(samples, np.zeros((0, 1, 1), np.uint8), faults=faults, findings=findings)
    labels = _read(chosen, decode_classes(read_bytes(chosen[0]), chosen[0]).shape)
    if samples.shape is None or samples.shape[1:] != labels.shape[1:]:
        sizes = (
            say("different sizes")
            if samples.shape is None
            else say("{size} pixels", size=f"{samples.shape[1]} × {samples.shape[2]}")
        )
        raise bad(
            "mask_size",
            say(
                "The images have {sizes}, their masks {height} × {width}.",
                sizes=sizes,
                height=labels.shape[1],
                width=labels.shape[2],
            ),
            chosen[0],
            say("A mask says the class of each pixel of its image."),
            say("Bring images and masks to one size first."),
        )
    return Raw(samples, labels, value_range=samples.value_range, faults=faults, findings=[*findings, *remarks])
