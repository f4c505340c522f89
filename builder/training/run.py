"""A run as a value: what a finished or stopped training left behind."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .keeper import restore_parameters
from .runfolder import RunFolder, find

if TYPE_CHECKING:
    from builder.network import Network


class Run:
    """A run folder, read when asked. `Run(path)` opens any run, or the newest one of `runs/<name>`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._folder: RunFolder = find(path)
        self.path: Path = self._folder.path

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, epochs={len(self.metrics)}, finished={self.finished})"

    @cached_property
    def document(self) -> dict[str, Any]:
        """The rendered document."""
        return self._folder.read_json("document.json")

    @cached_property
    def data(self) -> dict[str, Any]:
        """Fingerprint, class names, sizes of the parts, fitted preprocessing."""
        return self._folder.read_json("data.json")

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        """One dict per epoch."""
        return self._folder.rows()

    @cached_property
    def report(self) -> dict[str, Any]:
        """The content of report.json; empty when training has not ended."""
        return self._folder.read_json("report.json") if (self.path / "report.json").exists() else {}

    @property
    def finished(self) -> bool:
        return self.report.get("status") == "finished"

    @property
    def test(self) -> dict[str, Any]:
        """Metrics of the best network on the test part (without one: on the part that the report names)."""
        return dict(self.report.get("metrics", {}))

    @cached_property
    def network(self) -> Network:
        """The network of the best epoch, of the last checkpoint when there is no best one yet."""
        from builder.check import check
        from builder.data import DataFacts
        from builder.network import Network, processors

        from . import checkpoint

        report = check(self.document, facts=DataFacts())  # the data may be gone, or have changed
        training = self.document.get("training", {})
        network = Network(report, int(training.get("seed", 0)), int(training.get("threads") or processors()))
        best = self._folder.best
        restore_parameters(network, checkpoint.load(best if best.exists() else self._folder.last))
        return network
