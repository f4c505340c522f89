"""Chapters about one operation with the run's own numbers: a window times a filter, and im2col."""

from __future__ import annotations

import numpy as np

from builder.report.text import bytes_text
from schemas import ops
from schemas.say import say, sentences

from . import colours, page, pictures
from .chapters import Chapter
from .filters import Filtering, convolution
from .look import drawn
from .source import Source
from .steps import convolution_steps
from .unfold import MOST_BYTES, im2col, memory, window_of

LARGEST = 7
"""Rows and columns of a filter whose numbers are written out."""
ROWS = 120
"""Rows of the matrix that are drawn, around the one that is marked."""


def usual(op: Filtering) -> bool:
    """Say whether a convolution is of the plain kind: not transposed, one group, no dilation."""
    return isinstance(op, ops.Conv2d) and op.groups == 1 and op.dilation == (1, 1)


def window_chapter(source: Source) -> Chapter:
    """Return one output value of the first convolution, worked out by hand, and the matrix of im2col beside it."""
    made, (layer, op) = Chapter(), convolution(source.net)
    x = source.images[:1]
    (fh, fw), shape = op.filters[2:], x.shape
    costs = memory(shape, (fh, fw), op.stride, op.padding)
    if costs["matrix"] > MOST_BYTES:
        return made
    matrix = im2col(x, (fh, fw), op.stride, op.padding)
    chosen = int(matrix.std(axis=1).argmax())
    place = window_of(chosen, shape, (fh, fw), op.stride, op.padding)
    box = ((place.top, place.top + fh - 1), (place.left, place.left + fw - 1))
    size = (shape[2], shape[3])
    image = pictures.framed(drawn(x[0], 260), size, box)
    first = max(0, min(chosen - ROWS // 2, len(matrix) - ROWS))
    part = matrix[first : first + ROWS]
    turned = pictures.zoom(colours.grey(part, float(x.min()), float(x.max())), 420)
    around = ((chosen - first - 1, chosen - first + 1), (0, part.shape[1] - 1))  # beside the row, not over it
    turned = pictures.framed(turned, part.shape, around, line=2)
    rows, columns = costs["shape"][0], costs["shape"][1]
    caption: str = say(
        "im2col: {rows:,} × {columns:,}, a row per window, the same window marked", rows=rows, columns=columns
    )
    if len(part) < len(matrix):
        caption = sentences(caption, say("(rows {first:,} to {last:,})", first=first, last=first + len(part) - 1))
    batch = memory((64, *shape[1:]), (fh, fw), op.stride, op.padding)
    text = say(
        "For a batch of 64, im2col would take {size}, {factor:.1f} times the input. The engine reads the windows where "
        "they are and adds {direct}: the zeros of the padding.",
        size=bytes_text(batch["matrix"]),
        factor=batch["factor"],
        direct=bytes_text(batch["direct"]),
    )
    html = page.row(
        made.figure(
            "window", image, say("sample {number} and one window of {layer}", number=source.numbers[0], layer=layer)
        ),
        made.figure("im2col", turned, caption),
    )
    numbers = [source.net.params[source.net.graph.key(p)] for p in op.parameters]
    if max(fh, fw) <= LARGEST and len(x[0]) <= 3 and all(np.isfinite(n).all() for n in (*numbers, matrix[chosen])):
        html += page.heading(say("This window times one filter")) + _product(source, op, matrix[chosen])
    made.facts = {"layer": layer, "window": vars(place), "im2col": costs, "im2col_of_64": batch}
    made.html = page.section(say("One window of the first convolution"), text, html)
    return made


def _product(source: Source, op: Filtering, row: np.ndarray) -> str:
    """Return window × filter + bias = value, in numbers."""
    weights = source.net.params[source.net.graph.key(op.weight)].reshape(op.filters)
    bias = source.net.params[source.net.graph.key(op.bias)] if op.bias is not None else np.zeros(len(weights))
    window = row.reshape(weights.shape[1:])
    best = int(np.abs((weights * window).sum(axis=(1, 2, 3))).argmax())
    found = convolution_steps(window, weights[best], bias=float(bias[best]))
    step, lines = found["steps"][0], ""
    for c in range(len(window)):
        of = say(" of channel {number}", number=c) if len(window) > 1 else ""
        lines += page.line(
            page.matrix(window[c], say("window{channel}", channel=of)),
            page.sign("×"),
            page.matrix(weights[best][c], say("filter {number}{channel}", number=best, channel=of)),
            page.sign("="),
            page.matrix(step["products"][c], say("products, together {sum}", sum=page.number(float(step["sums"][c])))),
        )
    total = say(
        "{sum} + bias {bias} = {value}",
        sum=page.number(float(step["sums"].sum())),
        bias=page.number(float(bias[best])),
        value=page.number(step["value"]),
    )
    return lines + f"<p>{page.escape(total)}</p>"
