"""What a check found, and the network without errors that the compiler takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from schemas.errors import DocumentError, Problem
from schemas.layer import Layer
from schemas.loss import Loss
from schemas.shapes import Shape

from ..cost import LayerInfo, totals
from ..fixes import MOST_WORK
from ..graph import INPUT

if TYPE_CHECKING:
    from ..data.facts import DataFacts


@dataclass(frozen=True)
class CheckedLayer:
    """One layer of a network without errors."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    shape: Shape
    share: str | None = None
    """The layer whose parameters it uses."""


@dataclass(frozen=True)
class Checked:
    """A network without errors, layers in order of computation. `output` is the prediction, `loss` the last layer.

    `auxiliary` names the losses beside it, which are for training alone.
    """

    layers: tuple[CheckedLayer, ...]
    input_shape: Shape
    output: str
    loss: str
    task: str
    auxiliary: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What a check found."""

    problems: tuple[Problem, ...]
    layers: tuple[LayerInfo, ...]
    document: dict[str, Any]
    """The document with task, input, names, head and loss filled in, as far as they are known."""
    task: str
    input_shape: Shape | None
    facts: DataFacts | None = None
    _output: str | None = field(default=None, repr=False)
    _peak: Callable[[], int | None] = field(default=lambda: None, repr=False)
    untried: bool = False
    """Whether more fixes could be tried, by `settled()`."""
    _settle: Callable[[int], Report] | None = field(default=None, repr=False)

    def settled(self, work: int = MOST_WORK) -> Report:
        """Return the report with fixes tried and memory planned; itself where nothing is left to do.

        `work` limits how many layers may be checked again.
        """
        return self if self._settle is None else self._settle(work)

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings are allowed."""
        return not any(problem.severity == "error" for problem in self.problems)

    @cached_property
    def totals(self) -> dict[str, int | None]:
        """Sums over the layers whose shape is known, and the peak memory of training, which the engine's plan tells.

        `peak_training_bytes` is None where there are errors. It is planned when it is first asked for.
        """
        return {**totals(self.layers), "peak_training_bytes": self._peak()}

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def shapes(self) -> dict[str, Shape | None]:
        """Layer name -> output shape of one sample, None where it is unknown."""
        return {INPUT: self.input_shape, **{info.name: info.output_shape for info in self.layers}}

    @property
    def costs(self) -> dict[str, dict[str, Any]]:
        """Layer name -> its parameters, multiply-adds and activation memory."""
        keys = ("parameters", "weights", "biases", "statistics", "trainable", "multiply_adds", "activation_bytes")
        return {info.name: {key: getattr(info, key) for key in keys} for info in self.layers}

    def raise_for_errors(self) -> None:
        """Raise DocumentError where there are errors."""
        if not self.ok:
            first = self.errors[0]
            more = f" ({len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
            raise DocumentError(f"{first.pointer or '/'}: {first.what} {first.why}{more}", self.problems)

    @cached_property
    def network(self) -> Checked:
        """The checked network, for the compiler. Raises DocumentError where there are errors."""
        self.raise_for_errors()
        made = []
        for info in self.layers:
            if info.layer is None or info.output_shape is None:
                raise DocumentError(f"The shape of {info.name} is unknown.", self.problems)
            reads = tuple(i or INPUT for i in info.inputs)
            made.append(CheckedLayer(info.name, info.layer, reads, info.output_shape, info.share))
        if self._output is None or self.input_shape is None:
            raise DocumentError("The network has no output.", self.problems)
        rest = tuple(item.name for item in made[:-1] if isinstance(item.layer, Loss))
        return Checked(tuple(made), self.input_shape, self._output, made[-1].name, self.task, rest)

    def to_json(self) -> dict[str, Any]:
        """Return what `tsumiki check --json` prints."""
        return {
            "problems": [problem.to_json() for problem in self.problems],
            "layers": [info.to_json() for info in self.layers],
            "totals": self.totals,
        }
