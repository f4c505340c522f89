"""Say in plain words what a field wants, from its JSON Schema, and which valid value is nearest to a wrong one.

Everything here is derived from the models' own schema, so a new layer or setting needs no new text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from .say import Joined, Said, commas, either, say
from .suggest import LONGEST_WORD, did_you_mean

Schema = dict[str, Any]

_CACHE: dict[type[BaseModel], Schema] = {}


def schema_of(model: type[BaseModel]) -> Schema:
    """Return the model's JSON Schema, made once."""
    if model not in _CACHE:
        schema = model.model_json_schema()
        if "$ref" in schema:  # of a model that holds itself
            schema = {**schema["$defs"][schema["$ref"].rpartition("/")[2]], "$defs": schema["$defs"]}
        _CACHE[model] = schema
    return _CACHE[model]


def show(value: Any, most: int = 60) -> str:
    """Write a value for a message: short, on one line, without characters that a terminal would act on."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 130:
        return say("a number of about {digits} digits", digits=int(value.bit_length() * math.log10(2)) + 1)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, str):
        text = json.dumps(value[: most + 1], ensure_ascii=False)
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{show(key)}: {show(part)}" for key, part in list(value.items())[:4]) + "}"
        text = text[:-1] + ", …}" if len(value) > 4 else text
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(show(part) for part in value[:8]) + (", …]" if len(value) > 8 else "]")
    else:
        text = json.dumps(value, default=lambda odd: f"<{type(odd).__name__}>")
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return text if len(text) <= most else text[: most - 1] + "…"


def resolved(schema: Schema, root: Schema) -> Schema:
    """Follow "$ref" to the definition."""
    while "$ref" in schema:
        schema = {
            **root["$defs"][schema["$ref"].rpartition("/")[2]],
            **{k: v for k, v in schema.items() if k != "$ref"},
        }
    return schema


def branches(schema: Schema, root: Schema) -> Iterator[Schema]:
    """Yield the alternatives of a schema, "null" left out: the schema itself where it has none."""
    schema = resolved(schema, root)
    parts = schema.get("anyOf") or schema.get("oneOf")
    if parts is None:
        if schema.get("type") != "null":
            yield schema
        return
    for part in parts:
        yield from branches(part, root)


def step_into(schema: Schema, step: str | int, value: Any, root: Schema) -> Schema | None:
    """Return the schema of one part of `value`, which `schema` describes; None where it says nothing about it."""
    for branch in branches(schema, root):
        if isinstance(step, str) and isinstance(value, dict) and branch.get("type") == "object":
            kind = branch.get("properties", {}).get("type", {}).get("const")
            if kind is not None and value.get("type", kind) != kind:
                continue
            if step in branch.get("properties", {}):
                return resolved(branch["properties"][step], root)
            others = [branch.get("additionalProperties"), *branch.get("patternProperties", {}).values()]
            for other in others:
                if isinstance(other, dict):
                    return resolved(other, root)
        elif isinstance(step, int) and branch.get("type") == "array":
            prefix = branch.get("prefixItems", [])
            items = prefix[step] if step < len(prefix) else branch.get("items")
            if isinstance(items, dict):
                return resolved(items, root)
    return None


def _within(kind: Said, schema: Schema) -> Said:
    """Say a kind of number with its limits."""
    limits = (schema.get(key) for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
    low, high, above, below = (show(int(n) if n == int(n) else n) if n is not None else None for n in limits)
    if low is not None and high is not None:
        return say("{kind} from {low} to {high}", kind=kind, low=low, high=high)
    if above is not None and high is not None:
        return say("{kind} above {low} and at most {high}", kind=kind, low=above, high=high)
    if above is not None and below is not None:
        return say("{kind} above {low} and below {high}", kind=kind, low=above, high=below)
    if low is not None and below is not None:
        return say("{kind} of at least {low} and below {high}", kind=kind, low=low, high=below)
    if low is not None:
        return say("{kind} of at least {low}", kind=kind, low=low)
    if above is not None:
        return say("{kind} above {low}", kind=kind, low=above)
    if high is not None:
        return say("{kind} at most {high}", kind=kind, high=high)
    return say("{kind} below {high}", kind=kind, high=below) if below is not None else kind


def _characters(schema: Schema) -> Said:
    low, high = schema.get("minLength"), schema.get("maxLength")
    if low is not None and low == high:
        return say("a text of {count} characters", count=low)
    if low and high is not None:
        return say("a text of {low} to {high} characters", low=low, high=high)
    if high is not None:
        return say("a text of at most {high} characters", high=high)
    return say("a text of at least {low} characters", low=low) if low else say("a text")


def _entries(schema: Schema) -> Said:
    if "prefixItems" in schema:
        return say("a list of {count}", count=len(schema["prefixItems"]))
    low, high = schema.get("minItems"), schema.get("maxItems")
    if low is not None and low == high:
        return say("a list of {count} entries", count=low)
    if low and high is not None:
        return say("a list of {low} to {high} entries", low=low, high=high)
    if high is not None:
        return say("a list of at most {high} entries", high=high)
    return say("a list of at least {low} entries", low=low) if low else say("a list")


def _each(schema: Schema, root: Schema) -> str | None:
    """Say what each entry of a list must be; None where it may be anything."""
    inner = schema["prefixItems"][0] if "prefixItems" in schema else schema.get("items")
    return describe(inner, root) if inner else None


def tags(schema: Schema, root: Schema) -> list[str]:
    """Return the types that an object may have here, by the "type" it says."""
    found = [b.get("properties", {}).get("type", {}).get("const") for b in branches(schema, root)]
    return [tag for tag in found if isinstance(tag, str)]


def _describe_one(schema: Schema, root: Schema) -> str:
    if "const" in schema:
        return show(schema["const"])
    if "enum" in schema:
        return say("one of {names}", names=commas(show(choice) for choice in schema["enum"]))
    kind = schema.get("type")
    if kind == "integer":
        return _within(say("a whole number"), schema)
    if kind == "number":
        return _within(say("a number"), schema)
    if kind == "boolean":
        return say("true or false")
    if kind == "string":
        return _characters(schema)
    if kind == "array":
        each = _each(schema, root)
        return say("{list}, each {wanted}", list=_entries(schema), wanted=each) if each else _entries(schema)
    if kind == "object":
        numbers = isinstance(schema.get("additionalProperties"), dict)
        return say("an object {{…}} of numbers") if numbers else say("an object {{…}}")
    return say("any value")


def describe(schema: Schema, root: Schema) -> str:
    """Say what the schema wants.

    >>> describe({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, {})
    'a whole number of at least 1'
    """
    names = tags(schema, root)
    texts: list[str] = []
    said: list[Any] = []
    for branch in branches(schema, root):
        tagged = "const" in branch.get("properties", {}).get("type", {})
        text = say('an object with "type" {names}', names=either(names)) if tagged else _describe_one(branch, root)
        if tagged and said == names:
            text = say("an object with one of these as its type")
        said = branch.get("enum", said)
        if texts and branch.get("type") == "array" and _each(branch, root) == texts[-1]:
            text = say("{list} of them", list=_entries(branch))
        if text not in texts:
            texts.append(text)
    return Joined(", or ", texts) if texts else say("left out")


_JSON_TYPES: dict[type, set[str]] = {
    bool: {"boolean"},
    int: {"integer", "number"},
    float: {"number"},
    str: {"string"},
    list: {"array"},
    dict: {"object"},
}


def fits_type(value: Any, schema: Schema, root: Schema) -> bool:
    """Tell whether one alternative of the schema has the JSON type of `value`, whatever its limits say."""
    kinds = _JSON_TYPES.get(type(value), {"null"})
    for branch in branches(schema, root):
        if branch.get("type") in kinds or ("const" in branch and type(branch["const"]) is type(value)):
            return True
        if any(type(choice) is type(value) for choice in branch.get("enum", ())):
            return True
    return False


def forbidden(value: str, pattern: str) -> str:
    """Return the characters of `value` that no text of this pattern may hold."""
    return "".join(dict.fromkeys(c for c, good in _judged(value, pattern) if not good))


def _judged(value: str, pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield each character and whether it may stand there, behind the allowed ones before it."""
    kept = ""
    for character in value[:300]:
        good = re.fullmatch(pattern, kept + character) is not None
        kept += character if good else ""
        yield character, good


_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def _nearest_number(value: Any, schema: Schema) -> Iterator[Any]:
    if isinstance(value, str) and len(value) <= LONGEST_WORD:
        text = value.strip().replace(",", "").replace("_", "")
        if re.fullmatch(r"[+-]?[0-9]{1,15}", text):
            value = int(text)
        elif re.fullmatch(r"[+-]?([0-9]{1,15}\.?[0-9]{0,15}|\.[0-9]{1,15})([eE][+-]?[0-9]{1,3})?", text):
            value = float(text)
        elif re.fullmatch(r"[0-9.]{1,8}%", text) and text.count(".") <= 1 and text[0] != ".":
            value = float(text[:-1]) / 100
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or (isinstance(value, float) and not math.isfinite(value))
    ):
        return
    if schema.get("type") == "integer" and isinstance(value, float):
        value = int(value) if value == int(value) else max(round(value), 1 if value > 0 else round(value))
    low, high = (
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
    )
    if schema.get("type") == "number" and high == 1 and 1 < value <= 100:
        yield value / 100  # a percentage
    if value < 0 and schema.get("type") == "integer" and 0 < (low or 0) < -value <= (high or math.inf):
        yield -int(value)  # a slip of the sign
    if low is not None and value < low and "minimum" in schema:
        yield low if schema["type"] == "number" else int(low)
    # A number far beyond the limit was not meant as the limit: 10^30 channels are no wish for 65536.
    elif high is not None and value > high and "maximum" in schema and value <= 4 * high:
        yield high if schema["type"] == "number" else int(high)
    else:
        yield value


