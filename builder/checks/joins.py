"""Fixes for Add, Multiply and Concatenate whose inputs do not fit: a projection, other padding, stride or width."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from schemas.errors import Fix, ShapeError
from schemas.patch import join
from schemas.say import Joined, Said, listed, say
from schemas.shapes import Pair, Shape, elements, shape_text

from .found import changed, fresh, insert, outputs, over

if TYPE_CHECKING:
    from builder.graph import Node

    from .shapes import Shapes

MOST_STEPS = 40
"""Layers that are looked at on the way back from a join."""

WIDEST_TRIED = 16
"""Largest padding and stride that is tried."""


def propose(state: Shapes, node: Node, given: Sequence[Shape], code: str) -> Iterator[Fix]:
    """Yield fixes for a join, the likeliest first. The checker tries each before anyone sees it."""
    if code == "rank_mismatch":
        yield from _channelled(node, given)
        yield from _flattened(node, given)
    elif code == "size_mismatch":
        yield from _resized(state, node, given)
        yield from _projected(state, node, given)
    elif code == "channel_mismatch":
        yield from _projected(state, node, given)
        yield from _widened(state, node, given)
    if node.type == "Concatenate" and node.fields.get("axis", 0) != 0:
        yield changed(node, {"axis": 0}, say("Join along the channels"))


def _names(node: Node) -> list[str]:
    return [name for name in node.fields.get("inputs") or [] if isinstance(name, str)]


def _before(node: Node, new: dict[int, dict[str, Any]], base: str) -> tuple[dict[str, Any], ...]:
    """Return the patch that puts a new layer between the join and each of these inputs."""
    said, taken, patch = _names(node), list(node.scope.names), []
    inserted = []
    for index, layer in new.items():
        name = fresh(base, taken)
        taken.append(name)
        patch.append(over(join(node.pointer, "inputs", index), name))
        inserted.append(insert(node.pointer, {"type": layer["type"], "name": name, "inputs": [said[index]], **layer}))
    return (*patch, *inserted)


def _channels(count: int) -> Said:
    return say("1 channel") if count == 1 else say("{count} channels", count=count)


def _channelled(node: Node, given: Sequence[Shape]) -> Iterator[Fix]:
    """Propose to make a row of as many values as an image has channels a weight of each channel."""
    image = next((shape for shape in given if len(shape) > 1), None)
    rows = [index for index, shape in enumerate(given) if len(shape) == 1 and image and shape[0] == image[0]]
    if image is None or node.type == "Concatenate" or not rows:
        return
    shape = (image[0], *(1 for _ in image[1:]))
    new = {index: {"type": "Reshape", "shape": list(shape)} for index in rows}
    names = listed([_names(node)[index] for index in rows])
    yield Fix(
        say("Reshape {name} to {shape} before", name=names, shape=shape_text(shape)), _before(node, new, "weights")
    )


def _flattened(node: Node, given: Sequence[Shape]) -> Iterator[Fix]:
    new = {index: {"type": "Flatten"} for index, shape in enumerate(given) if len(shape) > 1}
    said = _names(node)
    yield Fix(say("Flatten {names} before", names=listed([said[index] for index in new])), _before(node, new, "flat"))


# --- projection: a 1×1 convolution brings a branch to the other's channels and size ---


def _step(size: int, target: int) -> int | None:
    """Return the smallest stride by which a 1×1 window gives `target` of `size` positions."""
    step = (size - 1) // target + 1
    return step if step <= 65536 and (size - 1) // step + 1 == target else None


def _projected(state: Shapes, node: Node, given: Sequence[Shape]) -> Iterator[Fix]:
    said = _names(node)
    # On the narrower branch: a projection to fewer channels would throw away what the wider one has learned.
    targets = sorted(dict.fromkeys(given), key=lambda shape: (-shape[0], elements(shape[1:])))
    for target in targets:
        source = _width(state, node.inputs[given.index(target)])
        said_width = source[0].entry.get(source[1]) if source is not None else None
        steps = {index: _steps(shape, target) for index, shape in enumerate(given) if shape != target}
        if any(step is None for step in steps.values()):
            continue
        strides = {step for step in steps.values() if step not in (None, 1)}
        stride = strides.pop() if len(strides) == 1 else None
        for channels in _sayings(node, target[0], said_width):
            for said_stride in _sayings(node, stride, None):
                new = {
                    index: _projection(target, channels, said_stride if step == stride else step)
                    for index, step in steps.items()
                }
                yield Fix(_title(target, stride, [said[index] for index in new]), _before(node, new, "projection"))


def _title(target: Shape, stride: Any, places: Sequence[str]) -> Said:
    names = listed(places)
    if len(target) == 1:
        return say("Insert an Affine layer to {outputs} after {names}", outputs=outputs(target[0]), names=names)
    channels = _channels(target[0])
    if not stride:
        return say("Insert a 1×1 Convolution to {channels} after {names}", channels=channels, names=names)
    step = stride if isinstance(stride, int) else " × ".join(map(str, stride))
    return say(
        "Insert a 1×1 Convolution to {channels}, stride {step} after {names}",
        channels=channels,
        step=step,
        names=names,
    )


def _steps(shape: Shape, target: Shape) -> Any:
    """Return the stride, one number or a pair, by which a projection makes `target` of `shape`; None if it cannot."""
    if len(target) == 1:
        return 1
    down, across = (_step(shape[axis], target[axis]) for axis in (1, 2)) if len(target) == 3 else (None, None)
    if down is None or across is None:
        return None
    return down if down == across else (down, across)


def _projection(target: Shape, channels: Any, stride: Any) -> dict[str, Any]:
    """Return the layer that brings a branch to the shape of another."""
    if len(target) == 1:
        return {"type": "Affine", "out_features": channels}
    layer: dict[str, Any] = {"type": "Convolution", "out_channels": channels, "kernel_size": 1}
    if stride != 1:
        layer["stride"] = list(stride) if isinstance(stride, tuple) else stride
    return layer


def _sayings(node: Node, value: Any, first: Any) -> list[Any]:
    """Return how to say a value here: in a unit first as the arguments that have it, `first` at the head."""
    if node.call is None or value is None:
        return [value]
    names = [f"${name}" for name, argument in node.call.arguments.items() if argument == value]
    names.sort(key=lambda name: name != first)
    return [*names, value]


# --- width: the layer that decides a branch's channels ---


def _width(state: Shapes, name: str | None) -> tuple[Node, str] | None:
    """Return the layer, and its field, that decides how many channels the value `name` has."""
    for node in islice(_back(state, name), MOST_STEPS):
        if node.type == "Convolution":
            return node, "out_channels"
        if node.type == "Affine":
            return node, "out_features"
        if node.type in ("Flatten", "Reshape", "Concatenate"):
            return None
    return None


def _back(state: Shapes, name: str | None) -> Iterator[Node]:
    """Yield the layers on the way back from a value, up to the first that reads several or none."""
    nodes = state.graph.nodes
    while name is not None and name in nodes:
        node = nodes[name]
        yield node
        if len(node.inputs) != 1:
            return
        name = node.inputs[0]


def _widened(state: Shapes, node: Node, given: Sequence[Shape]) -> Iterator[Fix]:
    most = Counter(shape[0] for shape in given).most_common()
    for channels, _ in most:
        sources = [_width(state, node.inputs[i]) for i, shape in enumerate(given) if shape[0] != channels]
        if sources and all(source is not None for source in sources):
            found = {id(source[0]): source for source in sources if source is not None}
            fixes = [changed(layer, {field: channels}, "") for layer, field in found.values()]
            names = listed([layer.name for layer, _ in found.values()])
            yield Fix(
                say("Make {outputs} in {names}", outputs=_channels(channels), names=names),
                tuple(op for fix in fixes for op in fix.patch),
            )


# --- size: padding or stride of a layer on one of the branches ---


def _resized(state: Shapes, node: Node, given: Sequence[Shape]) -> Iterator[Fix]:
    """Yield changes of padding or stride that bring every branch to one branch's size, that of most branches first."""
    counted = Counter(shape[1:] for shape in given)
    for target, _ in sorted(counted.items(), key=lambda item: (-item[1], -elements(item[0]))):
        odd = [index for index, shape in enumerate(given) if shape[1:] != target]
        options = [list(islice(_windows(state, node.inputs[index], target), 4)) for index in odd]
        if not all(options):
            continue
        if len(odd) == 1:
            yield from options[0]
        else:
            firsts = [choices[0] for choices in options]
            patch = {repr(op): op for fix in firsts for op in fix.patch}
            yield Fix(Joined("; ", dict.fromkeys(fix.title for fix in firsts)), tuple(patch.values()))


