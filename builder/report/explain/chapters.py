"""The chapters of a run's page. Each returns its HTML, its pictures by file name, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from builder.training.runfolder import folder_name
from schemas import ops
from schemas.errors import UsageError
from schemas.say import about, commas, say, sentences
from schemas.shapes import shape_text

from . import colours, page, pictures
from .charts import histogram_svg
from .excite import most_exciting
from .filters import PATTERNS, apply_filter, convolution, describe, filters
from .gradcam import GradCam, grad_cam
from .look import bands, caption_of, drawn, predicted
from .maps import feature_maps, last_maps, strongest
from .occlusion import occlusion
from .page import escape
from .probe import images, samples_for, shape_of
from .receptive import receptive_fields
from .source import Source
from .statistics import layer_statistics

PART = {"train": say("training"), "validation": say("validation"), "test": say("test")}
"""How the parts of the data are called."""

TILE = 96
"""Pixels of a tile's longer side."""
MANY = 48
"""Tiles of a sheet."""


@dataclass
class Chapter:
    """Part of the page: HTML, pictures {file name: PNG}, and numbers for `--json`."""

    html: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def figure(self, name: str, picture: np.ndarray, caption: str) -> str:
        """Keep a picture under a file name and return it as a figure."""
        content = self.files[f"{name}.png"] = pictures.png(picture)
        return page.figure(content, caption)


def filter_chapter(source: Source, layer: str | None = None) -> Chapter:
    """Return the filters of a convolution before and after training, and what the learned ones do to an image."""
    made, found = Chapter(), filters(source.net, layer)
    limit = float(max(np.abs(found.before).max(), np.abs(found.after).max()))
    shown = range(min(len(found.after), MANY))
    op = convolution(source.net, found.layer)[1]
    turned = isinstance(op, ops.Deconv2d)
    first = convolution(source.net)[0] == found.layer and not turned
    along = found.after.shape[2] == 1
    colour = first and found.after.shape[1] == 3 and not along

    def tiles(weights: np.ndarray) -> np.ndarray:
        if colour:  # filters on RGB are pictures themselves: grey is zero
            whole = [((weights[k] / limit + 1) / 2).transpose(1, 2, 0) for k in shown]
            painted = [(w * 255).round().clip(0, 255).astype(np.uint8) for w in whole]
        elif along:  # a line for each channel
            painted = [colours.signed(weights[k][:, 0], limit) for k in shown]
        else:  # of many channels, the one that weighs most
            painted = [colours.signed(weights[k][_heaviest(found.after[k])], limit) for k in shown]
        return pictures.sheet([pictures.zoom(tile, 56) for tile in painted])

    names = [describe(w) for w in found.after]
    made.facts = {
        "layer": found.layer,
        "shape": list(found.after.shape),
        "patterns": [{"pattern": name, "share": share} for name, share in names],
        "change": found.change,
    }
    k, c, h, w = found.after.shape
    parts: list[str] = [say("{count} filters of {c} × {h} × {w}.", count=k, c=c, h=h, w=w)]
    if turned:
        parts = [
            say(
                "What each of {count} channels paints into {c} others: {h} × {w} pixels for one of its own.",
                count=k,
                c=c,
                h=h,
                w=w,
            )
        ]
    if colour:
        parts.append(say("Grey is zero."))
    else:
        parts.append(say("Blue is negative, white zero, red positive, up to ±{limit:.3g}.", limit=limit))
    if along:
        parts.append(say("Each line is a channel."))
    elif not first:
        parts.append(say("Of each filter the channel that weighs most is drawn."))
    clear = sorted({name for name, _ in names if name not in ("mixed", "empty", "not finite")})
    if clear:
        known = [say("{count} × {name}", count=sum(n == name for n, _ in names), name=PATTERNS[name]) for name in clear]
        parts.append(say("Among them: {patterns}.", patterns=commas(known)))
    html = page.row(
        made.figure("filters_before", tiles(found.before), say("before training, drawn again from the seed")),
        made.figure("filters_after", tiles(found.after), say("after training")),
    )
    if first and op.groups == 1 and len(source.x):
        html += page.heading(say("Each filter applied to sample {number}", number=source.numbers[0])) + _applied(
            made, source, found.after
        )
    made.html = page.section(say("Filters of {layer}", layer=found.layer), sentences(*parts), html)
    return made


def _heaviest(weight: np.ndarray) -> int:
    return int((weight**2).sum(axis=(1, 2)).argmax())


