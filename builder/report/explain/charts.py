"""Histograms as SVG text that takes the page's colours."""

from __future__ import annotations

from typing import Any

from schemas.say import commas, say

WIDTH, HEIGHT = 168, 44


def histogram_svg(found: dict[str, Any] | None) -> str:
    """Return a histogram as SVG with its range below and its numbers as a tooltip; a dash where there is none."""
    if found is None:
        return '<span class="none">–</span>'
    if found["mean"] is None:
        return f'<span class="bad">{found["not_finite"]:,} not finite</span>'
    counts, edges = found["counts"], found["edges"]
    top, n = max(int(counts.max()), 1), len(counts)
    bar = WIDTH / n
    bars = "".join(
        f'<rect x="{k * bar:.2f}" y="{HEIGHT - h:.2f}" width="{bar * 0.86:.2f}" height="{h:.2f}"/>'
        for k, h in enumerate(max(HEIGHT * int(c) / top, 1.0 if c else 0.0) for c in counts)
        if h
    )
    zero = ""
    if edges[0] < 0 < edges[-1]:
        x = WIDTH * -edges[0] / (edges[-1] - edges[0])
        zero = f'<line x1="{x:.2f}" x2="{x:.2f}" y1="0" y2="{HEIGHT}"/>'
    title = say(
        "mean {mean:.3g}, standard deviation {std:.3g}, {zeros:.1%} zeros",
        mean=found["mean"],
        std=found["std"],
        zeros=found["zeros"],
    )
    if found["not_finite"]:
        title = commas([title, say("{count:,} not finite", count=found["not_finite"])])
    return (
        f'<svg class="hist" viewBox="0 0 {WIDTH} {HEIGHT + 14}" width="{WIDTH}" height="{HEIGHT + 14}" role="img" '
        f'aria-label="{title}"><title>{title}</title>{zero}{bars}'
        f'<text x="0" y="{HEIGHT + 12}">{found["min"]:.3g}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + 12}" text-anchor="end">{found["max"]:.3g}</text></svg>'
    )
