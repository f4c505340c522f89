"""What Repeat and Unit expand to: arguments, recursion, and the size of the result before anything is built."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.errors import Fix
from schemas.model import MOST_REPEATS, placeholders, substitute
from schemas.patch import join
from schemas.say import Said, commas, say, sentences
from schemas.suggest import did_you_mean
from schemas.words import show

from .found import Found, found, over, put, remove

MOST_EXPANDED = 20_000
"""Layers of the expanded network. ResNet-152 has 515; a plan of more than this would take minutes to make."""

MOST_NESTED = 32
"""Repeats and Units within each other."""

_KEPT = ("type", "name", "inputs", "layers")
"""Fields in which no argument is filled in."""

_UNIT = {"type", "name", "inputs", "unit", "arguments"}
"""Fields of the use of a unit."""


@dataclass(frozen=True, eq=False)
class Call:
    """One use of a unit: where it stands, and the values of the unit's arguments."""

    pointer: str
    entry: Mapping[str, Any]
    unit: str
    arguments: Mapping[str, Any]
    outer: Call | None
    key: str
    """Equal for uses with equal arguments."""


@dataclass(frozen=True)
class Rounds:
    """What one Repeat or Unit stands for: these entries, so many times."""

    times: int
    pointer: str
    entries: Sequence[Any]
    call: Call | None


class _TooDeep(Exception):
    """More than MOST_NESTED levels."""


