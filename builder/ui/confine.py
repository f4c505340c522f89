"""What a document in the browser may read: files of the workspace, nothing else of the machine.

The command line reads whatever its user may read. A server has users who may not, and documents of strangers are opened
there, so paths, links and tables' cells that lead out of the workspace are refused before anything is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.ui.texts import text
from schemas.errors import Problem

PATHS = ("path", "images", "labels", "masks", "from")
"""Fields of a section that name a file or a folder; a test finds those that are missing here."""

CODE = "outside_workspace"


def strays(document: Mapping[str, Any], base: Path, workspace: Path) -> tuple[Problem, ...]:
    """Return a problem for every place of a document that leads out of the workspace; its paths start at `base`."""
    found = []
    for pointer, source in _sources(document):
        for name in PATHS:
            said = source.get(name)
            if isinstance(said, str) and not _inside(base, said, workspace):
                what = text("problem.outside_workspace.what", path=said[:200])
                why = text("problem.outside_workspace.why", folder=workspace)
                found.append(Problem(CODE, what, why, f"{pointer}/{name}"))
        if source.get("outside") is True:
            what, why = text("problem.outside_cells.what"), text("problem.outside_workspace.why", folder=workspace)
            found.append(Problem(CODE, what, why, f"{pointer}/outside"))
    return tuple(found)


def _sources(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (pointer, section) of everything that may name a file."""
    for above, name in (("data", "source"), ("data", "validation"), ("data", "test"), (None, "initialise")):
        holder = document if above is None else document.get(above)
        section = holder.get(name) if isinstance(holder, Mapping) else None
        if isinstance(section, Mapping):
            yield "/".join(["", *filter(None, (above, name))]), section


def _inside(base: Path, said: str, workspace: Path) -> bool:
    try:
        return (base / said).resolve().is_relative_to(workspace.resolve())
    except (OSError, ValueError):  # a loop of links, a NUL byte: whoever reads it says so
        return True
