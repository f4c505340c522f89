"""A network: its document, its parameters, and what can be asked of it. NumPy in, NumPy out, (N, C, H, W)."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from schemas import ops
from schemas.errors import UsageError
from schemas.loss import Loss

from .answers import counted, fill
from .compile.emit import Mode
from .compile.lower import Checked, lower
from .compile.memory import use_batch
from .compile.parameters import Parameters
from .compile.program import Program
from .targets import inputs, labelled, targets

if TYPE_CHECKING:
    from schemas.training import Optimizer

    from .checks.report import Report
    from .session import Session

FORMAT = "tsumiki-network-1"
BATCH = 256
"""Samples that predict and evaluate take at once."""


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Network:
    """A checked network with parameters. Make one with `builder.compile` or `builder.load`.

    >>> net = Network.example()
    >>> net.predict(np.zeros((2, 4))).shape
    (2, 3)
    """

    def __init__(self, report: Report, seed: int, threads: int, dtype: str = "float32") -> None:
        if dtype not in ("float32", "float64"):
            raise UsageError(f"There is no dtype {dtype!r}: use 'float32' to train or 'float64' to check gradients.")
        if threads < 1:
            raise UsageError(f"threads must be at least 1, but received {threads}.")
        self.report = report
        self.checked = report.network
        self.document: dict[str, Any] = copy.deepcopy(report.document)
        self.random_seed, self.threads = seed, min(threads, processors())
        self.exact = bool((self.document.get("training") or {}).get("exact", False))
        self.graph = lower(cast(Checked, self.checked))
        self.params = Parameters(self.graph, dtype, seed, self.threads)
        self.loss_op = self.graph.loss.op
        self.loss_weights = {
            item.name: item.layer.loss_weight for item in self.checked.layers if isinstance(item.layer, Loss)
        }
        self.ignore = self.loss_op.ignore if isinstance(self.loss_op, ops.CrossEntropy) else None
        self.input_shape = self.graph.input.op.shape
        self.output_shape = self.graph.output.op.shape
        self._programs: dict[tuple[int, Mode], Program] = {}
        self._sizes: dict[int, int] = {}

    @classmethod
    def example(cls) -> Network:
        """Return a small network with 4 inputs and 3 classes."""
        model = {"input": [4], "layers": [{"type": "Affine", "out_features": 3}]}
        return build({"format": 1, "task": "classification", "model": model}, seed=0)

    @property
    def task(self) -> str:
        """'classification', 'binary' or 'regression'."""
        return str(self.checked.task)

    @property
    def parameters(self) -> tuple[tuple[str, ops.Parameter], ...]:
        """Keys and records of all parameters, in document order."""
        return tuple((slot.key, slot.parameter) for slot in self.params.slots.values())

    @property
    def trained(self) -> tuple[str, ...]:
        """Keys of the parameters that training changes."""
        return tuple(k for k, p in self.parameters if p.trainable and not p.statistic)

    def program(self, batch: int, mode: Mode) -> Program:
        """Return the tape for this batch size, made at the first use; the three latest of each mode are kept."""
        key = (batch, mode)
        found = self._programs.pop(key, None)
        if found is None:
            found = Program(self.graph, self.params, batch, mode, exact=self.exact)
            same = [k for k in self._programs if k[1] == mode]
            for old in same[:-2]:
                del self._programs[old]
        self._programs[key] = found
        return found

    def predict(self, x: Any, batch_size: int = BATCH) -> np.ndarray:
        """Return the predictions for x (N, C, H, W): probabilities, or values for regression, of shape (N, outputs)."""
        given = inputs(x, self.input_shape, self.params.dtype)
        if 0 < len(given) <= self._sizes.get(batch_size, 0):  # all at once, as before
            return self.program(len(given), "predict").predicted(given, self.threads)
        out = np.empty((len(given), *self.output_shape), self.params.dtype)
        for start, stop, program in self._batches(len(given), batch_size, "predict"):
            program.predict(given[start:stop], out[start:stop], self.threads)
        return out

    def _batches(self, count: int, batch_size: int, mode: Mode) -> list[tuple[int, int, Program]]:
        """Cut `count` samples into batches of one program; the last may fill it in part (samples are independent)."""
        if batch_size < 1:
            raise UsageError(f"batch_size must be at least 1, but received {batch_size}.")
        if batch_size not in self._sizes:
            self._sizes[batch_size] = use_batch(self.graph, batch_size)
        size = min(self._sizes[batch_size], count)
        return [(i, min(i + size, count), self.program(size, mode)) for i in range(0, count, max(size, 1))]

    def loss(self, x: Any, t: Any, training: bool = False) -> float:
        """Return the mean loss over the samples; `training=True` runs as in training (batch statistics, Dropout on).

        As in training it is the sum of all losses; in use that of the main head, as the others are for training alone.
        """
        given, wanted = self._pair(x, t)
        if training:
            return self._trained_once(given, wanted)[1]
        return self._evaluated(given, wanted)[0]

    def gradient(self, x: Any, t: Any) -> dict[str, np.ndarray]:
        """Return d loss / d parameter for every trained parameter, by the parameter's key and in its public layout.

        Runs as in training; the running statistics stay as they are.
        """
        program, _ = self._trained_once(*self._pair(x, t))
        return {key: program.parameters.public(key, program.parameters.gradients) for key in self.trained}

    def accuracy(self, x: Any, t: Any) -> float:
        """Return the share of right answers: most likely class, or probability at least 0.5 for a binary task."""
        given, wanted = self._pair(x, t)
        prediction = self.predict(given)
        if labelled(self.loss_op):
            right = prediction.argmax(1).reshape(wanted.shape) == wanted
            return float(right.sum()) / max(1, counted(wanted))
        if self.task == "binary":
            return float(((prediction >= 0.5) == (wanted >= 0.5)).mean())
        raise UsageError("A regression has no accuracy; evaluate() gives mae, rmse and r2.")

    def evaluate(self, x: Any, t: Any, class_names: Any = None) -> dict[str, Any]:
        """Return loss and the metrics of the task over every sample."""
        from .report.metrics import metrics

        given, wanted = self._pair(x, t)
        loss, prediction = self._evaluated(given, wanted)
        pixels = prediction.ndim > 2 and int(np.prod(prediction.shape[2:])) > 1
        if not (pixels or labelled(self.loss_op)):
            wanted = wanted.reshape(len(given), -1)
        found = metrics(self.task, prediction, wanted, class_names)
        return {"loss": loss, **found}

    def _pair(self, x: Any, t: Any) -> tuple[np.ndarray, np.ndarray]:
        given = inputs(x, self.input_shape, self.params.dtype)
        if len(given) == 0:
            raise UsageError("There is no sample: give at least one.")
        return given, targets(t, len(given), self.output_shape, self.loss_op, self.params.dtype)

    def evaluated(self, x: np.ndarray, t: np.ndarray, batch_size: int = BATCH) -> tuple[float, np.ndarray]:
        """Return (mean loss, predictions) of checked arrays, as in use."""
        return self._evaluated(*self._pair(x, t), batch_size)

    def _evaluated(self, x: np.ndarray, t: np.ndarray, batch_size: int = BATCH) -> tuple[float, np.ndarray]:
        out = np.empty((len(x), *self.output_shape), self.params.dtype)
        total = 0.0
        for start, stop, program in self._batches(len(x), batch_size, "evaluate"):
            n = stop - start
            fill(program, x[start:stop], t[start:stop])
            # A mean over the whole batch, of which nothing but the samples counts; or over what is not left out.
            total += program.run(self.threads) * (program.batch if self.ignore is None else counted(t[start:stop]))
            out[start:stop] = program.output[:n]
        return total / max(1, len(x) if self.ignore is None else counted(t)), out

    def _trained_once(self, x: np.ndarray, t: np.ndarray) -> tuple[Program, float]:
        program = self.program(len(x), "train")
        fill(program, x, t)
        program.feeds.key[:] = self.random_seed, 0
        program.momenta(1.0)
        try:
            return program, program.run(self.threads)
        finally:
            program.momenta(None)

    def session(
        self,
        batch_size: int,
        optimizer: Optimizer,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        accumulate: int = 1,
    ) -> Session:
        """Return a training session: optimizer state and the programs that change this network's parameters."""
        from .session import Session

        return Session(self, batch_size, optimizer, weight_decay, clip_norm, accumulate)

    def fit(
        self,
        x: Any,
        t: Any,
        epochs: int | None = None,
        batch_size: int | None = None,
        validation: tuple[Any, Any] | None = None,
        progress: Any = None,
    ) -> list[dict[str, Any]]:
        """Train on arrays with the document's optimizer and schedule; return one record of metrics per epoch.

        For data files, run folders, early stopping and checkpoints use `builder.train`.
        """
        from .fitting import fit

        return fit(
            self, *self._pair(x, t), epochs=epochs, batch_size=batch_size, validation=validation, progress=progress
        )

    def summary(self) -> str:
        """Return the table of layers, shapes, parameters and costs as text."""
        from .report.summary import summary_text

        return summary_text(self.report)

    def save(self, path: str | os.PathLike[str], extra: Mapping[str, str] | None = None) -> None:
        """Write document and parameters to one .safetensors file; `extra` texts travel with it."""
        from .training import durable, tensorfile

        texts = {"format": FORMAT, "document": json.dumps(self.document, ensure_ascii=False), **dict(extra or {})}
        content, _, _ = tensorfile.encode(dict(self.params), texts)
        durable.replace([(Path(path), content)])