class Stacks:
    """The model's units, and how its lists of layers expand."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        given = model.get("units")
        self.units: dict[str, Mapping[str, Any]] = {
            str(name): unit for name, unit in (given.items() if isinstance(given, Mapping) else ()) if _layers(unit)
        }
        self._broken = given is not None and not isinstance(given, Mapping)
        """Whether the units cannot be read at all, which is a problem of its own."""
        self._model = model
        self._named = set(map(str, given)) if isinstance(given, Mapping) else set()
        self._uses = {
            name: list(_calls(unit["layers"], join("/model/units", name, "layers")))
            for name, unit in self.units.items()
        }
        self._loops = self._find_loops()
        self._recursive = {name for loop in self._loops for name in loop}
        self._sizes: dict[tuple[str, str], int] = {}
        self.refused = False
        """Whether the model would have become too large, and nothing was expanded."""

    # --- recursion ---

    def _find_loops(self) -> list[list[str]]:
        """Return one chain of units for each group of units that contain each other."""
        if not any(self._uses.values()):
            return []
        import networkx as nx

        net = nx.DiGraph((name, unit) for name, uses in self._uses.items() for _, unit in uses if unit in self.units)
        loops = []
        for group in nx.strongly_connected_components(net):
            inside = net.subgraph(group)
            if inside.number_of_edges():
                start = min(group, key=list(self.units).index)
                loops.append([edge[0] for edge in nx.find_cycle(inside, start)])
        return loops

    def recursions(self) -> list[Found]:
        """Return one problem for each chain of units that leads back to itself."""
        return [self._recursion(loop) for loop in self._loops]

    def _recursion(self, loop: list[str]) -> Found:
        pointer = next(where for where, unit in self._uses[loop[-1]] if unit == loop[0])
        chain = " → ".join([*loop, loop[0]])

        def propose() -> Iterator[Fix]:
            yield Fix(say("Remove this use of {unit}", unit=loop[0]), (remove(pointer),))
            yield Fix(
                say("Put Identity in place of this use of {unit}", unit=loop[0]),
                (over(pointer, {"type": "Identity"}),),
            )

        return found(
            "unit_recursion",
            say("Unit {unit} contains itself: {chain}.", unit=loop[0], chain=chain),
            say("A unit is replaced by its layers, so one that contains itself would never end."),
            pointer=pointer,
            propose=propose,
        )

    # --- size ---

    def too_many(self, entries: Sequence[Any]) -> Found | None:
        """Return a problem where the entries would expand to more layers, or nest deeper, than is allowed."""
        try:
            sizes = [self._size(entry, {}, 0) for entry in entries]
        except _TooDeep:
            self.refused = True
            return found(
                "nested_too_deep",
                say(
                    "Repeat and Unit stand within each other more than {most} levels deep.",
                    most=MOST_NESTED,
                ),
                say("Nothing was expanded, so shapes and cost are unknown."),
                pointer="/model/layers",
            )
        total = sum(sizes)
        if total <= MOST_EXPANDED:
            return None
        self.refused = True
        place = max(range(len(sizes)), key=sizes.__getitem__)
        largest = entries[place]
        pointer = join("/model/layers", place)

        def propose() -> Iterator[Fix]:
            count = largest.get("n")
            if largest.get("type") == "Repeat" and isinstance(count, int):
                room = MOST_EXPANDED - (total - sizes[place])
                fitting = room // (sizes[place] // count)
                if fitting >= 1:
                    yield Fix(say("Repeat {count} times", count=fitting), (put(join(pointer, "n"), fitting),))

        return found(
            "too_many_layers",
            say(
                "The model expands to {total} layers, but at most {most} are allowed.",
                total=show(total),
                most=MOST_EXPANDED,
            ),
            say("Repeat and Unit multiply each other. Nothing was expanded, so shapes and cost are unknown."),
            pointer=pointer,
            propose=propose,
        )

    def _size(self, entry: Any, arguments: Mapping[str, Any], depth: int) -> int:
        """Return how many layers an entry expands to, by arithmetic alone."""
        if depth > MOST_NESTED:
            raise _TooDeep
        kind = entry.get("type") if isinstance(entry, Mapping) else None
        if kind == "Repeat":
            count = substitute(entry.get("n"), arguments)
            if _times(count) and _layers(entry):
                return int(count) * sum(self._size(inner, arguments, depth + 1) for inner in entry["layers"])
        elif kind == "Unit":
            unit = entry.get("unit")
            if isinstance(unit, str) and unit in self.units and unit not in self._recursive:
                values = self._values(unit, substitute(entry.get("arguments"), arguments))
                key = (unit, _key(values))
                if key not in self._sizes:
                    self._sizes[key] = sum(self._size(inner, values, depth + 1) for inner in self.units[unit]["layers"])
                return self._sizes[key]
        return 1

    # --- expansion ---

    def filled(self, entry: Any, call: Call | None) -> Mapping[str, Any]:
        """Return an entry with the arguments of the unit in which it stands."""
        if not isinstance(entry, Mapping):
            return {}
        if call is None:
            return entry
        return {key: value if key in _KEPT else substitute(value, call.arguments) for key, value in entry.items()}

    def rounds(
        self, entry: Mapping[str, Any], fields: Mapping[str, Any], pointer: str, call: Call | None
    ) -> Rounds | None:
        """Return what a Repeat or Unit stands for; None where the entry is too broken to tell."""
        if fields.get("type") == "Repeat":
            if _times(fields.get("n")) and _layers(fields):
                return Rounds(fields["n"], join(pointer, "layers"), fields["layers"], call)
            return None
        unit = fields.get("unit")
        if not isinstance(unit, str) or unit not in self.units or unit in self._recursive:
            return None
        given = fields.get("arguments")
        if self._mistaken(unit, fields):
            return None
        values = self._values(unit, given)
        if any(value is None for value in values.values()):
            return None
        inner = Call(pointer, entry, unit, values, call, _key(values))
        return Rounds(1, join("/model/units", unit, "layers"), self.units[unit]["layers"], inner)

    def _mistaken(self, unit: str, fields: Mapping[str, Any]) -> bool:
        """Tell whether the arguments are not as they were meant, so that what the defaults give says nothing."""
        declared, given = self.units[unit].get("arguments", {}), fields.get("arguments")
        if given is None:
            return bool(set(fields) - _UNIT) and bool(declared)
        if not isinstance(given, Mapping) or not isinstance(declared, Mapping):
            return True
        return any(did_you_mean(str(name), declared) for name in given if name not in declared)

    def _values(self, unit: str, given: Any) -> dict[str, Any]:
        """Return the values of a unit's arguments: as given, else by default; None where neither is there."""
        declared = self.units[unit].get("arguments")
        values = dict(declared) if isinstance(declared, Mapping) else {}
        values.update((name, value) for name, value in (given.items() if isinstance(given, Mapping) else ()))
        return values

    # --- mistakes in the use of units ---

    def misuse(self, fields: Mapping[str, Any], pointer: str, layer: str) -> Iterator[Found]:
        """Yield what is wrong with one use of a unit: no such unit, arguments missing or unknown."""
        unit = fields.get("unit")
        if not isinstance(unit, str) or unit in self._recursive:
            return
        if unit not in self.units:
            if not self._broken and unit not in self._named:  # else the units' own problem is the cause
                yield self._unknown_unit(unit, pointer, layer)
            return
        declared = self.units[unit].get("arguments", {})
        given = fields.get("arguments", {})
        if not isinstance(declared, Mapping) or not isinstance(given, Mapping):
            return
        undeclared = {name for _, name in self._placeholders(unit)} - set(declared)
        for name, value in declared.items():
            # An argument under a wrong name is one mistake, not an unknown and a missing one.
            meant = any(name in did_you_mean(str(other), declared) for other in given if other not in declared)
            meant = meant or any(name in did_you_mean(other, declared) for other in undeclared)
            if value is None and given.get(name) is None and not meant:
                yield self._missing_argument(unit, str(name), fields, pointer, layer)
        for name in given:
            if name not in declared and name not in undeclared:
                yield self._unknown_argument(unit, str(name), given, declared, pointer, layer)

    def _unknown_unit(self, unit: str, pointer: str, layer: str) -> Found:
        """Return one problem for all uses of the unit: it is one name that is missing."""
        layers = self._model.get("layers")
        uses = list(_calls(layers, "/model/layers")) if isinstance(layers, list) else []
        uses += [use for inside in self._uses.values() for use in inside]
        places = sorted({where for where, name in uses if name == unit} | {pointer})
        spare = [name for name in self.units if not any(used == name for _, used in uses)]
        meant = did_you_mean(unit, self.units, {}) or list(self.units)[:1]

        def propose() -> Iterator[Fix]:
            for name in meant:
                yield Fix(say("Use unit {name}", name=name), tuple(put(join(where, "unit"), name) for where in places))
                if name in spare:
                    patch = (remove(join("/model/units", name)), put(join("/model/units", unit), self.units[name]))
                    yield Fix(say("Rename unit {name} to {unit}", name=name, unit=unit), patch)

        known = (
            say("The model's units are: {units}.", units=commas(self.units))
            if self.units
            else say("The model has no units.")
        )
        more = say("{count} layers use it.", count=len(places)) if len(places) > 1 else ""
        return found(
            "unknown_unit",
            say("{layer}: there is no unit {unit!r:.80}.", layer=layer, unit=unit),
            sentences(known, more),
            pointer=join(pointer, "unit"),
            layer=layer,
            propose=propose,
        )

    def _missing_argument(self, unit: str, name: str, fields: Mapping[str, Any], pointer: str, layer: str) -> Found:
        def propose() -> Iterator[Fix]:
            where = join(pointer, "arguments")
            for value in (16, 3, 1):
                patch = (
                    put(join(where, name), value)
                    if isinstance(fields.get("arguments"), Mapping)
                    else put(where, {name: value})
                )
                yield Fix(say("Set {name} to {value}", name=name, value=value), (patch,))

        return found(
            "missing_argument",
            say("{layer}: unit {unit} needs the argument {name}.", layer=layer, unit=unit, name=name),
            say("It has no default in model.units, so every use must give it."),
            pointer=pointer,
            layer=layer,
            propose=propose,
        )

    def _unknown_argument(
        self, unit: str, name: str, given: Mapping[str, Any], declared: Mapping[str, Any], pointer: str, layer: str
    ) -> Found:
        where = join(pointer, "arguments", name)

        def propose() -> Iterator[Fix]:
            for meant in did_you_mean(name, [key for key in declared if key not in given], {}):
                patch = (remove(where), put(join(pointer, "arguments", meant), given[name]))
                yield Fix(say("Rename {name} to {other}", name=name, other=meant), patch)
            yield Fix(say("Remove {name}", name=name), (remove(where),))

        known = _arguments(declared)
        what = say("{layer}: unit {unit} has no argument {name!r:.80}.", layer=layer, unit=unit, name=name)
        return found("unknown_argument", what, known, pointer=where, layer=layer, propose=propose)

    def _placeholders(self, unit: str) -> list[tuple[tuple[str | int, ...], str]]:
        """Return (path, argument) for every "$argument" in a unit's layers that would be filled in."""
        return [
            (path, name)
            for path, name in placeholders(dict(self.units[unit]))
            if path[0] == "layers" and path[-1] not in ("name", "type") and "inputs" not in path
        ]

    def undeclared(self) -> Iterator[Found]:
        """Yield every argument that a unit's layers use without being one of the unit's, once, at its first place."""
        for unit, definition in self.units.items():
            declared = definition.get("arguments", {})
            places: dict[str, list[str]] = {}
            for path, name in self._placeholders(unit) if isinstance(declared, Mapping) else ():
                if name not in declared:
                    places.setdefault(name, []).append(join(join("/model/units", unit), *path))
            for name, pointers in places.items():
                yield self._undeclared(unit, name, pointers, definition)

    def _undeclared(self, unit: str, name: str, pointers: list[str], definition: Mapping[str, Any]) -> Found:
        declared = list(definition.get("arguments", {}))
        where = join("/model/units", unit, "arguments")

        def propose() -> Iterator[Fix]:
            for meant in did_you_mean(name, declared, {}) or declared[:1]:
                yield Fix(say("Use ${meant}", meant=meant), tuple(put(pointer, "$" + meant) for pointer in pointers))
                value = definition["arguments"][meant]
                yield Fix(
                    say("Rename {name} to {other}", name=meant, other=name),
                    (remove(join(where, meant)), put(join(where, name), value)),
                )
            yield Fix(
                say("Declare {name} as an argument", name=name),
                (put(join(where, name), None) if "arguments" in definition else put(where, {name: None}),),
            )

        return found(
            "unknown_argument",
            say("Unit {unit} uses ${name:.80}, which is none of its arguments.", unit=unit, name=name),
            _arguments(declared),
            pointer=pointers[0],
            propose=propose,
        )


def _arguments(names: Iterable[Any]) -> Said:
    known = commas(map(str, names))
    return say("Its arguments are: {names}.", names=known) if known else say("It has no arguments.")


def _layers(value: Any) -> bool:
    """Tell whether value has a list of layers that is not empty."""
    return isinstance(value, Mapping) and isinstance(value.get("layers"), list) and len(value["layers"]) > 0


def _times(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_REPEATS


def _key(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, default=repr)


def _calls(entries: Sequence[Any], pointer: str) -> Iterator[tuple[str, str]]:
    """Yield (pointer, unit) for every use of a unit in a list of layers, those within Repeat included."""
    waiting = [(entries, pointer)]
    while waiting:
        inside, where = waiting.pop()
        for index, entry in enumerate(inside):
            if isinstance(entry, Mapping):
                if entry.get("type") == "Unit" and isinstance(entry.get("unit"), str):
                    yield join(where, index), entry["unit"]
                elif entry.get("type") == "Repeat" and isinstance(entry.get("layers"), list):
                    waiting.append((entry["layers"], join(where, index, "layers")))