def _windows(state: Shapes, name: str | None, target: Shape) -> Iterator[Fix]:
    """Yield changes of one layer on the way back from `name`, after which the value has the size `target`."""
    chain: list[Node] = []
    late: list[Fix] = []
    for node in islice(_back(state, name), MOST_STEPS):
        # A layer that others read too would change them as well.
        if len(state.graph.readers[node.name]) > 1:
            break
        chain.insert(0, node)
        start = state.given(node)
        fields = type(node.layer).model_fields if node.layer is not None else {}
        if start is None or not {"kernel_size", "stride", "padding"} <= fields.keys():
            continue
        padding = _search(chain, start[0], "padding", range(WIDEST_TRIED + 1), target)
        if padding is not None:
            yield changed(
                node,
                {"padding": _plain(padding)},
                say("Pad {name} by {padding}", name=node.name, padding=_times(padding)),
            )
        stride = _search(chain, start[0], "stride", range(1, WIDEST_TRIED + 1), target)
        if stride is not None:
            late.append(
                changed(
                    node,
                    {"stride": _plain(stride)},
                    say("Give {name} the stride {stride}", name=node.name, stride=_times(stride)),
                )
            )
        if "ceil_mode" in fields and _size(chain, start[0], {"ceil_mode": True}) == target:
            late.append(changed(node, {"ceil_mode": True}, say("Let {name} round up", name=node.name)))
    yield from late


