"""Findings: what is wrong or remarkable about data, as values a person can act on.

DataError (schemas/errors.py)
└── BadData      carries the findings that stopped the work
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from schemas.errors import DataError
from schemas.say import Joined, Said, about, say, sentences

Severity = Literal["error", "warning", "info"]

SHOWN = 10
"""Findings of one code that are listed one by one; the others are counted."""


@dataclass(frozen=True)
class Finding:
    """One thing about the data: `code` is stable, `where` is a file, with the line where there is one."""

    severity: Severity
    code: str
    what: str
    where: str = ""
    why: str = ""
    fix: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "severity": self.severity,
            "code": self.code,
            "what": self.what,
            "where": self.where,
            "why": self.why,
            "fix": self.fix,
        }

    @property
    def whole(self) -> Said:
        """All of it in one text."""
        return sentences(about(self.where, self.what) if self.where else self.what, self.why, self.fix)

    def __str__(self) -> str:
        return str(self.whole)


class BadData(DataError):
    """Data that cannot be used. `findings` lists every independent cause."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        shown = [finding.whole for finding in findings[:SHOWN]]
        if len(findings) > SHOWN:
            shown.append(say("... and {count} more.", count=len(findings) - SHOWN))
        super().__init__(Joined("\n", shown))
        self.findings = tuple(findings)


def bad(code: str, what: str, where: object = "", why: str = "", fix: str = "") -> BadData:
    """Return the error for one cause, to be raised."""
    return BadData([Finding("error", code, what, str(where), why, fix)])


class Faults:
    """Samples that cannot be used, gathered while a source is read.

    With `on_error` 'skip' they become warnings, with 'stop' they stay errors; many of one kind become one line.
    """

    def __init__(self) -> None:
        self._kept: dict[str, list[Finding]] = {}
        self._count: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._count)

    def __len__(self) -> int:
        return sum(self._count.values())

    def add(self, code: str, what: str, where: object = "", why: str = "", fix: str = "") -> None:
        kept = self._kept.setdefault(code, [])
        self._count[code] = self._count.get(code, 0) + 1
        if len(kept) < SHOWN:
            kept.append(Finding("error", code, what, str(where), why, fix))

    def extend(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.add(finding.code, finding.what, finding.where, finding.why, finding.fix)

    def findings(self, skip: bool) -> list[Finding]:
        severity: Severity = "warning" if skip else "error"
        fix = "" if skip else say("Mend it, or set on_error to 'skip' to leave such samples out.")
        found = []
        for code, kept in self._kept.items():
            found += [replace(f, severity=severity, fix=f.fix or fix) for f in kept]
            more = self._count[code] - len(kept)
            if more:
                found.append(Finding(severity, code, say("{count} more samples like this.", count=more), "", "", fix))
        if skip and found:
            found.append(
                Finding("warning", "skipped", say("{count} samples are left out, as on_error says.", count=len(self)))
            )
        return found
