"""Read the model's units: their layers are templates, checked with the arguments' defaults and every use's values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from .broken import Place
from .errors import Fix, Problem
from .layer import Name
from .model import MOST_UNITS, UnitHead, placeholders, substitute
from .patch import join, split
from .say import Said, about, say
from .stack import Entry, Labels, read_stack
from .translate import validate
from .words import forbidden, show

KEPT = ("type", "name", "inputs")
"""Fields in which no argument is filled in."""

MOST_WORK = 5_000
"""Template layers validated with the arguments of uses; the graph validates what it expands."""

MOST_TOLD = 100
"""Problems with arguments that are told one by one."""


@dataclass(frozen=True)
class UnitEntry:
    """One unit of the document. `entries` are its layers with the defaults filled in, as far as there are any."""

    name: str
    pointer: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    raw_layers: tuple[Any, ...] = ()
    entries: tuple[Entry, ...] = ()
    broken: bool = False


def filled(raw: Any, arguments: Mapping[str, Any]) -> Any:
    """Return a template entry with its arguments, everywhere but in type, name and inputs."""
    if not isinstance(raw, dict):
        return raw
    return {
        key: value
        if key in KEPT
        else [filled(part, arguments) for part in value]
        if key == "layers" and isinstance(value, list)
        else substitute(value, arguments)
        for key, value in raw.items()
    }


def _spots(layers: list[Any], pointer: str) -> dict[str, str]:
    """Return pointer -> argument for every "$argument" that is filled in."""
    return {
        join(pointer, *path): name
        for path, name in placeholders(layers)
        if not any(step in KEPT for step in path if isinstance(step, str)) and not _whole(path)
    }


def _whole(path: tuple[str | int, ...]) -> bool:
    """Tell whether a placeholder stands for a whole layer or a list of them, which no argument can be.

    >>> _whole((3,)), _whole((3, "layers", 0)), _whole((3, "kernel_size", 0))
    (True, True, False)
    """
    return path[-1] == "layers" or (isinstance(path[-1], int) and (len(path) == 1 or path[-2] == "layers"))


def _spot(problem: Problem, spots: Mapping[str, str]) -> str | None:
    """Return the placeholder whose value the problem is about."""
    if problem.code not in ("wrong_value", "wrong_type", "unknown_type", "missing_field", "unknown_field"):
        return None
    if problem.pointer in spots:
        return problem.pointer if problem.code in ("wrong_value", "wrong_type") else None
    # The value of an argument may be a list or an object with a problem inside it.
    steps = split(problem.pointer)
    return next((p for n in range(len(steps), 0, -1) if (p := join("", *steps[:n])) in spots), None)


def _as_written(problem: Problem, layers: list[Any], pointer: str, spots: Mapping[str, str]) -> Problem:
    """Put "$argument" back where a fix moves the value of a placeholder to another field."""
    fixes = []
    for fix in problem.fixes:
        moved = [spots[op["path"]] for op in fix.patch if op["op"] == "remove" and op["path"] in spots]
        patch = tuple({**op, "value": "$" + moved[0]} if moved and op["op"] == "add" else op for op in fix.patch)
        fixes.append(Fix(fix.title, patch))
    return replace(problem, fixes=tuple(fixes))


def _at_argument(problem: Problem, spot: str, target: str, layer: str | None) -> Problem:
    """Tell the problem where the argument gets its value, with the fixes that still make sense there."""
    fixes = tuple(
        Fix(
            say("Set {name} to {value}", name=split(target)[-1], value=show(fix.patch[0]["value"])),
            ({**fix.patch[0], "path": target},),
        )
        for fix in problem.fixes
        if len(fix.patch) == 1 and fix.patch[0]["op"] == "replace" and fix.patch[0]["path"] == spot
    )
    pointer = target + problem.pointer.removeprefix(spot)
    return replace(problem, pointer=pointer, layer=layer or problem.layer, fixes=fixes)


def _calls(raw: Any, pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (pointer, entry) for every use of a unit in a list of layers, those within Repeat included."""
    for index, entry in enumerate(raw if isinstance(raw, list) else ()):
        if isinstance(entry, dict) and entry.get("type") == "Unit":
            yield join(pointer, index), entry
        elif isinstance(entry, dict) and entry.get("type") == "Repeat":
            yield from _calls(entry.get("layers"), join(pointer, index, "layers"))