def _plain(pair: Pair) -> Any:
    return pair[0] if pair[0] == pair[1] else list(pair)


def _times(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]} × {pair[1]}"


def _search(chain: Sequence[Node], start: Shape, field: str, values: range, target: Shape) -> Pair | None:
    """Return the pair of values nearest to the present one that gives the target; height and width are independent."""
    layer = chain[0].layer
    now = getattr(layer, field, None)
    if now is None:
        now = getattr(layer, "kernel_size", (1, 1))
    present = now if isinstance(now, tuple) else (0, 0)
    best: list[int] = []
    for axis in (0, 1):
        for value in sorted(values, key=lambda v: (abs(v - present[axis]), v)):
            pair = (value, value) if isinstance(now, str) else tuple(value if a == axis else present[a] for a in (0, 1))
            size = _size(chain, start, {field: pair})
            if size is not None and size[axis] == target[axis]:
                best.append(value)
                break
        else:
            return None
    pair = (best[0], best[1])
    return pair if pair != present and _size(chain, start, {field: pair}) == target else None


def _size(chain: Sequence[Node], shape: Shape, change: dict[str, Any]) -> Shape | None:
    """Return height and width at the end of a chain of layers when the first is changed; None where one cannot work."""
    for index, node in enumerate(chain):
        layer = node.layer
        if layer is None:
            return None
        try:
            shape = (layer.model_copy(update=change) if index == 0 else layer).infer(shape)
        except ShapeError:
            return None
    return shape[1:]
