"""The document: one JSON object that says a network, its data and its training.

    document = Document.model_validate(raw)      strict: the whole document or Pydantic's ValidationError
    sections, problems = parse(raw)              tolerant: every independent problem, and all that is sound
    text = dump(document)                        the same bytes for the same document

What is read from files comes through schemas/reader.py. Nothing in a document is executed or resolved to a Python name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .broken import Place
from .data import Data
from .errors import Fix, Problem
from .initialise import Initialise
from .migrate import migrate
from .model import MOST_UNITS, Model, Shell, Stacked
from .patch import join
from .reader import inspect, not_an_object, refusal
from .say import Said, say
from .stack import Entry, Labels, read_stack
from .training import Training
from .translate import SENSIBLE, validate
from .units import UnitEntry, read_units
from .words import show

MOST_REFUSED = 20
"""Mistakes that only the whole document shows; there should be none."""

Task = Literal["classification", "binary", "regression"]
DocumentName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=60,  # in UTF-8 at most 240 bytes: a file name on every system, it names the run folder
        pattern=r"^[^/\\:*?\"<>|.~\x00-\x20\x7f-\x9f-][^/\\:*?\"<>|\x00-\x1f\x7f-\x9f]*$",
    ),
]
_HEAD = ("name", "task", "description", "expect", "initialise")
Metric = Annotated[str, Field(min_length=1, max_length=100)]


class Head(BaseModel):
    """What a document says beside its three sections."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = Field(1, description="Version of the document's form.")
    name: DocumentName = Field("network", description="Name of the network, and of the folder for its runs.")
    task: Task | None = Field(None, description="What is predicted; told by head, loss or data when left out.")
    description: Annotated[str, Field(max_length=10_000)] | None = Field(
        None, description="For people; means nothing else."
    )
    expect: Annotated[
        dict[Metric, Annotated[float, Field(strict=True, allow_inf_nan=False)]] | None, Field(max_length=100)
    ] = Field(
        None,
        description="Metrics of the test part that a run should reach: at least, or at most for loss, mae and rmse.",
    )
    initialise: Initialise | None = Field(None, description="Another run whose learned weights this one starts from.")


class Document(Stacked, Head):
    """A network, its data and its training, as one JSON document."""

    model: Model = Field(description="The network.")
    data: Data | None = Field(None, description="Where samples come from, how they are split and prepared.")
    training: Training = Field(default_factory=Training, description="How the network is trained.")


@dataclass(frozen=True)
class Sections:
    """What is sound in a document. A section that is broken, or not there, is None or empty."""

    raw: dict[str, Any]
    """The document as plain JSON values, in the present format."""
    name: str = "network"
    task: Task | None = None
    description: str | None = None
    expect: Mapping[str, float] = field(default_factory=dict)
    initialise: Initialise | None = None
    input: tuple[int, ...] | None = None
    layers: tuple[Entry, ...] = ()
    units: Mapping[str, UnitEntry] = field(default_factory=dict)
    data: Data | None = None
    training: Training | None = None
    document: Document | None = None
    """The whole, where there is no error."""


def _section(raw: dict[str, Any], key: str, example: Any = None) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return a section where it is an object; None and a problem where it is something else."""
    if key not in raw or (key == "data" and raw[key] is None):
        return None, []
    if isinstance(raw[key], dict):
        return raw[key], []
    pointer = "/" + key
    fixes = []
    if key == "model" and isinstance(raw[key], list):
        fixes.append(
            Fix(
                say("Take the list as the model's layers"),
                ({"op": "replace", "path": pointer, "value": {"layers": raw[key]}},),
            )
        )
    elif key != "model":
        fixes.append(Fix(say("Leave out {field}", field=key), ({"op": "remove", "path": pointer},)))
    what = say("{field} must be an object {{…}}, but is {value}.", field=key, value=show(raw[key]))
    why = Said(str(Document.model_fields[key].description))
    return None, [Problem("wrong_type", what, why, pointer, fixes=tuple(fixes))]


def _renamed(problems: list[Problem], section: str) -> bool:
    """Tell whether an unknown field of the document was recognised as this section."""
    return any(op["path"] == "/" + section for p in problems for fix in p.fixes for op in fix.patch)


def parse(raw: Any) -> tuple[Sections, list[Problem]]:
    """Read a document as far as it is sound; return its sections and every independent problem.

    Each layer, setting and section is read alone, so one mistake hides no other. Never raises for any value of `raw`.
    How layers fit together (names, inputs, shapes) is builder/check.py's to say.
    """
    clean, problems = inspect(raw)
    bad = {problem.pointer for problem in problems}
    if not isinstance(clean, dict):
        return Sections({}), problems or [not_an_object(clean)]
    clean, found = migrate(clean)
    beside = ("format", "model", "data", "training")
    head, more = validate(Head, clean, Place("", say("The document"), beside=beside))
    found += more
    model, more = _section(clean, "model")
    found += more
    if "model" not in clean and not _renamed(found, "model"):
        fix = Fix(say("Start with a small model"), ({"op": "add", "path": "/model", "value": SENSIBLE["model"]},))
        found.append(
            Problem(
                "missing_field",
                say("{name}: {what}", name=say("The document"), what=say("{field} is missing.", field="model")),
                say("It says the layers."),
                fixes=(fix,),
            )
        )
    shape, layers, units, more = _model(model)
    found += more
    data, more = _section(clean, "data")
    found += more
    settings = None
    if data is not None:
        settings, more = validate(Data, data, Place("/data", "data"))
        found += more
    trained, more = _section(clean, "training")
    found += more
    training = None if more else Training()
    if trained is not None:
        training, more = validate(Training, trained, Place("/training", "training"))
        found += more
    # Where something stood that JSON cannot say, that is the cause of what is missed there.
    problems += [problem for problem in found if problem.pointer not in bad]
    document = None
    if not any(problem.severity == "error" for problem in problems):
        try:
            document = Document.model_validate(clean)
        except ValidationError as failure:  # what was read part by part is refused as a whole: tell it all the same
            problems += [_refused(dict(error), clean) for error in failure.errors(include_url=False)[:MOST_REFUSED]]
    sections = Sections(
        clean,
        layers=layers,
        units=units,
        input=shape,
        data=settings,
        training=training,
        document=document,
        **_head(head, clean),
    )
    return sections, problems


def _refused(error: dict[str, Any], raw: Any) -> Problem:
    """Return one of Pydantic's errors as a Problem, at the deepest place of its path that the document has."""
    here, steps = raw, []
    for step in error["loc"]:
        inside = isinstance(here, dict) and step in here
        if inside or (isinstance(here, list) and isinstance(step, int) and step < len(here)):
            here = here[step]
            steps.append(step)
    return Problem(
        "wrong_value", say("{what}, but it is {value}.", what=error["msg"], value=show(here)), "", join("", *steps)
    )


