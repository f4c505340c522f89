"""What the checks of a network's end look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.heads import HEADS, Filling, Head
from schemas.say import Said, say

if TYPE_CHECKING:
    from builder.data.facts import DataFacts

    from .shapes import Shapes


@dataclass(frozen=True)
class Ending:
    """Everything that the checks of a network's end look at."""

    state: Shapes
    raw: Mapping[str, Any]
    task: str
    head: Head | None
    filled: Filling
    facts: DataFacts | None
    unreadable: bool = False
    """Whether the document names data, but nothing could be learned from them."""


def needs(task: str) -> Said:
    """Say which activation and loss a task has."""
    activation, loss = HEADS[task]
    if activation is None:
        return say("{task} needs no activation and {loss}.", task=task, loss=loss)
    return say("{task} needs {kind} and {loss}.", task=task, kind=activation, loss=loss)
