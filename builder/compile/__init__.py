"""From a checked document to a network that can run: lower, fuse, plan, bind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.document import Document

    from ..network import Network


def compile(
    document: str | os.PathLike[str] | Mapping[str, Any] | Document,
    seed: int | None = None,
    threads: int | None = None,
    dtype: str = "float32",
) -> Network:
    """Check a document (path, dict or Document) and return its network with freshly drawn parameters.

    `seed` and `threads` override the document's; `dtype` is "float32" or "float64". Raises DocumentError with every
    problem when the document is invalid.
    """
    from ..network import build

    return build(document, seed=seed, threads=threads, dtype=dtype)