def _applied(made: Chapter, source: Source, weights: np.ndarray) -> str:
    op, image = convolution(source.net)[1], source.images[0]
    if op.dilation != (1, 1):
        return ""
    answers = [apply_filter(image, w, op.stride, op.padding) for w in weights[:MANY]]
    limit = max(float(np.abs(a).max()) for a in answers)
    tiles = [pictures.zoom(colours.signed(a, limit), TILE) for a in answers]
    if image.shape[1] == 1:
        tiles = [tile.repeat(10, axis=0) for tile in tiles]
    own = drawn(image, TILE)
    return page.row(
        made.figure("filtered_input", own, say("the image")),
        made.figure(
            "filtered", pictures.sheet(tiles), say("what each filter answers: red where it fits, blue against it")
        ),
    )


def sample_chapter(source: Source, k: int, answer: dict[str, Any], layer: str | None) -> Chapter:
    """Return one sample: the answer, Grad-CAM (at `layer`, where it has maps) and occlusion."""
    made, x, number = Chapter(), source.x[k], source.numbers[k]
    image = source.images[k]
    caption = say("the network's input, {shape}", shape=shape_text(x.shape))
    parts = [made.figure(f"sample_{number}", drawn(image, 176), caption)]
    if "prediction" not in answer:
        said = predicted(source.net.task, source.net.predict(x[None])[0])
        parts.append(made.figure(f"sample_{number}_answer", pictures.zoom(said, 176), say("the answer")))
    made.facts = {"sample": number, "where": source.part.where(number), "target": source.truth(k), "answer": answer}
    cam = _cam(source, x, layer)
    if cam is not None:
        explained = int(cam.outputs[0])
        what = source.label(explained)
        caption = say("Grad-CAM at {layer}: where “{what}” is seen", layer=cam.layer, what=what)
        parts.append(made.figure(f"sample_{number}_gradcam", drawn(image, 176, cam.heat[0]), caption))
        made.facts["gradcam"] = {"layer": cam.layer, "output": explained, "map": cam.maps[0]}
    covered = occlusion(source.net, x, stride=_step(source))
    caption = say(
        "occlusion by {h} × {w}: what “{what}” needs, at most −{drop:.3g}",
        h=covered.patch[0],
        w=covered.patch[1],
        what=source.label(covered.output),
        drop=max(float(covered.drop.max()), 0.0),
    )
    parts.append(made.figure(f"sample_{number}_occlusion", drawn(image, 176, np.maximum(covered.heat, 0)), caption))
    made.facts["occlusion"] = {"output": covered.output, "patch": covered.patch, "drop": covered.drop}
    likely = answer.get("probabilities")
    if isinstance(likely, dict):
        best = sorted(likely.items(), key=lambda item: -item[1])[:5]
        parts.append(f"<figure>{page.bars(best)}<figcaption>{escape(say('the answer'))}</figcaption></figure>")
    truth = source.truth(k)
    text = say("{answer}, the target {truth}.", answer=caption_of(answer), truth=truth)
    if not truth:
        text = say("{answer}.", answer=caption_of(answer))
    made.html = page.heading(say("Sample {number}, {where}", number=number, where=source.part.where(number)))
    made.html += f"<p>{escape(text)}</p>" + page.row(*parts)
    return made


def _cam(source: Source, x: np.ndarray, layer: str | None) -> GradCam | None:
    """Return Grad-CAM at the layer, else at the last maps; None where the network has none."""
    for name in dict.fromkeys((layer, None)):
        try:
            return grad_cam(source.net, x[None], layer=name)
        except UsageError:
            continue
    return None


def _step(source: Source) -> int:
    """Return occlusion's step: about 24 positions a side, and fewer where a prediction is much work."""
    across = min(24.0, samples_for(source.net, 600, work=1e11) ** 0.5)
    _, height, width = images(source.net, "Occlusion")
    return max(1, round((min(height, width) if height > 1 else width) / max(across, 6)))


def map_chapter(source: Source, layer: str) -> Chapter:
    """Return a layer's feature maps for every chosen sample."""
    made, maps = Chapter(), feature_maps(source.net, source.x, layer)
    rows = []
    place = list(source.net.graph.layers).index(layer)
    for k, number in enumerate(source.numbers):
        name = f"sample_{number}_{place:03}_{folder_name(layer)}"
        rows.append(made.figure(name, _maps_picture(maps[k]), say("sample {number}", number=number)))
    shape = shape_of(source.net, layer)
    text: str = shape_text(shape)
    if len(shape) > 1 and shape[0] > MANY:
        text = say("{shape}; the {count} channels that vary most within each sample", shape=text, count=MANY)
    made.facts = {"layer": layer, "shape": list(shape)}
    made.html = page.heading(about(layer, text)) + page.row(*rows)
    return made