def _given(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that a use states itself, not by an argument of the unit around it."""
    arguments = entry.get("arguments")
    if not isinstance(arguments, dict):
        return {}
    return {k: v for k, v in arguments.items() if v is not None and not any(True for _ in placeholders(v))}


def _bad_name(name: str) -> Problem | None:
    schema = TypeAdapter(Name).json_schema()
    bad = forbidden(name, schema["pattern"])
    if bad or not 1 <= len(name) <= schema["maxLength"]:
        what = (
            say("The unit's name must not contain {characters}: {name}.", characters=show(bad), name=show(name))
            if bad
            else say("A unit's name has 1 to 100 characters: {name}.", name=show(name))
        )
        return Problem(
            "wrong_value",
            what,
            say("Uses of the unit say this name."),
            join("/model/units", name),
        )
    return None


def read_units(model: Mapping[str, Any], labels: Labels) -> tuple[dict[str, UnitEntry], list[Problem]]:
    """Read `model.units`; return the units by name and every independent problem."""
    units = model.get("units")
    if units is None and "units" not in model:
        return {}, []
    if not isinstance(units, dict):
        fix = Fix(say("Remove units"), ({"op": "remove", "path": "/model/units"},))
        what = about("model", say("units must be an object {{…}} of named stacks, but is {value}.", value=show(units)))
        return {}, [Problem("wrong_type", what, "", "/model/units", fixes=(fix,))]
    if len(units) > MOST_UNITS:
        many = say("there are {count} units, but at most {most} are possible.", count=len(units), most=MOST_UNITS)
        what = about("model", many)
        return {}, [Problem("too_large", what, say("Remove those that are not used."), "/model/units")]
    uses = [*_calls(model.get("layers"), "/model/layers")]
    for name, unit in units.items():
        uses += _calls(unit.get("layers") if isinstance(unit, dict) else None, join("/model/units", name, "layers"))
    first: dict[str, dict[str, Any]] = {}
    for _, entry in uses:
        if isinstance(entry.get("unit"), str):
            first[entry["unit"]] = {**_given(entry), **first.get(entry["unit"], {})}
    result: dict[str, UnitEntry] = {}
    problems: list[Problem] = []
    for name, unit in units.items():
        read, found = _unit(name, unit, first.get(name, {}), labels)
        bad = _bad_name(name)
        result[name] = read
        problems += [*([bad] if bad else []), *found]
        if len(problems) > 200:
            break
    return result, [*problems, *_uses(uses, units, labels, {problem.pointer for problem in problems})]


def _unit(name: str, unit: Any, first: Mapping[str, Any], labels: Labels) -> tuple[UnitEntry, list[Problem]]:
    pointer, subject = join("/model/units", name), say("Unit {unit}", unit=show(name)[1:-1])
    if not isinstance(unit, dict):
        what = say("{name} must be an object {{…}} with layers, but is {value}.", name=subject, value=show(unit))
        return UnitEntry(name, pointer, broken=True), [Problem("wrong_type", what, "", pointer)]
    head, problems = validate(UnitHead, unit, Place(pointer, subject, beside=("layers",)))
    defaults = {k: v for k, v in head.arguments.items() if v is not None} if head is not None else {}
    layers = unit.get("layers")
    raw = layers if isinstance(layers, list) else []
    spots = _spots(raw, pointer + "/layers")
    entries, found, usable = read_stack(filled(unit, {**first, **defaults}), pointer, labels, subject)
    for problem in found:
        spot = _spot(problem, spots)
        if spot is None:
            problems.append(_as_written(problem, raw, pointer, spots))
        elif spots[spot] in defaults:
            problems.append(_at_argument(problem, spot, join(pointer, "arguments", spots[spot]), None))
    arguments = dict(head.arguments) if head is not None else {}
    return UnitEntry(name, pointer, arguments, tuple(raw), entries, broken=bool(problems) or not usable), _once(
        problems
    )


class _Templates:
    """A unit's layers, and which of them each argument fills."""

    def __init__(self, unit: str, definition: Mapping[str, Any]) -> None:
        self.pointer = join("/model/units", unit, "layers")
        self.layers: list[Any] = definition["layers"]
        declared = definition.get("arguments")
        self.defaults = declared if isinstance(declared, dict) else {}
        self.spots = _spots(self.layers, self.pointer)
        self.filled_by: dict[str, list[int]] = {}
        for index, raw in enumerate(self.layers):
            for name in {name for _, name in placeholders(raw)}:
                self.filled_by.setdefault(name, []).append(index)

    def problems(self, index: int, values: Mapping[str, Any]) -> Iterator[tuple[Problem, str]]:
        """Yield what is wrong in one layer with these values of the arguments, and the placeholder it is about."""
        _, found, _ = read_stack({"layers": [filled(self.layers[index], values)]}, "", Labels(), "")
        here, short = join(self.pointer, index), len("/layers/0")
        for problem in found:
            fixes = tuple(
                Fix(fix.title, tuple({**op, "path": here + op["path"][short:]} for op in fix.patch))
                for fix in problem.fixes
            )
            moved = replace(problem, pointer=here + problem.pointer[short:], fixes=fixes)
            spot = _spot(moved, self.spots)
            if spot is not None:
                yield moved, spot


def _uses(
    uses: Iterable[tuple[str, dict[str, Any]]], units: Mapping[str, Any], labels: Labels, known: set[str]
) -> Iterator[Problem]:
    """Yield a problem for every argument whose value does not suit a field that it fills."""
    templates: dict[str, _Templates] = {}
    tried: set[str] = set()
    work = told = 0
    for pointer, entry in uses:
        unit, given = entry.get("unit"), _given(entry)
        definition = units.get(unit) if isinstance(unit, str) else None
        if not given or not isinstance(definition, dict) or not isinstance(definition.get("layers"), list):
            continue
        key = json.dumps([unit, given], sort_keys=True)
        if key in tried:
            continue
        tried.add(key)
        unit = str(unit)
        template = templates.setdefault(unit, templates.get(unit) or _Templates(unit, definition))
        values = {name: value for name, value in {**template.defaults, **given}.items() if value is not None}
        waiting = {name for name in given if join(pointer, "arguments", name) not in known}
        for index in sorted({index for name in waiting for index in template.filled_by.get(name, ())}):
            if not any(name in waiting for _, name in placeholders(template.layers[index])):
                continue
            work += 1
            for problem, spot in template.problems(index, values):
                name = template.spots[spot]
                if name in waiting:
                    waiting.remove(name)
                    told += 1
                    label = labels.names.get(pointer)
                    inner = say("argument {name}: {what}", name=name, what=_after_label(problem.what))
                    what = about(label or "Unit", inner)
                    moved = _at_argument(problem, spot, join(pointer, "arguments", name), label)
                    yield replace(moved, what=what)
            if not waiting or work > MOST_WORK:
                break
        if work > MOST_WORK or told > MOST_TOLD:
            return


def _after_label(what: str) -> str:
    inner = what.values.get("what") if isinstance(what, Said) and {"name", "what"} == set(what.values) else None
    return inner if isinstance(inner, str) else what.partition(": ")[2] or what


def _once(problems: list[Problem]) -> list[Problem]:
    """Return the problems, one for each place and code."""
    return list({(problem.pointer, problem.code): problem for problem in reversed(problems)}.values())[::-1]