def _nearest_array(value: Any, schema: Schema, root: Schema) -> Iterator[Any]:
    prefix, items = schema.get("prefixItems"), schema.get("items") or {}
    if (
        isinstance(value, str)
        and len(value) <= LONGEST_WORD
        and re.fullmatch(r"\W*\d{1,9}(\s*[x×*,; ]\s*\d{1,9})+\W*", value)
    ):
        value = [int(number) for number in re.findall(r"\d+", value)]
    if not isinstance(value, list):
        inner = prefix[0] if prefix else items
        for part in nearest(value, inner, root):
            yield [part] * (len(prefix) if prefix else 1)
        return
    if len(value) > 1000:
        return
    if prefix and len(value) == 2 * len(prefix) and value[: len(prefix)] == value[len(prefix) :]:
        value = value[: len(prefix)]  # ONNX's [top, left, bottom, right]
    if prefix and len(value) == 1:
        value = value * len(prefix)
    if prefix and len(value) != len(prefix):
        return
    most = schema.get("maxItems")
    if most is not None and len(value) > most:
        return
    mended = []
    for index, part in enumerate(value):
        inner = prefix[index] if prefix else items
        found = next(iter(nearest(part, inner, root)), None)
        if found is None:
            return
        mended.append(found)
    yield mended


