"""Read a list of layers entry by entry, so that one broken layer leaves the others alone.

The result is a tree of Entry: a layer, a Repeat with its entries, or the use of a unit. Nothing is expanded here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .broken import Place
from .errors import Fix, Problem
from .layer import REGISTRY, Layer
from .model import MOST_LAYERS, MOST_REPEATS, STACKS, TYPES, RepeatHead, Unit
from .patch import join
from .say import about, commas, either, say, sentences
from .suggest import FIELDS, did_you_mean, plain
from .translate import SENSIBLE, repair, validate
from .words import show

MOST_NESTED = 32
"""Units within units that are counted for labels; the graph refuses more."""

_NAME = re.compile(r"[^/$\x00-\x1f\x7f]{1,100}")
"""What `Name` in layer.py allows."""

ACTIVATIONS = ("ReLU", "Sigmoid", "Tanh", "Softmax")


@dataclass(frozen=True)
class Entry:
    """One entry of a list of layers. `layer` is None where it is broken, a Repeat, a Unit or a unit's template."""

    pointer: str
    raw: Any
    label: str
    """What messages call it: its name, or '<Type>_<n>' as builder/graph.py will name it."""
    type: str | None = None
    name: str | None = None
    inputs: tuple[str, ...] | None = None
    layer: Layer | None = None
    n: int | None = None
    """Rounds of a Repeat; None where it is broken or no Repeat."""
    entries: tuple[Entry, ...] = ()
    """The stack of a Repeat."""
    unit: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    broken: bool = False
    """Whether the entry itself has a problem; its sub-entries have their own."""


def walk(entries: tuple[Entry, ...]) -> Iterator[Entry]:
    """Yield every entry, those of Repeats included, in the document's order."""
    for entry in entries:
        yield entry
        yield from walk(entry.entries)


def usable(name: Any) -> bool:
    """Tell whether a layer can be called by its name; else it gets a number like one without.

    >>> usable("conv 1"), usable(""), usable("a/b"), usable(3)
    (True, False, False, False)
    """
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


class Labels:
    """Names for messages: '<Type>_<n>', counted per type over the expanded document, as the graph will name them.

    Nothing is expanded to count: a Repeat's rounds are multiplied, a unit is counted once.
    """

    def __init__(self, layers: Any = None, units: Any = None) -> None:
        self.units = units if isinstance(units, dict) else {}
        top = layers if isinstance(layers, list) else []
        self.taken = {raw["name"] for raw in top if isinstance(raw, dict) and isinstance(raw.get("name"), str)}
        self.names: dict[str, str] = {}
        self.next: Counter[str] = Counter()
        self.sizes: dict[str, Counter[str]] = {}

    def read(self, layers: Any, pointer: str, inside: tuple[str, ...] = ()) -> None:
        """Give every entry of a list its label. `inside` are the units that are being counted, to stop at recursion."""
        for index, raw in enumerate(layers if isinstance(layers, list) else ()):
            here = join(pointer, index)
            if not isinstance(raw, dict) or here in self.names:
                continue
            kind, name = raw.get("type"), raw.get("name")
            if usable(name):
                self.names[here] = show(name)[1:-1]
            elif isinstance(kind, str):
                self.next[kind] += 1
                while f"{kind}_{self.next[kind]}" in self.taken:
                    self.next[kind] += 1
                self.names[here] = f"{show(kind)[1:-1]}_{self.next[kind]}"
            if kind == "Repeat":
                self.read(raw.get("layers"), here + "/layers", inside)
                for one, many in self._count(raw.get("layers"), inside).items():
                    self.next[one] += many * (_rounds(raw) - 1)
            elif kind == "Unit":
                self._unit(raw.get("unit"), inside)

    def _known(self, unit: Any, inside: tuple[str, ...]) -> bool:
        """Tell whether the unit exists and its layers can be counted without end."""
        fine = isinstance(unit, str) and unit not in inside and len(inside) < MOST_NESTED
        return fine and isinstance(self.units.get(unit), dict)

    def _unit(self, unit: Any, inside: tuple[str, ...]) -> None:
        if not self._known(unit, inside):
            return
        layers, pointer = self.units[unit].get("layers"), join("/model/units", unit, "layers")
        if unit in self.sizes:
            self.next += self.sizes[unit]
        else:
            self.read(layers, pointer, (*inside, unit))
            self.sizes[unit] = self._count(layers, (*inside, unit))

    def name_only(self, layers: Any, unit: str) -> None:
        """Label the layers of a unit that nobody uses: they have the names they were given, or their type."""
        self.next = Counter()
        self.read(layers, join("/model/units", unit, "layers"), (unit,))

    def _count(self, layers: Any, inside: tuple[str, ...]) -> Counter[str]:
        counted: Counter[str] = Counter()
        for raw in layers if isinstance(layers, list) else ():
            if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
                continue
            kind, unit = raw["type"], raw.get("unit")
            if not usable(raw.get("name")):
                counted[kind] += 1
            if kind == "Repeat":
                for one, many in self._count(raw.get("layers"), inside).items():
                    counted[one] += many * _rounds(raw)
            elif kind == "Unit" and isinstance(unit, str) and self._known(unit, inside):
                if unit not in self.sizes:
                    self.sizes[unit] = self._count(self.units[unit].get("layers"), (*inside, unit))
                counted += self.sizes[unit]
        return counted

    def of(self, pointer: str) -> str:
        return self.names.get(pointer) or say("entry {number}", number=pointer.rpartition("/")[2])


