"""What samples must have in common: files of one form, sources like the main one, targets of their images' size."""

from __future__ import annotations

import numpy as np

from schemas import data as schema
from schemas.say import say

from . import maps
from .facts import Shape
from .finding import bad
from .samples import FileSamples, Raw, Samples


def one_form(samples: FileSamples) -> None:
    """Raise BadData where some files are grey and others colour, 8 and 16 bits, or images and vectors."""
    for entry in samples.entries:
        first = samples.entries[0]
        if entry.depth != first.depth:
            raise bad(
                "mixed_depths",
                say(
                    "{where} has {depth} bits per value, {other} has {depth2}.",
                    where=first.where,
                    depth=first.depth,
                    other=entry.where,
                    depth2=entry.depth,
                ),
                entry.where,
                say("The same brightness would be different numbers."),
                say("Save all images with the same depth."),
            )
        if len(entry.shape) != len(first.shape) or len(entry.shape) not in (1, 3):
            what = say(
                "{where} has shape {shape}, {other} has {shape2}.",
                where=first.where,
                shape=first.shape,
                other=entry.where,
                shape2=entry.shape,
            )
            raise bad("mixed_kinds", what, entry.where, say("A sample is an image (C, H, W) or a row of numbers."))
        if len(entry.shape) == 1 and entry.shape != first.shape:
            what = say(
                "{where} has {count} numbers, {other} has {count2}.",
                where=first.where,
                count=first.shape[0],
                other=entry.where,
                count2=entry.shape[0],
            )
            raise bad("mixed_lengths", what, entry.where)
        if entry.shape[0] != first.shape[0]:
            raise bad(
                "mixed_modes",
                say(
                    "{where} has {count} channels, {other} has {count2}.",
                    where=first.where,
                    count=first.shape[0],
                    other=entry.where,
                    count2=entry.shape[0],
                ),
                entry.where,
                say("Grey images have one channel, colour images three."),
                say('Set "channels": 1 (grey) or 3 (colour) in the source.'),
            )


def same_form(raws: dict[str, Raw], data: schema.Data) -> None:
    """Raise BadData where a held source does not look like the main one."""
    main = raws["main"]
    resized = any(isinstance(step, schema.Resize) for step in data.preprocessing)
    for name, raw in raws.items():
        one, two = main.samples.shape, raw.samples.shape
        if one is None or two is None:
            fits = resized
        else:
            fits = one == two or (resized and len(one) == len(two) == 3 and one[0] == two[0])
        if not fits and name != "main":
            raise bad(
                "parts_differ",
                say("Samples for training have shape {one}, those of {name} have {two}.", one=one, name=name, two=two),
            )
        if main.columns and raw.columns and main.columns != raw.columns:
            raise bad(
                "parts_differ",
                say(
                    "The columns of {name} are {columns}..., not those of the training table.",
                    name=name,
                    columns=", ".join(raw.columns[:5]),
                ),
                "",
                "",
                say("List the columns in the same order in both sources."),
            )


def sized(
    chosen: dict[str, tuple[Samples, np.ndarray]], raw: Shape | None, shape: Shape, data: schema.Data
) -> dict[str, tuple[Samples, np.ndarray]]:
    """Bring targets that are images to the input's new size. Raises BadData where they cannot be augmented with it."""
    made = {name: (s, maps.resized(t, raw, data.preprocessing) if t.ndim > 2 else t) for name, (s, t) in chosen.items()}
    t = made["train"][1]
    moving = [step for step in data.augmentation if not isinstance(step, schema.Mixup)]
    if t.ndim > 2 and moving and t.shape[-2:] != tuple(shape[1:]):
        size = " × ".join(map(str, t.shape[-2:]))
        raise bad(
            "target_size",
            say(
                "{kind} moves image and target alike, but the targets are {size} pixels.",
                kind=moving[0].type,
                size=size,
            ),
            "",
            say("They can be moved together only where they have the same size."),
            say("Remove the augmentation, or give targets of the images' size."),
        )
    return made