def _head(head: Head | None, raw: dict[str, Any]) -> dict[str, Any]:
    """Return the head's fields; where one is broken, those that are sound."""
    if head is None:
        kept = {}
        for key in _HEAD:
            alone, problems = validate(Head, {key: raw[key]} if key in raw else {}, Place("", ""))
            if alone is not None and not problems:
                kept[key] = getattr(alone, key)
    else:
        kept = {key: getattr(head, key) for key in _HEAD}
    return {**kept, "expect": kept.get("expect") or {}}


def _model(
    model: dict[str, Any] | None,
) -> tuple[tuple[int, ...] | None, tuple[Entry, ...], dict[str, UnitEntry], list[Problem]]:
    if model is None:
        return None, (), {}, []
    labels = Labels(model.get("layers"), model.get("units"))
    labels.read(model.get("layers"), "/model/layers")
    for name, unit in labels.units.items() if len(labels.units) <= MOST_UNITS else ():
        if isinstance(unit, dict):
            labels.name_only(unit.get("layers"), name)
    shell, problems = validate(Shell, model, Place("/model", "model", beside=("layers", "units")))
    layers, more, _ = read_stack(model, "/model", labels, "model")
    units, others = read_units(model, labels)
    return shell.input if shell is not None else None, layers, units, [*problems, *more, *others]


# --- writing ---------------------------------------------------------------------------------------------------------

_WIDTH = 120


def plain(value: Any) -> Any:
    """Return a model as plain JSON values: what was set, and the types, in the order of the fields.

    >>> from schemas.training import Adam
    >>> plain(Adam(learning_rate=0.01))
    {'type': 'Adam', 'learning_rate': 0.01}
    """
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        told = [name for name in fields if name in value.model_fields_set or name in ("type", "format")]
        return {fields[name].alias or name: plain(getattr(value, name)) for name in told}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def _lines(value: Any, indent: int, room: int) -> str:
    """Write a value on one line where it fits, otherwise one part per line; lists of objects always so."""
    parts: list[str]
    if isinstance(value, dict) and value:
        keys = [json.dumps(key, ensure_ascii=False) + ": " for key in value]
        parts = [
            k + _lines(part, indent + 2, _WIDTH - indent - 2 - len(k))
            for k, part in zip(keys, value.values(), strict=True)
        ]
        ends = "{}"
    elif isinstance(value, list) and value:
        parts = [_lines(part, indent + 2, _WIDTH - indent - 2) for part in value]
        ends = "[]"
    else:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    several = isinstance(value, list) and sum(isinstance(part, dict) for part in value) > 1
    line = ends[0] + ", ".join(parts) + ends[1]
    if indent and not several and len(line) < room and "\n" not in line:
        return line
    space = "\n" + " " * (indent + 2)
    return ends[0] + space + ("," + space).join(parts) + "\n" + " " * indent + ends[1]


def dump(document: Document | Mapping[str, Any]) -> str:
    """Return the document as JSON text: two spaces of indent, short objects on one line, a line break at the end.

    A Document gives the fields that were set, in their order; a dict is written as it is. The same document gives the
    same bytes. Raises DocumentError where a dict holds what JSON cannot say.
    """
    raw = plain(document)
    clean, problems = inspect(raw)
    if problems or clean is None:
        raise refusal(problems)
    try:
        return _lines(clean, 0, _WIDTH) + "\n"
    except ValueError:
        what = say("NaN and Infinity are not JSON (RFC 8259).")
        raise refusal([Problem("not_json", what)]) from None