def _rounds(raw: dict[str, Any]) -> int:
    """Return how often a Repeat repeats, 1 where that cannot be told."""
    n = raw.get("n")
    return min(n, MOST_REPEATS) if isinstance(n, int) and not isinstance(n, bool) and n > 0 else 1


def _known(kinds: tuple[str, ...] = TYPES) -> str:
    return say("Known types: {names}.", names=commas(kinds))


def _model(kind: str) -> Any:
    return REGISTRY[kind].cls if kind in REGISTRY else (RepeatHead if kind == "Repeat" else Unit)


def _typed(raw: dict[str, Any], kind: str, place: Place, op: str) -> tuple[dict[str, Any], ...]:
    """Return the patch that makes `raw` a layer of this type, with the renamed fields that then fit."""
    patch: list[dict[str, Any]] = [{"op": op, "path": "/type", "value": kind}]
    beside = Place("", place.subject, place.layer, ("layers",) if kind == "Repeat" else ())
    behind = _activation_behind(raw, place.pointer) if kind in REGISTRY else ()
    rest = {key: value for key, value in raw.items() if key != "activation"} if behind else raw
    more = repair(_model(kind), rest, patch, beside) or []
    return (*({**operation, "path": place.pointer + operation["path"]} for operation in [*patch, *more]), *behind)


def _guess(raw: dict[str, Any]) -> list[str]:
    """Return the types whose fields are those that an entry without a type has."""
    given = {key for key in raw if key not in Layer.model_fields}
    fitting = [
        kind
        for kind in TYPES
        if given <= set((STACKS.get(kind) or _model(kind)).model_fields)
        and all(name in raw for name, f in (STACKS.get(kind) or _model(kind)).model_fields.items() if f.is_required())
    ]
    return fitting[:3] if given else []


def _no_type(raw: dict[str, Any], place: Place) -> Problem:
    what = about(place.subject, say("{field} is missing.", field="type"))
    # "layer": "ReLU" and the like: the type under another name.
    for key, value in raw.items():
        if isinstance(value, str) and did_you_mean(key, ["type"], FIELDS) and did_you_mean(value, TYPES):
            kind = did_you_mean(value, TYPES)[0]
            moved = ({"op": "remove", "path": join(place.pointer, key)},)
            rest = {name: part for name, part in raw.items() if name != key}
            fix = Fix(
                say("Rename {name} to {other}", name=key, other="type"), (*moved, *_typed(rest, kind, place, "add"))
            )
            return Problem("missing_field", what, _known(), place.pointer, place.layer, fixes=(fix,))
    fixes = tuple(
        Fix(say("Set {name} to {value}", name="type", value=kind), _typed(raw, kind, place, "add"))
        for kind in _guess(raw)
    )
    return Problem("missing_field", what, _known(), place.pointer, place.layer, fixes=fixes)