def nearest(value: Any, schema: Schema, root: Schema) -> Iterator[Any]:
    """Yield values that the schema takes and that `value` may have meant, the likeliest first.

    The schema does not say everything, so the caller tries them before it offers one.

    >>> positive = {"type": "integer", "minimum": 1}
    >>> list(nearest("3", positive, {})), list(nearest(-1, positive, {}))
    ([3], [1])
    """
    names = tags(schema, root)
    if names and isinstance(value, str):
        yield from ({"type": name} for name in did_you_mean(value, names))
    for branch in branches(schema, root):
        kind = branch.get("type")
        choices = branch.get("enum", [branch["const"]] if "const" in branch else None)
        if choices is not None:
            if value in choices and not isinstance(value, bool):
                yield value
            elif isinstance(value, str):
                yield from did_you_mean(value, [choice for choice in choices if isinstance(choice, str)])
        elif kind in ("integer", "number"):
            yield from _nearest_number(value, branch)
        elif kind == "boolean":
            if isinstance(value, bool):
                yield value
            elif isinstance(value, str | int) and str(value).strip().lower() in _YES + _NO:
                yield str(value).strip().lower() in _YES
        elif kind == "string" and isinstance(value, str | int | float) and not isinstance(value, bool):
            yield from _nearest_text(value, branch)
        elif kind == "array":
            yield from _nearest_array(value, branch, root)


def _nearest_text(value: str | int | float, schema: Schema) -> Iterator[str]:
    if isinstance(value, int) and value.bit_length() > 130:
        return
    text = str(value)[: schema.get("maxLength", 1000)]
    pattern = schema.get("pattern")
    if pattern:
        kept = ""
        for character, good in _judged(text, pattern):
            kept += character if good else ("_" if kept and re.fullmatch(pattern, kept + "_") else "")
        text = kept
    if len(text) >= schema.get("minLength", 0):
        yield text
