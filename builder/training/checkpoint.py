"""Checkpoints: `last` holds all that resume needs, `best` the network of the best epoch, which builder.load opens too.

Each is one safetensors file, arrays and state together, so the two can never disagree. The `.json` beside it repeats
the state for people and names the file it belongs to by hash; nothing reads it back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from schemas.errors import DataError
from schemas.say import say

from . import tensorfile
from .durable import Content
from .state import State

_RESUMABLE = "tsumiki-checkpoint-1"
_SESSION = "$session/"
"""Prefix of the session's arrays; "$" cannot stand in a layer's name."""


@dataclass(frozen=True)
class Origin:
    """What a checkpoint was made with; none of it changes during a run."""

    document: str
    """The rendered document, as JSON."""
    document_hash: str
    data: str = "{}"
    """Class names and fitted preprocessing, as JSON: with the document enough to treat new samples alike."""
    fingerprint: str = ""
    """Hash of the data's content and split."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds. Parameters have the public keys and layouts of `net.params`."""

    parameters: Mapping[str, np.ndarray]
    state: State
    origin: Origin
    session: Mapping[str, np.ndarray] | None = field(default=None)
    """The engine's training state; None in `best`, which only predicts."""

    def encode(self, path: Path) -> list[tuple[Path, Content]]:
        """Return the two files for durable.replace: the .safetensors at `path` and its .json."""
        session = {_SESSION + key: array for key, array in (self.session or {}).items()}
        texts = {
            "format": tensorfile.NETWORK if self.session is None else _RESUMABLE,
            "state": self.state.to_json(),
            "document": self.origin.document,
            "document_hash": self.origin.document_hash,
            "data": self.origin.data,
            "fingerprint": self.origin.fingerprint,
        }
        content, size, digest = tensorfile.encode({**self.parameters, **session}, texts)
        beside = {
            "file": path.name,
            "bytes": size,
            "sha256": digest,
            "document_hash": self.origin.document_hash,
            "fingerprint": self.origin.fingerprint,
            "state": json.loads(texts["state"]),
        }
        return [(path, content), (path.with_suffix(".json"), [json.dumps(beside, indent=1).encode() + b"\n"])]

    def size(self) -> int:
        """Bytes on disk, nearly: the arrays, their header and the texts."""
        arrays = [*self.parameters.values(), *(self.session or {}).values()]
        texts = len(self.origin.document) + len(self.origin.data)
        return sum(array.nbytes + 200 for array in arrays) + 2 * texts + 4096


def load(path: Path) -> Checkpoint:
    """Read and verify a checkpoint. Raises DataError when it is missing, damaged or no checkpoint."""
    tensors, texts = tensorfile.read(path)
    kind = texts.get("format")
    if kind not in (tensorfile.NETWORK, _RESUMABLE) or not {"state", "document_hash", "fingerprint"} <= texts.keys():
        raise DataError(say("{path} is no checkpoint of a training run.", path=path))
    session = {key.removeprefix(_SESSION): value for key, value in tensors.items() if key.startswith(_SESSION)}
    return Checkpoint(
        parameters={key: array for key, array in tensors.items() if not key.startswith(_SESSION)},
        state=State.from_json(texts["state"]),
        origin=Origin(
            texts.get("document", "{}"), texts["document_hash"], texts.get("data", "{}"), texts["fingerprint"]
        ),
        session=session if kind == _RESUMABLE else None,
    )