def _unknown_type(raw: dict[str, Any], word: str, place: Place) -> Problem:
    meant = did_you_mean(word, TYPES)
    fixes = []
    for kind in meant:
        # Several words stand for one layer elsewhere, but ReLU6 or HardTanh are not quite the same.
        title = say("Change {value} to {kind}", value=show(word), kind=kind)
        fixes.append(Fix(title, _typed(raw, kind, place, "replace")))
    hint = say("Did you mean {meant}?", meant=either(meant)) if meant else ""
    what = about(place.subject, say("there is no layer type {value}.", value=show(word)))
    return Problem(
        "unknown_type", what, sentences(hint, _known()), place.pointer + "/type", place.layer, fixes=tuple(fixes)
    )


def _not_an_entry(raw: Any, place: Place, alone: bool) -> Problem:
    fixes = []
    for kind in did_you_mean(raw, TYPES) if isinstance(raw, str) else ():
        required = [name for name, f in _model(kind).model_fields.items() if f.is_required()]
        if kind in REGISTRY and all(name in SENSIBLE for name in required):
            layer = {"type": kind, **{name: SENSIBLE[name] for name in required}}
            fixes.append(
                Fix(
                    say("Write it as {value}", value=show(layer)),
                    ({"op": "replace", "path": place.pointer, "value": layer},),
                )
            )
    if not alone:
        fixes.append(Fix(say("Remove it"), ({"op": "remove", "path": place.pointer},)))
    what = say(
        "{name} of the layers must be an object {{…}} with a type, but is {value}.",
        name=place.subject,
        value=show(raw),
    )
    return Problem("wrong_type", what, _known(), place.pointer, place.layer, fixes=tuple(fixes))


def _activation_behind(raw: dict[str, Any], pointer: str) -> tuple[dict[str, Any], ...]:
    """Return the patch that makes of Keras' `activation` a layer of its own, () where that changes what others read."""
    word = raw.get("activation")
    kind = next((k for k in ACTIVATIONS if isinstance(word, str) and plain(k) == plain(word)), None)
    before, _, index = pointer.rpartition("/")
    if kind is None or "name" in raw or not index.isdigit():
        return ()
    behind = {"op": "add", "path": join(before, int(index) + 1), "value": {"type": kind}}
    return {"op": "remove", "path": pointer + "/activation"}, behind


def _with_activation(problems: list[Problem], raw: dict[str, Any], pointer: str) -> list[Problem]:
    """Offer to put a layer's `activation` behind it."""
    patch = _activation_behind(raw, pointer)
    result = []
    for problem in problems:
        if patch and problem.code == "unknown_field" and problem.pointer == pointer + "/activation":
            why = say("An activation is a layer of its own.")
            fixes = (Fix(say("Put a {kind} layer behind it", kind=patch[1]["value"]["type"]), patch), *problem.fixes)
            problem = Problem(problem.code, problem.what, why, problem.pointer, problem.layer, fixes=fixes)
        result.append(problem)
    return result


