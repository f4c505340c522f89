"""What the editor knows at one moment, and its past. A State is never changed; reduce() makes the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from builder.graph import Graph
from schemas.document import dump
from schemas.errors import DocumentError, Problem

from .tree import Place, Tree, Where, carried, find, shown, stripped

MOST_UNDO = 200
"""Steps that can be taken back."""


@dataclass(frozen=True)
class Notice:
    """Why an action changed nothing: a key of builder/ui/texts and its values; problems where there are some."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


class Refused(Exception):
    """An action cannot be done; carries the notice. Only used within this package, reduce() catches it."""

    def __init__(self, key: str, problems: tuple[Problem, ...] = (), **values: Any) -> None:
        super().__init__(key)
        self.notice = Notice(key, values, problems)


@dataclass(frozen=True)
class Clip:
    """What was copied: blocks as a document says them, the name that each went by, and the units they use."""

    entries: tuple[dict[str, Any], ...]
    names: tuple[str, ...]
    units: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """What undo brings back."""

    tree: Tree
    selection: tuple[str, ...]
    place: Place
    path: str | None


@dataclass(frozen=True)
class State:
    """The document with ids, what is selected and shown, and the steps behind and ahead."""

    tree: Tree
    next_id: int
    selection: tuple[str, ...] = ()
    place: Place = ()
    path: str | None = None
    """Where the document is saved, from the workspace; None where it never was."""
    clip: Clip | None = None
    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()
    saved: Tree | None = None
    """The tree as it was saved."""
    notice: Notice | None = None
    rev: int = 0
    """Grows with every change of the document, undo and redo included."""
    typing: str = ""
    """What the last step was typed in; empty where it was not typed."""

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document as plain JSON values."""
        plain: dict[str, Any] = stripped(self.tree)
        return plain

    @cached_property
    def text(self) -> str:
        """The document as `tsumiki` writes it; empty for one that JSON cannot say, which only opened() could take."""
        try:
            return dump(self.document)
        except DocumentError:
            return ""

    @cached_property
    def names(self) -> dict[str, str]:
        """Id of a block -> how its own stack calls it."""
        from .names import names_of

        return names_of(self.tree, self.graph)

    @cached_property
    def graph(self) -> Graph:
        """The expanded network, for names and wiring."""
        return Graph(self.document)

    @property
    def changed(self) -> bool:
        """Whether there is something that is not saved."""
        return self.saved is None or stripped(self.saved) != self.document

    @property
    def stack(self) -> Where | None:
        """The stack that is shown; None where the document has none."""
        return shown(self.tree, self.place)

    def step(self) -> Step:
        return Step(self.tree, self.selection, self.place, self.path)

    def to(self, tree: Tree, next_id: int, selection: tuple[str, ...], place: Place, path: str | None) -> State:
        """Return the state after a change of the document."""
        return replace(
            self.at(Step(tree, selection, place, path)),
            next_id=next_id,
            past=(*self.past, self.step())[-MOST_UNDO:],
            future=(),
        )

    def at(self, step: Step) -> State:
        """Return the state with a step's document in it."""
        return replace(
            self,
            tree=step.tree,
            selection=tuple(block for block in step.selection if find(step.tree, block)),
            place=sound(step.tree, step.place),
            path=step.path,
            rev=self.rev + 1,
            notice=None,
            typing="",
        )


def sound(tree: Tree, place: Place) -> Place:
    """Return the place, cut where it leads nowhere."""
    owners = [""]
    for length, owner in enumerate(place):
        where = shown(tree, (owner,))
        if where is None:
            return place[:length]
        owners.append(owner)
    return place


def opened(document: Mapping[str, Any], path: str | None = None) -> State:
    """Return the state of an editor that has just been opened on a document.

    >>> opened({"model": {"layers": [{"type": "ReLU"}]}}).document
    {'model': {'layers': [{'type': 'ReLU'}]}}
    """
    tree, following = carried({}, document, 1)
    return State(tree, following, path=path, saved=tree if path is not None else None)
