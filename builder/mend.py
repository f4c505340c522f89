"""Apply the fixes that the checker offers, one problem after the other, as `tsumiki check --fix` does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from schemas.patch import apply

if TYPE_CHECKING:
    from .checks.report import Report

MOST_ROUNDS = 200
"""Fixes applied to one document."""


def mend(document: dict[str, Any], check: Callable[[dict[str, Any]], Report]) -> tuple[dict[str, Any], Report]:
    """Return the document with the first fix of every problem applied, and its new report.

    The document is checked again after each fix, because one fix can move or solve what others point at. A fix that
    would lead back to a form the document has had is left out.
    """
    seen = {_text(document)}
    report = check(document)
    for _ in range(MOST_ROUNDS):
        for problem in report.problems:
            if problem.fixes:
                changed = apply(document, problem.fixes[0].patch)
                if _text(changed) not in seen:
                    break
        else:
            break
        document = changed
        seen.add(_text(document))
        report = check(document)
    return document, report


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)
