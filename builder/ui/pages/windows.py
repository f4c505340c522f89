"""Lessons about windows that slide: convolution and pooling step by step, and im2col beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from builder.ui.pages import whole
from builder.ui.pages.common import to_page
from builder.ui.pages.grids import equation, grid, show
from builder.ui.pages.whole import own_sample
from builder.ui.state import Open, store
from builder.ui.texts import text
from schemas.document import dump

EVERY = 0.8
"""Seconds between two steps while the lesson plays."""

KERNELS: dict[str, list[list[float]]] = {
    "vertical": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
    "horizontal": [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
    "blur": [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
}
IMAGES = ("seven", "edge", "ramp", "noise")


def image_of(name: str, side: int) -> np.ndarray:
    """Return a small image (side, side) of whole numbers."""
    rows, columns = np.mgrid[0:side, 0:side]
    if name == "edge":
        return np.where(columns < side // 2, 0, 9)
    if name == "ramp":
        return (rows + columns).astype(np.int64)
    if name == "noise":
        return np.random.default_rng(side).integers(0, 10, (side, side))
    stroke = (rows == 1) | ((rows > 1) & (columns == side - rows))
    return np.where(stroke & (rows < side - 1) & (columns > 0) & (columns < side - 1), 9, 0)


def own_image(key: str, least: int = 4, most: int = 9) -> np.ndarray:
    """Let an image be chosen and its numbers be changed; return (H, W)."""
    from builder.report.explain.examples import small

    own = own_sample(store())
    left, right = st.columns([3, 2])
    with left:
        names = [*IMAGES, *(["data"] if own is not None else [])]
        name = st.selectbox(
            text("learn.image"), names, format_func=lambda n: text(f"learn.image.{n}"), key=f"{key}:image"
        )
    with right:
        side = st.slider(text("learn.side"), least, most, 6, key=f"{key}:side")
    with st.expander(text("learn.own")):
        start = small(own, side) if name == "data" and own is not None else image_of(name, side)
        table: Any = st.data_editor(start, key=f"{key}:pixels:{name}:{side}", hide_index=True, width="stretch")
    return np.asarray(table, dtype=np.float64)


def own_kernel(key: str) -> np.ndarray:
    """Let a filter be chosen and its numbers be changed; return (FH, FW)."""
    left, right = st.columns([3, 2])
    with left:
        name = st.selectbox(
            text("learn.kernel"), list(KERNELS), format_func=lambda n: text(f"learn.kernel.{n}"), key=f"{key}:kernel"
        )
    with right:
        side = st.selectbox(text("learn.kernel.side"), (1, 2, 3, 5), index=2, key=f"{key}:kernel:side")
    start = np.zeros((side, side))
    if side == 3:
        start = np.array(KERNELS[name], dtype=np.float64)
    elif name == "blur":
        start[:] = 1
    else:
        start[side // 2, side // 2] = 1
    with st.expander(text("learn.own.kernel")):
        table: Any = st.data_editor(start, key=f"{key}:weights:{name}:{side}", hide_index=True, width="stretch")
    return np.asarray(table, dtype=np.float64)


def open_button(key: str, layers: list[dict[str, Any]], shape: list[int]) -> None:
    """Draw the button that opens a lesson's settings as a document."""
    if st.button(text("learn.open"), icon=":material/account_tree:", key=f"{key}:open", help=text("runs.open.help")):
        document = {"format": 1, "name": key, "task": "regression", "model": {"input": shape, "layers": layers}}
        store().dispatch(Open(text=dump(document)))
        to_page("build")


def stepping(key: str, count: int, play: bool, columns: int = 0) -> int:
    """Draw the slider of the step, and return the step from 0 on; while it plays, it goes on by itself.

    A click on a cell of the output, which has so many `columns`, goes to the step that makes it.
    """
    name = f"{key}:step"
    present = int(st.session_state.get(name, 1))
    clicked = _clicked(key, columns)
    if play:
        present = present % count + 1
    elif clicked is not None and st.session_state.get(f"{key}:clicked") != clicked:
        present = clicked + 1
    st.session_state[f"{key}:clicked"] = clicked
    st.session_state[name] = min(max(1, present), count)
    if count == 1:
        return 0
    return int(st.slider(text("learn.step"), 1, count, key=name)) - 1


def _clicked(key: str, columns: int) -> int | None:
    """Return the step of the output cell that was clicked last; None where none was."""
    chart: Any = st.session_state.get(f"{key}:output")
    cells = chart.selection.get("cell") if columns and chart else None
    return int(cells[0]["row"]) * columns + int(cells[0]["column"]) if cells else None