def read_entry(raw: Any, pointer: str, labels: Labels, *, alone: bool = False) -> tuple[Entry, list[Problem]]:
    """Read one entry: a layer, a Repeat or the use of a unit. `alone`: it is the only one of its list."""
    label = labels.of(pointer)
    place = Place(pointer, label, label if pointer in labels.names else None)
    if not isinstance(raw, dict):
        return Entry(pointer, raw, label, broken=True), [_not_an_entry(raw, place, alone)]
    kind, name, inputs = raw.get("type"), raw.get("name"), raw.get("inputs")
    base: dict[str, Any] = {
        "type": kind if isinstance(kind, str) else None,
        "name": name if isinstance(name, str) else None,
        "inputs": tuple(inputs) if isinstance(inputs, list) and all(isinstance(i, str) for i in inputs) else None,
    }
    if "type" not in raw:
        return Entry(pointer, raw, label, **base, broken=True), [_no_type(raw, place)]
    if not isinstance(kind, str):
        what = about(
            label,
            say("{field} must be {wanted}, but is {value}.", field="type", wanted=say("a text"), value=show(kind)),
        )
        problem = Problem("wrong_type", what, _known(), pointer + "/type", place.layer)
        return Entry(pointer, raw, label, **base, broken=True), [problem]
    if kind in REGISTRY:
        layer, problems = validate(REGISTRY[kind].cls, raw, place)
        if problems:
            problems = _with_activation(problems, raw, pointer)
        return Entry(pointer, raw, label, **base, layer=layer, broken=bool(problems)), problems
    if kind == "Repeat":
        head, problems = validate(RepeatHead, raw, Place(pointer, label, place.layer, ("layers",)))
        entries, inner, usable = read_stack(raw, pointer, labels, label)
        broken = bool(problems) or not usable
        n = head.n if head is not None else None
        return Entry(pointer, raw, label, **base, n=n, entries=entries, broken=broken), [*problems, *inner]
    if kind == "Unit":
        call, problems = validate(Unit, raw, place)
        unit = call.unit if call is not None else None
        arguments = dict(call.arguments) if call is not None else {}
        return Entry(pointer, raw, label, **base, unit=unit, arguments=arguments, broken=bool(problems)), problems
    return Entry(pointer, raw, label, **base, broken=True), [_unknown_type(raw, kind, place)]


def read_stack(
    owner: dict[str, Any], pointer: str, labels: Labels, subject: str
) -> tuple[tuple[Entry, ...], list[Problem], bool]:
    """Read the `layers` of the object `owner` at `pointer`; return entries, problems, and whether there is a list."""
    here, layers = pointer + "/layers", owner.get("layers")
    why = say("Layers stand in the order in which data passes through them.")
    stack = SENSIBLE["layers"]
    if "layers" not in owner:
        # Under another name it is that name's problem ("children"), told as an unknown field with its fix.
        for key, value in owner.items():
            if isinstance(value, list) and did_you_mean(key, ["layers"], FIELDS):
                return (), [], False
        fix = Fix(say("Start with Affine and ReLU"), ({"op": "add", "path": here, "value": stack},))
        return (
            (),
            [
                Problem(
                    "missing_field",
                    about(subject, say("{field} is missing.", field="layers")),
                    why,
                    pointer,
                    fixes=(fix,),
                )
            ],
            False,
        )
    if not isinstance(layers, list):
        fixes: tuple[Fix, ...] = ()
        if isinstance(layers, dict) and "type" in layers:
            fixes = (Fix(say("Make it a list of one layer"), ({"op": "replace", "path": here, "value": [layers]},)),)
        what = about(
            subject,
            say("{field} must be {wanted}, but is {value}.", field="layers", wanted=say("a list"), value=show(layers)),
        )
        return (), [Problem("wrong_type", what, why, here, fixes=fixes)], False
    if not layers:
        fix = Fix(say("Start with Affine and ReLU"), ({"op": "replace", "path": here, "value": stack},))
        return (
            (),
            [Problem("wrong_value", about(subject, say("layers is empty.")), why, here, fixes=(fix,))],
            False,
        )
    if len(layers) > MOST_LAYERS:
        many = say("layers has {count} entries, but at most {most} are possible.", count=len(layers), most=MOST_LAYERS)
        what = about(subject, many)
        return (), [Problem("too_large", what, say("Use Repeat for stacks that come again."), here)], False
    entries: list[Entry] = []
    problems: list[Problem] = []
    for index, raw in enumerate(layers):
        entry, found = read_entry(raw, join(here, index), labels, alone=len(layers) == 1)
        entries.append(entry)
        problems += found
        if len(problems) > 200:
            many = say(
                "there are more than 200 problems; the layers after {name} were not looked at.", name=entry.label
            )
            what = about(subject, many)
            problems.append(Problem("too_many_problems", what, say("Mend the listed ones first."), here))
            rest = range(index + 1, len(layers))
            entries += [Entry(join(here, i), layers[i], labels.of(join(here, i)), broken=True) for i in rest]
            break
    return tuple(entries), problems, True
