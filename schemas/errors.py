"""What can go wrong, as values a person can act on.

TsumikiError                 anything the product refuses, with its exit code
├── UsageError        (2)    the command was called wrongly
├── DocumentError     (3)    the document is invalid; carries the problems
│   └── ShapeError           raised by Layer.infer(): one layer cannot take these inputs
├── DataError         (4)    the data are missing, broken or do not fit
└── TrainingError     (5)    training stopped on a fault (non-finite loss, disk full, ...)

A Problem is one root cause: what happened, where, why, and fixes that were tried before they are offered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Fix:
    """A title for a button, and the JSON Patch (RFC 6902) that the button applies to the document."""

    title: str
    patch: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        return {"title": self.title, "patch": list(self.patch)}


@dataclass(frozen=True)
class Problem:
    """One root cause: `code` is stable, `pointer` is a JSON pointer (RFC 6901) into the document."""

    code: str
    what: str
    why: str = ""
    pointer: str = ""
    layer: str | None = None
    severity: Severity = "error"
    fixes: tuple[Fix, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": self.severity,
            "pointer": self.pointer,
            "layer": self.layer,
            "what": self.what,
            "why": self.why,
            "fixes": [fix.to_json() for fix in self.fixes],
        }


class TsumikiError(Exception):
    """Base of everything the product refuses. The message says what, where, why and how to mend it."""

    exit_code = 1


class UsageError(TsumikiError):
    """The command or function was called wrongly."""

    exit_code = 2


class DocumentError(TsumikiError):
    """The document is invalid. `problems` lists every independent cause."""

    exit_code = 3

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class DataError(TsumikiError):
    """The data are missing, broken or do not fit the document."""

    exit_code = 4


class TrainingError(TsumikiError):
    """Training stopped on a fault, and what was learned so far is kept."""

    exit_code = 5


@dataclass(frozen=True)
class FieldFix:
    """A layer's own proposal: set these fields of the layer to these values (None removes the field)."""

    title: str
    fields: Mapping[str, Any] = field(default_factory=dict)


class ShapeError(DocumentError):
    """Raised by `Layer.infer`: the layer cannot take these input shapes.

    `fields` are proposals that change only this layer; the checker tries each before it offers it.
    """

    def __init__(self, code: str, what: str, why: str = "", fixes: Sequence[FieldFix] = ()) -> None:
        super().__init__(what)
        self.code, self.what, self.why, self.fixes = code, what, why, tuple(fixes)


@dataclass(frozen=True)
class Remark:
    """A warning from `Layer.remarks`: the layer works, but probably not as meant."""

    code: str
    what: str
    why: str = ""
    fixes: tuple[FieldFix, ...] = ()
