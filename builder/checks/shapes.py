"""Shapes and costs, layer by layer in order of computation. What depends on a broken layer is unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from builder.cost import LayerInfo, View, measure, view
from schemas import ops
from schemas.errors import FieldFix, Fix, Remark, ShapeError
from schemas.patch import join
from schemas.say import say
from schemas.shapes import LARGEST, Shape, elements, shape_text

from .found import Found, changed, found, insert, remove
from .joins import propose as propose_join

if TYPE_CHECKING:
    from builder.graph import Graph, Node

JOINS = ("Add", "Subtract", "Multiply", "Divide", "Concatenate")


@dataclass
class Shapes:
    """What is known of every layer: its output shape, or None where it depends on something broken."""

    graph: Graph
    input_shape: Shape | None
    shapes: dict[str, Shape | None] = field(default_factory=dict)
    infos: dict[str, LayerInfo] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    views: dict[str, View | None] = field(default_factory=dict)
    made: dict[str, tuple[ops.Op, ...]] = field(default_factory=dict)
    """Layer name -> the operations that it stands for."""

    def __post_init__(self) -> None:
        self.shapes["Input"] = self.input_shape
        self.views["Input"] = View() if self.input_shape is not None and len(self.input_shape) == 3 else None
        self._seen: set[tuple[str, str]] = set()
        for name in self.graph.order:
            self.add(self.graph.nodes[name])

    @property
    def errors(self) -> list[Found]:
        return [item for item in self.found if item.problem.severity == "error"]

    def add(self, node: Node) -> None:
        """Infer one layer from those that it reads."""
        shape = self._infer(node)
        self.shapes[node.name] = shape
        if shape is None or node.layer is None:
            inputs = tuple(node.inputs)
            self.infos[node.name] = LayerInfo(node.name, node.type, node.pointer, inputs, None, node.layer)

    def given(self, node: Node) -> list[Shape] | None:
        """Return the shapes that a layer reads, or None where one is unknown or is a loss's."""
        shapes: list[Shape] = []
        for name in node.inputs:
            shape = self.shapes.get(name) if name is not None else None
            if shape is None or (name in self.graph.nodes and self.graph.nodes[name].is_loss):
                return None
            shapes.append(shape)
        return shapes

    def _infer(self, node: Node) -> Shape | None:
        given = self.given(node)
        if node.layer is None or given is None:
            return None
        least, most = node.layer.arity
        if len(given) < least or (most is not None and len(given) > most):
            return None
        try:
            shape = node.layer.infer(*given)
        except ShapeError as error:
            self._add(found(
                error.code,
                say("{name}: {what}", name=node.name, what=error.what),
                error.why,
                pointer=node.pointer,
                layer=node.name,
                propose=self._proposals(node, error, given),
            ))  # fmt: skip
            return None
        if elements(shape) > LARGEST:
            self._add(self._too_large(node, shape))
            return None
        self._remarks(node, node.layer.remarks(*given))
        info, made = measure(
            node.name, node.type, node.pointer, [i or "?" for i in node.inputs], node.layer, shape, given, node.share
        )
        self.made[node.name] = made
        seen = view(made, [self.views.get(i or "") for i in node.inputs]) if len(shape) == 3 else None
        self.views[node.name] = seen
        if seen is not None:
            object.__setattr__(info, "receptive_field", seen.pixels)
        self.infos[node.name] = info
        return shape

    def _add(self, item: Found) -> None:
        """Keep a finding; a layer that stands in a Repeat or Unit has the same one at most once."""
        key = (item.problem.code, item.problem.pointer)
        if key not in self._seen:
            self._seen.add(key)
            self.found.append(item)

    def _remarks(self, node: Node, remarks: Iterable[Remark]) -> None:
        for remark in remarks:
            self._add(found(
                remark.code,
                say("{name}: {what}", name=node.name, what=remark.what),
                remark.why,
                pointer=node.pointer,
                layer=node.name,
                warning=True,
                propose=partial(_fields, node, remark.fixes),
            ))  # fmt: skip

    def _too_large(self, node: Node, shape: Shape) -> Found:
        return found(
            "too_large",
            say(
                "{name}: one sample's output {shape} has more than {most:,} values.",
                name=node.name,
                shape=shape_text(shape),
                most=LARGEST,
            ),
            say("No computer of today could train with it."),
            pointer=node.pointer,
            layer=node.name,
            propose=lambda: [Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))],
        )

    def _proposals(self, node: Node, error: ShapeError, given: list[Shape]) -> Callable[[], Iterator[Fix]]:
        def propose() -> Iterator[Fix]:
            yield from _fields(node, error.fixes)
            if error.code == "input_not_image":
                yield from self._image(node, given[0])
            elif node.type in JOINS:
                yield from propose_join(self, node, given, error.code)

        return propose

    def _image(self, node: Node, given: Shape) -> Iterator[Fix]:
        """Propose what makes an image of the values: no Flatten before, a Reshape, or leaving the layer out."""
        name = node.inputs[0]
        source = self.graph.nodes.get(name) if name is not None else None
        if source is not None and source.type == "Flatten":
            yield Fix(say("Remove {name}", name=source.name), (remove(source.pointer),))
        total = elements(given)
        before = (
            self.shapes.get(source.inputs[0] or "")
            if source is not None and source.type in ("Flatten", "Affine")
            else None
        )
        sizes = [before] if before is not None and len(before) == 3 and elements(before) == total else []
        for channels in (1, 3):
            side = round((total / channels) ** 0.5)
            if side * side * channels == total and (channels, side, side) not in sizes:
                sizes.append((channels, side, side))
        sizes.append((total, 1, 1))
        for size in sizes:
            patch = [insert(node.pointer, {"type": "Reshape", "shape": list(size)})]
            if isinstance(node.entry.get("inputs"), list):
                patch[0]["value"]["inputs"] = node.entry["inputs"]
                patch.insert(0, remove(join(node.pointer, "inputs")))
            yield Fix(say("Reshape the values to {size} before", size=shape_text(size)), tuple(patch))
        yield Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))


def _fields(node: Node, fixes: Iterable[FieldFix]) -> list[Fix]:
    """Return the layer's own proposals as patches of the document."""
    return [changed(node, fix.fields, fix.title) for fix in fixes]
