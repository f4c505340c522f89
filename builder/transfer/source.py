"""Another network's parameters: those of a run folder's best epoch, or of a file that `net.save` wrote."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import DataError

if TYPE_CHECKING:
    import numpy as np

Shape = tuple[int, ...]


class Source:
    """A network that another one starts from. `shapes` reads only a header, `tensors` the whole file.

    Raises DataError when there is nothing, or something that is no network of tsumiki's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = _file(path)

    @cached_property
    def _outline(self) -> tuple[dict[str, Shape], dict[str, str]]:
        from builder.training.tensorfile import outline

        return outline(self.file)

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Parameter key -> shape."""
        from builder.training.tensorfile import NETWORK

        shapes, texts = self._outline
        if texts.get("format") not in (NETWORK, "tsumiki-checkpoint-1"):
            raise DataError(f"{self.file} is a safetensors file, but no network that tsumiki saved.")
        return {key: shape for key, shape in shapes.items() if not key.startswith("$")}

    @cached_property
    def tensors(self) -> dict[str, np.ndarray]:
        """Parameter key -> array in the public layout; the file's hash is verified."""
        from builder.training.tensorfile import read

        found, _ = read(self.file)
        return {key: array for key, array in found.items() if not key.startswith("$")}

    @cached_property
    def texts(self) -> dict[str, Any]:
        """What travels with the parameters: the document, class names, fitted preprocessing."""
        _, texts = self._outline
        return {key: json.loads(texts[key]) for key in ("document", "data") if key in texts}


def _file(path: Path) -> Path:
    """Return the file that holds the parameters."""
    from builder.training.runfolder import find

    if path.is_file():
        return path
    if not path.is_dir():
        raise DataError(f"There is no run and no saved network at {path}. Paths start at the document's folder.")
    folder = find(path)
    for file in (folder.best, folder.last):
        if file.exists():
            return file
    raise DataError(f"{path} is no run folder: it holds no checkpoint.")