def _maps_picture(values: np.ndarray) -> np.ndarray:
    """Return maps (C, H, W) as a sheet, each channel from its own least to its own largest value; (F,) as squares."""
    if values.ndim == 3 and values.shape[1] * values.shape[2] > 1:
        side = 56 if len(values) > 8 else TILE
        tiles = [pictures.zoom(colours.amount(values[c]), side) for c in strongest(values, MANY)]
        return pictures.sheet(tiles, columns=8)
    if values.ndim == 2 and values.shape[1] > 1:  # along a row: a band for each channel
        return bands(values, MANY, TILE)
    flat = values.reshape(-1)[:1024]
    tiles = [np.repeat(np.repeat(t[None, None], 14, 0), 14, 1) for t in colours.amount(flat)]
    return pictures.sheet(tiles, columns=min(32, max(1, len(tiles))), gap=2)


def exciting_chapter(source: Source, layer: str | None, limit: int) -> Chapter:
    """Return the samples that excite the first units of a layer most, with what each value sees of the image."""
    name = layer or last_maps(source.net)
    shape = shape_of(source.net, name)
    units = list(range(min(shape[0], 12)))
    found = most_exciting(source.net, source.part, name, units, count=5, limit=limit)
    made, lines = Chapter(), []
    form = images(source.net, "An exciting sample")
    for row in found:
        x, _ = source.part.read(np.array([e.sample for e in row]))
        tiles = []
        for e, image in zip(row, x, strict=True):
            tile = drawn(image.reshape(form), 72)
            tiles.append(pictures.framed(tile, form[1:], e.box) if e.box else tile)
        lines.append(pictures.sheet(tiles, columns=len(tiles)))
    made.facts = {"layer": name, "units": [[vars(e) for e in row] for row in found]}
    gone = [e[0].unit for e in found if e[0].value <= 0]
    text: str = say(
        "Each strip is one unit of {name} with the five samples that excite it most, out of {count:,} of the {part} "
        "part; the frame is what the strongest value sees.",
        name=name,
        count=min(limit, len(source.part)),
        part=PART[source.name],
    )
    if gone:
        text = sentences(text, say("Nothing excites unit {units}.", units=", ".join(map(str, gone))))
    strips = [
        made.figure(
            f"exciting_unit_{units[k]}",
            line,
            say("unit {unit}, at most {value:.3g}", unit=units[k], value=found[k][0].value),
        )
        for k, line in enumerate(lines)
    ]
    made.html = page.section(say("What excites a unit"), text, page.row(*strips))
    return made


def health_chapter(source: Source, x: np.ndarray, t: np.ndarray) -> Chapter:
    """Return the table of layers: receptive field, histograms, dead units. x, t are training samples."""
    made, rows = Chapter(), layer_statistics(source.net, x, t)
    fields = {f["layer"]: f["field"] for f in receptive_fields(source.net)} if source.pictured else {}
    lines = []
    for row in rows:
        seen, dead = fields.get(row["layer"]), row["dead"]
        if dead is None:
            share = '<span class="none">–</span>'
        else:
            mark = ' class="bad"' if dead["share"] > 0.1 else ""
            share = f"<span{mark}>{dead['share']:.1%}</span>"
        lines.append(
            [escape(row["layer"]), escape(shape_text(row["shape"]))]
            + ([f"{seen[0]} × {seen[1]}" if seen else escape(say("all"))] if fields else [])
            + [histogram_svg(row[key]) for key in ("weight", "activation", "gradient")]
            + [share]
        )
    head = [
        *(say("layer"), say("output"), *([say("sees")] if fields else [])),
        *(say("weights"), say("activations"), say("gradient of weights"), say("dead units")),
    ]
    text: str = say(
        "Measured on {count} training samples. A dead unit of a ReLU gave nothing for any of them.", count=len(x)
    )
    if fields:
        more = say("“sees” is the receptive field: the pixels of the input that one value can depend on.")
        text = sentences(text, more)
    made.facts = {"layers": [row | {"field": fields.get(row["layer"])} for row in rows]}
    made.html = page.section(say("Layers in numbers"), text, page.table(head, lines, [len(head) - 1]))
    return made