def build(
    document: Any,
    seed: int | None = None,
    threads: int | None = None,
    dtype: str = "float32",
    base: Path | None = None,
    fresh: bool = True,
) -> Network:
    """Check a document and return its network; see `builder.compile`. A network that is not `fresh` gets its
    parameters otherwise, so those that the document may start from are not looked for."""
    from .check import check

    if not fresh:
        document = {key: value for key, value in document.items() if key != "initialise"}
    report = check(document) if base is None else check(document, base=base)
    report.raise_for_errors()
    training = report.document.get("training") or {}
    if seed is None:
        seed = int(training.get("seed", 0))
    if threads is None:
        threads = int(training.get("threads") or processors())
    network = Network(report, seed, threads, dtype)
    if report.document.get("initialise") is not None:
        from .transfer import initialise

        if base is None and isinstance(document, str | os.PathLike):
            base = Path(document).resolve().parent
        initialise(network, base or Path.cwd())
    return network


def load(path: str | os.PathLike[str], threads: int | None = None, dtype: str = "float32") -> Network:
    """Return the network that `save` wrote, or the best one of a run folder."""
    from .training import tensorfile
    from .training.run import Run

    place = Path(path)
    if place.is_dir():
        return Run(place).network
    tensors, metadata = tensorfile.read(place)
    if metadata.get("format") != FORMAT:
        raise UsageError(
            f"{place} is a safetensors file, but not one that tsumiki saved: its metadata name no document."
        )
    net = build(json.loads(metadata["document"]), seed=0, threads=threads, dtype=dtype, fresh=False)
    missing, extra = sorted(set(net.params) - set(tensors)), sorted(set(tensors) - set(net.params))
    if missing or extra:
        raise UsageError(f"{place} does not fit its own document: missing {missing[:3]}, unexpected {extra[:3]}.")
    for key, value in tensors.items():
        net.params[key] = value
    return net
