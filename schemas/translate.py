"""From Pydantic's errors to Problems: where by JSON pointer, what and why in plain words, and fixes that were tried.

Works for every model from its own JSON Schema, so that a new layer or setting needs nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel
from pydantic_core import core_schema

from .broken import MOST_PROBLEMS, Broken, Place, at, text_of
from .errors import Problem
from .located import Found, Path, errors
from .patch import PatchError, apply, join
from .say import Said, about, commas, either, say, sentences
from .suggest import FIELDS, did_you_mean
from .words import describe, fits_type, forbidden, show, tags

M = TypeVar("M", bound=BaseModel)

SENSIBLE: dict[str, Any] = {
    "out_channels": 16,
    "out_features": 32,
    "shape": [-1],
    "n": 2,
    "layers": [{"type": "Affine", "out_features": 32}, {"type": "ReLU"}],
    "model": {"layers": [{"type": "Affine", "out_features": 32}, {"type": "ReLU"}]},
    "source": {"type": "builtin", "name": "digits"},
    "size": [32, 32],
}
"""What to offer for a required field that is missing, where something sensible can be said without knowing more."""

_KNOWN_ERRORS = frozenset(get_args(core_schema.ErrorType))


class _Report(Broken):
    """Make the Problems of one value that did not validate."""

    def _absent(self, error: Found) -> bool:
        """Tell a missing field from a list that is too short, which Pydantic reports alike."""
        return error.kind == "missing" and bool(error.path) and error.error["loc"][-1] == error.path[-1]

    def problems(self) -> list[Problem]:
        missing = {error.path for error in self.found if self._absent(error)}
        explained: set[Path] = set()
        listed: list[tuple[Found, Problem]] = []
        for error in self.found:
            if error.kind == "extra_forbidden":
                listed.append((error, self._unknown_field(error, missing - explained, explained)))
            elif error.error["loc"][-1:] == ("[key]",):
                listed.append((error, self._key(error)))
            elif self._absent(error):
                listed.append((error, self._missing(error)))
            elif error.kind in ("union_tag_invalid", "union_tag_not_found"):
                listed.append((error, self._tag(error)))
            elif error.kind not in _KNOWN_ERRORS or error.kind == "value_error":
                listed.append((error, self._custom(error)))
            else:
                listed.append((error, self._wrong(error)))
        # A field under a wrong name is one mistake, not an unknown and a missing field. So is a wrong entry of a list,
        # though Pydantic counts only the right ones and finds the list too short.
        inside = {error.path[:-1] for error in self.found if error.path and isinstance(error.path[-1], int)}
        explained |= {
            error.path for error in self.found if error.kind in ("too_short", "missing") and not self._absent(error)
        } & inside
        return [problem for error, problem in listed if error.path not in explained]

    # --- one method per kind of mistake ---

    def _unknown_field(self, error: Found, missing: set[Path], explained: set[Path]) -> Problem:
        *way, word = error.path
        parent, name = tuple(way), str(word)
        fields = self._fields(parent)
        meant = did_you_mean(name, fields, FIELDS)
        meant.sort(key=lambda field: (*parent, field) not in missing)
        here, fixes = at(self.value, parent), []
        for field in meant:
            if field in here:
                continue
            target = (*parent, field)
            for candidate in self._candidates(here[name], target):
                patch = [self._op("remove", error.path), self._op("add", target, candidate)]
                fix = self._fix(self._renaming(text_of((name,)), field, candidate, here[name]), patch, error, target)
                if fix:
                    fixes.append(fix)
                    if target in missing and not explained & {target}:
                        explained.add(target)
                    break
        fixes += self._try([(say("Remove {name}", name=text_of((name,))), [self._op("remove", error.path)])], error)
        known = say("It has {names}.", names=commas(fields)) if fields else ""
        hint = say("Did you mean {meant}?", meant=either(meant)) if meant else ""
        return self._problem(
            "unknown_field",
            error.path,
            say("there is no field {name}.", name=show(name)),
            sentences(hint, known),
            fixes,
        )

    def _missing(self, error: Found) -> Problem:
        name = str(error.path[-1])
        schema = self._schema(error.path)
        options = [SENSIBLE[name]] if name in SENSIBLE else []
        if schema and not options:
            options = [schema["default"]] if "default" in schema else list(schema.get("enum", ()))[:3]
        fixes = self._try(
            [
                (say("Set {name} to {value}", name=name, value=show(v)), [self._op("add", error.path, v)])
                for v in options
            ],
            error,
        )
        what = say("{field} is missing.", field=text_of(error.path))
        expected = say("It must be {wanted}.", wanted=describe(schema, self.root)) if schema else ""
        return self._problem("missing_field", error.path[:-1], what, sentences(self._why(error.path), expected), fixes)

    def _tag(self, error: Found) -> Problem:
        schema = self._schema(error.path) or {}
        choices, here = tags(schema, self.root), at(self.value, error.path)
        known = say("Known types: {names}.", names=commas(choices))
        target = (*error.path, "type")
        if isinstance(here, str):  # an initialiser may be said by its name alone
            meant = did_you_mean(here, choices)
            options = [
                (
                    say("Change {value} to {kind}", value=show(here), kind=tag),
                    [self._op("replace", error.path, {"type": tag})],
                )
                for tag in meant
            ]
            hint = say("Did you mean {meant}?", meant=either(meant)) if meant else ""
            what = say("{field} {value} does not exist.", field=text_of(error.path), value=show(here))
            return self._problem("unknown_type", error.path, what, sentences(hint, known), self._try(options, error))
        if not isinstance(here, dict) or "type" not in here:
            usual = schema.get("default")
            default = usual.get("type") if isinstance(usual, dict) else None
            offered = [default] if default in choices else choices[:1]
            options = [
                (say("Set {name} to {value}", name="type", value=tag), self._typed("add", target, tag))
                for tag in offered
            ]
            return self._problem(
                "missing_field",
                error.path,
                say("{field} is missing.", field=text_of(target)),
                known,
                self._try(options, error),
            )
        word = here["type"]
        if not isinstance(word, str):
            return self._problem(
                "wrong_type",
                target,
                say(
                    "{field} must be {wanted}, but is {value}.",
                    field=text_of(target),
                    wanted=say("a text"),
                    value=show(word),
                ),
                known,
                [],
            )
        meant = did_you_mean(word, choices)
        hint = say("Did you mean {meant}?", meant=either(meant)) if meant else ""
        options = [
            (say("Change {value} to {kind}", value=show(word), kind=tag), self._typed("replace", target, tag))
            for tag in meant
        ]
        what = say("{field} {value} does not exist.", field=text_of(target), value=show(word))
        return self._problem(
            "unknown_type", target, what, sentences(hint, known), self._try(options, error, loose=True)
        )

    def _custom(self, error: Found) -> Problem:
        given = error.error.get("ctx", {})
        said = given.get("said") or Said(str(given["error"] if error.kind == "value_error" else error.error["msg"]))
        code = "wrong_value" if error.kind == "value_error" else error.kind
        here = at(self.value, error.path)
        options = []
        if isinstance(here, dict):
            options = [
                (say("Leave out {field}", field=name), [self._op("remove", (*error.path, name))])
                for name in here
                if name != "type"
            ]
        what = say("{what}.", what=said)
        what = about(text_of(error.path), what) if error.path else what
        return self._problem(
            code,
            error.path,
            what,
            self._why(error.path),
            self._try(options[:10], error),
        )

    def _key(self, error: Found) -> Problem:
        """A name that the user chose, such as an argument's, is not of the form that such names have."""
        name = str(error.path[-1])
        what = say("{value} cannot be a name in {field}.", value=show(name), field=text_of(error.path[:-1]))
        why = (
            say("Such a name is not empty, not long, and of letters, digits and '_'.")
            if "pattern" in error.kind
            else ""
        )
        return self._problem("wrong_value", error.path, what, why, self._try([*self._without(error.path)], error))

    def _wrong(self, error: Found) -> Problem:
        value, schema = at(self.value, error.path), self._schema(error.path) or {}
        field = text_of(error.path) or say("this")
        wanted = describe(schema, self.root)
        what = say("{field} must be {wanted}, but is {value}.", field=field, wanted=wanted, value=show(value))
        pattern = schema.get("pattern") or next((s["pattern"] for s in schema.get("anyOf", ()) if "pattern" in s), None)
        if error.kind == "string_pattern_mismatch" and pattern:
            bad = forbidden(value, pattern)
            signs = (
                say("the characters {characters}", characters=show(bad))
                if bad
                else say("anything else than the form it needs")
            )
            what = say("{field} must not contain {signs}: {value}.", field=field, signs=signs, value=show(value))
        elif isinstance(value, list | str) and error.kind in (
            "too_long",
            "too_short",
            "string_too_long",
            "string_too_short",
        ):
            has = (
                say("{count} characters", count=len(value))
                if isinstance(value, str)
                else say("{count} entries", count=len(value))
            )
            what = say("{field} must be {wanted}, but it has {has}.", field=field, wanted=wanted, has=has)
        options = [
            (
                say("Set {name} to {value}", name=text_of(error.path), value=show(candidate)),
                [self._op("replace", error.path, candidate)],
            )
            for candidate in self._candidates(value, error.path)[1:]
        ]
        code = "wrong_value" if fits_type(value, schema, self.root) else "wrong_type"
        why = self._why(error.path)
        if isinstance(value, str) and value.startswith("$"):
            inside = say("A '$name' is replaced only inside a unit, by the unit's argument of that name.")
            why = sentences(why, inside)
        return self._problem(code, error.path, what, why, self._try([*options, *self._without(error.path)], error))

    # --- what they offer ---

    def _renaming(self, name: str, field: str, candidate: Any, value: Any) -> Said:
        if candidate is value:
            return say("Rename {name} to {other}", name=name, other=field)
        return say("Rename {name} to {other} and set it to {value}", name=name, other=field, value=show(candidate))

    def _without(self, path: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Offer to leave the field out, where it has a default; of a list's entry, the entry."""
        for length in range(len(path), 0, -1):
            if isinstance(path[length - 1], str):
                schema = self._schema(path[:length]) or {}
                default = schema.get("default")
                field, then = text_of(path[:length]), show(default)
                title = say("Leave out {field}", field=field)
                if default is not None:
                    title = say("Leave out {field} (it is then {value})", field=field, value=then)
                yield title, [self._op("remove", path[:length])]
                return
            yield say("Remove {name}", name=text_of(path[:length])), [self._op("remove", path[:length])]

    def _typed(self, op: str, target: Path, tag: str) -> list[dict[str, Any]]:
        """Return the patch that sets the type, with the fixes that the other fields then need."""
        patch = [self._op(op, target, tag)]
        more = repair(self.model, self.value, patch, self.place, self.depth, target[:-1])
        return patch + (more or [])


def repair(
    model: type[BaseModel],
    value: dict[str, Any],
    patch: list[dict[str, Any]],
    place: Place,
    depth: int = 0,
    within: Path = (),
) -> list[dict[str, Any]] | None:
    """Return the operations that make the part `within` valid once `patch` is applied; None where there are none."""
    if depth > 1:
        return None
    try:
        patched = apply(value, patch)
    except PatchError:
        return None
    here = Place("", place.subject, place.layer, place.beside)
    _, problems = validate(model, patched, here, depth + 1)
    part = join("", *within)
    inside = [problem for problem in problems if f"{problem.pointer}/".startswith(f"{part}/")]
    more = [operation for problem in inside for fix in problem.fixes[:1] for operation in fix.patch]
    try:
        _, left, _ = errors(model, apply(patched, more), place.beside)
    except PatchError:
        return None
    return None if any(found.path[: len(within)] == within for found in left) else more


def validate(model: type[M], value: dict[str, Any], place: Place, depth: int = 0) -> tuple[M | None, list[Problem]]:
    """Return the model's instance and no problem, or None and every independent problem of `value`."""
    instance, found, more = errors(model, value, place.beside)
    if instance is not None:
        return instance, []
    problems = _Report(model, value, place, found, depth, more).problems()
    untold = more + max(0, len(found) - MOST_PROBLEMS)
    if untold:
        what = about(place.subject, say("{count} more problems like these are not listed.", count=untold))
        problems.append(
            Problem("too_many_problems", what, say("Mend the listed ones first."), place.pointer, place.layer)
        )
    return None, problems