def played(key: str, draw: Any) -> None:
    """Draw a lesson's step with its button for playing."""
    play = st.toggle(text("learn.play"), key=f"{key}:play")
    st.fragment(draw, run_every=EVERY if play else None)(play)


# --- convolution ---------------------------------------------------------------------------------------------------


def convolution() -> None:
    """Draw the lesson on convolution."""
    from builder.report.explain.steps import convolution_steps

    left, right = st.columns([2, 5], gap="large")
    with left:
        image, kernel = own_image("convolution"), own_kernel("convolution")
        padding, stride = _padding_and_stride("convolution", 3)
        bias = st.number_input(text("learn.bias"), -100.0, 100.0, 0.0, 1.0, key="convolution:bias")
        layer = {
            "type": "Convolution",
            "out_channels": 1,
            "kernel_size": list(kernel.shape),
            "padding": padding,
            "stride": stride,
        }
        open_button("convolution", [layer], [1, *image.shape])
    found = convolution_steps(_finite(image), _finite(kernel), bias=bias, stride=stride, padding=padding)

    def draw(play: bool) -> None:
        steps = found["steps"]
        step = steps[stepping("convolution", len(steps), play, np.shape(found["output"])[1])]
        _three(found, step, kernel)
        pairs = list(zip(step["window"].reshape(-1).tolist(), kernel.reshape(-1).tolist(), strict=True))
        st.markdown(f"**{text('learn.value', row=step['row'] + 1, column=step['column'] + 1)}**")
        st.code(equation(pairs, bias, step["value"]), language=None, wrap_lines=True)
        _formula(found["size"])

    with right:
        played("convolution", draw)
        whole.section(_finite(kernel), stride, padding, bias)


def _padding_and_stride(key: str, most: int, usual: int = 1) -> tuple[int, int]:
    left, right = st.columns(2)
    with left:
        # A slider with one place is none; the key holds the bound, so that a smaller window takes its padding along.
        padding = st.slider(text("learn.padding"), 0, most, 0, key=f"{key}:padding:{most}") if most else 0
    with right:
        stride = st.slider(text("learn.stride"), 1, 4, usual, key=f"{key}:stride")
    return padding, stride


def _finite(values: np.ndarray) -> np.ndarray:
    """Return the numbers of an edited table; an emptied cell is 0."""
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)


def _three(found: dict[str, Any], step: dict[str, Any], kernel: np.ndarray) -> None:
    """Draw the padded image with its window, the filter, and the output with the step's value."""
    padded, output = found["padded"][0].astype(np.float64), np.asarray(found["output"], dtype=np.float64)
    (top, bottom), (left, right) = found["padding"]
    outside = np.ones(padded.shape, bool)
    outside[top : padded.shape[0] - bottom, left : padded.shape[1] - right] = False
    box = (step["top"], step["top"] + kernel.shape[0], step["left"], step["left"] + kernel.shape[1])
    place = (step["row"], step["row"] + 1, step["column"], step["column"] + 1)
    with st.container(horizontal=True, gap="large"):
        show(grid(padded, box=box, outside=outside), text("learn.padded"), "convolution:grid:0")
        show(grid(kernel.astype(np.float64), most=150), text("learn.kernel"), "convolution:grid:1")
        show(grid(_until(output, step), box=place, pick=True), text("learn.output"), "convolution:output", pick=True)


def _until(output: np.ndarray, step: dict[str, Any]) -> np.ndarray:
    """Return the output with what comes after the step left empty."""
    seen = output.astype(np.float64).copy()
    flat = seen.reshape(-1)
    flat[step["row"] * seen.shape[1] + step["column"] + 1 :] = np.nan
    return seen


def _formula(size: list[dict[str, Any]]) -> None:
    st.code("\n".join(axis["formula"] for axis in size), language=None)
    for axis in size:
        if axis["lost"]:
            st.caption(text("learn.lost", count=axis["lost"]))


# --- pooling -------------------------------------------------------------------------------------------------------


