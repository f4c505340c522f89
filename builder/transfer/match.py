"""Which layer starts from which layer of another network, and why one does not. Names and shapes alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from schemas.errors import DocumentError, Problem
from schemas.initialise import Initialise
from schemas.say import Said, say
from schemas.shapes import shape_text

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """What becomes of one layer. `pairs` are (key here, key there) of the parameters that are copied."""

    layer: str
    there: str
    pairs: tuple[tuple[str, str], ...] = ()
    why: Said | None = None
    """Why it is not copied; None where it is."""
    code: str = ""
    named: bool = False
    """Whether the document names it, so that leaving it out would be a mistake."""

    @property
    def copied(self) -> bool:
        return bool(self.pairs)

    def require(self) -> None:
        """Raise DocumentError where the document names the layer and it cannot be copied."""
        if self.named and not self.copied and self.why is not None:
            raise DocumentError(str(self.why), [Problem(self.code, self.why, "", "/initialise/layers", self.layer)])

    def to_json(self) -> dict[str, Any]:
        """Return what the run folder keeps of it."""
        return {"layer": self.layer, "from": self.there, "copied": self.copied, "why": str(self.why or "")}


def by_layer(shapes: Mapping[str, Shape]) -> dict[str, dict[str, Shape]]:
    """Return layer -> parameter -> shape, in order.

    >>> by_layer({"a/b/weight": (2, 3), "a/b/bias": (3,)})
    {'a/b': {'weight': (2, 3), 'bias': (3,)}}
    """
    found: dict[str, dict[str, Shape]] = {}
    for key, shape in shapes.items():
        layer, _, name = key.rpartition("/")
        found.setdefault(layer, {})[name] = tuple(shape)
    return found


def chosen(patterns: Iterable[str] | None, layer: str) -> tuple[bool, bool]:
    """Tell whether a layer is asked for, and whether by its own name.

    >>> chosen(["Block_*"], "Block_1/Affine_1"), chosen(["Affine_1"], "Affine_1"), chosen(None, "Affine_1")
    ((True, False), (True, True), (True, False))
    """
    if patterns is None:
        return True, False
    wanted = list(patterns)
    if layer in wanted:
        return True, True
    return any(fnmatchcase(layer, pattern.replace("[", "[[]")) for pattern in wanted if "*" in pattern), False


def match(section: Initialise, here: Mapping[str, Shape], there: Mapping[str, Shape]) -> list[Row]:
    """Return a row for every layer of `here` that has parameters; both are {parameter key: shape}."""
    old = {new: before for before, new in section.rename.items()}
    source = by_layer(there)
    return [_row(section, layer, mine, old.get(layer, layer), source) for layer, mine in by_layer(here).items()]


def _row(
    section: Initialise, layer: str, mine: Mapping[str, Shape], name: str, source: Mapping[str, Mapping[str, Shape]]
) -> Row:
    wanted, named = chosen(section.layers, layer)
    named = named or layer in section.rename.values()
    if not wanted:
        return Row(layer, name, (), say("not among the layers that are asked for"), "initialise_not_asked")
    theirs = source.get(name)
    if theirs is None:
        return Row(layer, name, (), say("there is no layer {name} with parameters", name=name),
                   "initialise_no_layer", named)  # fmt: skip
    if set(mine) != set(theirs):
        odd = sorted(set(mine) ^ set(theirs))
        return Row(layer, name, (), say("only one of the two has {parameters}", parameters=", ".join(odd)),
                   "initialise_parameters", named)  # fmt: skip
    for parameter, shape in mine.items():
        if theirs[parameter] != shape:
            why = say("its {parameter} is {here}, but {there} there", parameter=parameter, here=shape_text(shape),
                      there=shape_text(theirs[parameter]))  # fmt: skip
            return Row(layer, name, (), why, "initialise_shape", named)
    return Row(layer, name, tuple((f"{layer}/{part}", f"{name}/{part}") for part in mine), None, "", named)
