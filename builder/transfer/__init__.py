"""Start a network from another one's learned weights: the document's `initialise` section.

source.py (open a run or a saved network) -> match.py (which layer starts from which, and why one does not) -> the copy
head.py makes a document whose head is new: another number of classes, other data
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.initialise import Initialise

from .head import transfer as transfer
from .match import Row, match
from .source import Source

if TYPE_CHECKING:
    from builder.network import Network

__all__ = ["Row", "initialise", "match", "start_from", "transfer"]


def initialise(network: Network, base: Path) -> list[Row]:
    """Copy what the network's document says under `initialise`; `base` is the folder that its path starts from.

    Returns a row per layer that has parameters; an empty list where the document has no such section. Raises DataError
    when the source is missing or damaged, DocumentError when a layer that the document names cannot be copied.
    """
    given = network.document.get("initialise")
    if not isinstance(given, Mapping):
        return []
    section = Initialise.model_validate(given)
    return start_from(network, Path(base, section.from_), section.layers, section.rename)


def start_from(
    network: Network, path: Path, layers: list[str] | None = None, rename: Mapping[str, str] | None = None
) -> list[Row]:
    """Copy parameters from a run folder or a saved network; see `initialise`."""
    source = Source(path)
    section = Initialise.model_validate({"from": str(path), "layers": layers, "rename": dict(rename or {})})
    rows = match(section, {key: parameter.shape for key, parameter in network.parameters}, source.shapes)
    for row in rows:
        row.require()
    tensors: Mapping[str, Any] = source.tensors
    for row in rows:
        for here, there in row.pairs:
            network.params[here] = tensors[there]
    return rows