def pooling() -> None:
    """Draw the lesson on pooling."""
    from builder.report.explain.steps import pooling_steps

    left, right = st.columns([2, 5], gap="large")
    with left:
        image = _finite(own_image("pooling"))
        kind = st.segmented_control(
            text("learn.kind"), ("max", "average"), format_func=lambda k: text(f"learn.{k}"), default="max",
            key="pooling:kind",
        ) or "max"  # fmt: skip
        window = st.slider(text("learn.window"), 1, 4, 2, key="pooling:window")
        padding, stride = _padding_and_stride("pooling", window - 1, 2)
        name = "MaxPooling" if kind == "max" else "AveragePooling"
        layer = {"type": name, "kernel_size": window, "stride": stride, "padding": padding}
        open_button("pooling", [layer], [1, *image.shape])
    found = pooling_steps(image, window, kind="max" if kind == "max" else "average", stride=stride, padding=padding)

    def draw(play: bool) -> None:
        step = found["steps"][stepping("pooling", len(found["steps"]), play, found["output"].shape[2])]
        (above, _), (before, _) = found["padding"]
        top, first = step["top"] - above, step["left"] - before
        box = (max(0, top), max(0, top + window), max(0, first), max(0, first + window))
        place = (step["row"], step["row"] + 1, step["column"], step["column"] + 1)
        with st.container(horizontal=True, gap="large"):
            show(grid(image, box=box), text("learn.image"), "pooling:grid:0")
            made = grid(_until(found["output"][0], step), box=place, pick=True)
            show(made, text("learn.output"), "pooling:output", pick=True)
        values = [value for value in step["window"].reshape(-1).tolist() if np.isfinite(value)]
        listed = ", ".join(f"{value:g}" for value in values)
        result = float(step["values"][0])
        said = (
            f"max({listed}) = {result:g}"
            if kind == "max"
            else f"({' + '.join(f'{v:g}' for v in values)}) / {step['count']} = {result:.4g}"
        )
        st.code(said, language=None, wrap_lines=True)
        if kind == "max":
            row, column = step["winner"][0]
            st.caption(text("learn.winner", row=row + 1, column=column + 1))
        _formula(found["size"])

    with right:
        played("pooling", draw)
        if kind == "max":
            _moved(image, window, stride)


def _moved(image: np.ndarray, window: int, stride: int) -> None:
    """Draw what pooling is for: an image that moves a little looks almost the same after it."""
    from builder.report.explain.shift import pooled_shift

    with st.expander(text("learn.moved"), icon=":material/open_with:", expanded=True):
        by = st.slider(text("learn.moved.by"), 0, image.shape[1] - 1, 1, key=f"pooling:moved:{image.shape[1]}")
        found = pooled_shift(image, (0, by), window, stride)
        with st.container(horizontal=True, gap="large"):
            show(grid(found["after"][0], most=200), text("learn.moved.image"), "pooling:moved:image")
            show(grid(found["pooled_before"][0], most=200), text("learn.moved.before"), "pooling:moved:before")
            show(grid(found["pooled_after"][0], most=200), text("learn.moved.after"), "pooling:moved:after")
        kept = (found["pixels_kept"], found["pooled_kept"])
        st.caption(text("learn.moved.say", pixels=kept[0], pooled=kept[1]))


# --- im2col --------------------------------------------------------------------------------------------------------


def im2col() -> None:
    """Draw the lesson on im2col: every window as one row of a matrix."""
    from builder.report.explain.unfold import im2col as unfold, memory, window_of
    from builder.report.text import bytes_text

    left, right = st.columns([2, 5], gap="large")
    with left:
        image, kernel = _finite(own_image("im2col", 3, 7)), _finite(own_kernel("im2col"))
        padding, stride = _padding_and_stride("im2col", 2)
        layer = {
            "type": "Convolution",
            "out_channels": 1,
            "kernel_size": list(kernel.shape),
            "padding": padding,
            "stride": stride,
        }
        open_button("im2col", [layer], [1, *image.shape])
    shape = (1, 1, *image.shape)
    size = (kernel.shape[0], kernel.shape[1])
    matrix = unfold(image[None, None], size, stride, padding)

    def draw(play: bool) -> None:
        row = stepping("im2col", len(matrix), play)
        found = window_of(row, shape, size, stride, padding)
        box = (max(0, found.top), max(0, found.top + size[0]), max(0, found.left), max(0, found.left + size[1]))
        weights = kernel.reshape(-1, 1)
        with st.container(horizontal=True, gap="large"):
            show(grid(image, box=box, most=220), text("learn.image"), "im2col:grid:0")
            chosen = (row, row + 1, 0, matrix.shape[1])
            show(grid(matrix, box=chosen, most=420), text("learn.matrix"), "im2col:grid:1")
            show(grid(weights, most=420), text("learn.column"), "im2col:grid:2")
        pairs = list(zip(matrix[row].tolist(), weights[:, 0].tolist(), strict=True))
        st.code(equation(pairs, 0, float(matrix[row] @ weights[:, 0])), language=None, wrap_lines=True)
        needed = memory(shape, size, stride, padding)
        st.caption(text("learn.matrix.say", rows=matrix.shape[0], columns=matrix.shape[1], factor=needed["factor"]))
        large = memory((64, 32, 28, 28), 3, 1, 1)
        st.caption(text("learn.matrix.large", size=bytes_text(large["matrix"]), direct=bytes_text(large["direct"])))

    with right:
        played("im2col", draw)
