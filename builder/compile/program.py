"""A program: the finished tape of a network for one batch size and one purpose, with the memory it runs in."""

from __future__ import annotations

import numpy as np

from schemas import ops

from ..kernels import crew, layout as layout_kernels, machine
from ..kernels.cpu import VECTOR_BYTES
from . import checked
from .bind import Answers, Binder, Feeds, Update, image
from .emit import Mode
from .folding import Derived
from .lower import Lowered
from .parameters import Parameters, aligned
from .plan import plan
from .reach.check import check
from .rules.norm_act import norm_of
from .tensors import Tensor
from .work import ALONE, work_of_step

SMALL = 1 << 14
"""Bytes of a batch that are copied in less time than NumPy takes to tell where it lies (a microsecond)."""


class Program:
    """Runs a network on batches of exactly `batch` samples."""

    def __init__(
        self,
        graph: Lowered,
        parameters: Parameters,
        batch: int,
        mode: Mode,
        *,
        without: frozenset[str] = frozenset(),
        keep_all: bool = False,
        input_gradient: bool = False,
        exact: bool = False,
        winograd: bool = False,
        update: Update | None = None,
        also: tuple[str, ...] = (),
    ) -> None:
        dtype = parameters.dtype
        planned = plan(
            graph,
            batch,
            mode,
            dtype.itemsize,
            VECTOR_BYTES,
            without=without,
            keep_all=keep_all,
            input_gradient=input_gradient,
            exact=exact,
            winograd=winograd,
            apart=checked.wanted(),
        )
        self.batch, self.mode, self.parameters = batch, mode, parameters
        self.work = work_of_step(graph, batch, mode)
        self.planned, self.emitted, self.blocks = planned, planned.emitted, planned.blocks
        self.graph = planned.emitted.graph
        self.losses = graph.losses if mode == "train" else (graph.loss,)
        """Nodes of the losses as they are in the network, in the order of `feeds.answers`."""
        self.compares = [graph.own.get(id(loss), "labels") for loss in self.losses]
        self.arena = aligned(planned.arena, np.uint8)  # zeros, and those of borders stay: see plan.homes
        shape = graph.input.op.shape
        head = graph.output.op.shape
        self.feeds = Feeds(
            inputs=aligned(batch * int(np.prod(shape)), dtype).reshape(batch, *shape),
            answers=[Answers.of(batch, loss.inputs[0].op.shape, dtype) for loss in self.losses],
            weights=aligned(batch, dtype),
            shares=aligned(2 * batch, dtype).reshape(2, batch),
            mixed=aligned(1, np.int64),
            loss=aligned(1, np.float64),
            key=aligned(2, np.int64),
        )
        self.feeds.weights[:] = 1
        self.derived = Derived(self.graph.folded, self.graph.nodes, parameters) if mode != "train" else None
        at = int(self.arena.ctypes.data)
        self.binder = Binder(at, parameters, self.feeds, dtype.type, self.graph, update=update, derived=self.derived)
        self.binder.also = (*also, *parameters.missing)
        self.binder.shared = self.emitted.shared
        self._bind()
        prediction = self.emitted.prediction
        assert prediction is not None
        self.output = aligned(batch * int(np.prod(head)), dtype).reshape(batch, *head)
        self.binder.call = -1
        self._export(prediction, self.output)
        check(self.binder, self.emitted.calls, [self.output], [prediction])
        self.tape, self._prepared = self.binder.table(), self.binder.prepared_table()
        self._at = int(self.tape.ctypes.data)
        self._first = self.binder.names.index("from_nchw")
        self._own = tuple(int(a.ctypes.data) for a in (self.feeds.inputs, self.output))
        self._version = -1
        self._checked = checked.Checked(self) if checked.wanted() else None

    @property
    def loss_op(self) -> ops.Op:
        """The main loss, as it is in the network."""
        return self.losses[0].op

    def _bind(self) -> None:
        for number, call in enumerate(self.emitted.calls):
            self.binder.call = number
            call.bind(self.binder)

    def _export(self, t: Tensor, to: np.ndarray) -> None:
        self.binder.row(
            layout_kernels,
            "to_nchw",
            t.n,
            FLAT=int(to.ctypes.data),
            C=t.c,
            H=t.h,
            W=t.w,
            **image("X", t, self.binder),
        )

    def run(self, threads: int) -> float:
        """Run one step on what the feeds hold; return the loss (0 where the program has none).

        A small step runs on one thread: waking the others would take longer than they save. The bits are the same.
        """
        if self._checked is not None:
            return self._run_checked(self._checked, threads)
        if self.derived is None:
            self.parameters.touch()  # running statistics change, or everything
        elif self._version != self.parameters.version:
            self.derived.refresh(self.graph)
            machine.run(self._prepared, threads)
            self._version = self.parameters.version
        crew.run_at(self._at, len(self.tape), self.threads(threads))
        return float(self.feeds.loss[0])

    def _run_checked(self, watch: checked.Checked, threads: int) -> float:
        watch.poison()
        if self.derived is None:
            self.parameters.touch()
        else:
            self.derived.refresh(self.graph)
            watch.run(self._prepared, self.binder.prepared_names, threads)
        watch.run(self.tape, self.binder.names, self.threads(threads))
        return float(self.feeds.loss[0])

    def predicted(self, x: np.ndarray, threads: int) -> np.ndarray:
        """Return the predictions for a whole batch x. One sample of a small network takes as long as a few calls."""
        if x.nbytes <= SMALL:
            self.feeds.inputs[...] = x
            self.run(threads)
            return self.output.copy()
        y = np.empty_like(self.output)
        self.predict(x, y, threads)
        return y

    def predict(self, x: np.ndarray, y: np.ndarray, threads: int) -> None:
        """Write the predictions for n <= batch samples x into y. A whole batch is read and written where it lies."""
        n = len(x)
        dense = x.flags.c_contiguous and x.flags.aligned and y.flags.carray
        if n < self.batch or not dense or not x.dtype == y.dtype == self.parameters.dtype:
            self.feeds.inputs[:n] = x
            self.run(threads)
            y[:] = self.output[:n]
            return
        tape, first, flat = self.tape, self._first, layout_kernels.FLAT
        tape[first, flat], tape[-1, flat] = x.__array_interface__["data"][0], y.__array_interface__["data"][0]
        try:
            self.run(threads)
        finally:
            tape[first, flat], tape[-1, flat] = self._own

    def step(self, x: np.ndarray, threads: int) -> float:
        """Run one step on n <= batch samples and return the loss. A whole batch is read where it lies."""
        if not (x.shape == self.feeds.inputs.shape and x.flags.c_contiguous and x.flags.aligned):
            self.feeds.inputs[: len(x)] = x
            return self.run(threads)
        tape, first, flat = self.tape, self._first, layout_kernels.FLAT
        tape[first, flat] = x.__array_interface__["data"][0]
        try:
            return self.run(threads)
        finally:
            tape[first, flat] = self._own[0]

    def threads(self, allowed: int) -> int:
        """Return on how many threads a step runs where so many are allowed."""
        return allowed if self.work >= ALONE else 1

    def view(self, t: Tensor) -> np.ndarray:
        """Return a tensor's present content as (N, C, H, W); of use while its memory is its own."""
        inner = self.whole(t)[:, t.top : t.top + t.h, t.left : t.left + t.w]
        return np.ascontiguousarray(inner.transpose(0, 3, 1, 2))

    def whole(self, t: Tensor) -> np.ndarray:
        """Return a tensor's memory with its border, (N, H, W, C)."""
        flat = self.arena[t.offset : t.offset + t.bytes].view(self.parameters.dtype)
        return flat.reshape(t.n, t.rows, t.columns, t.c)

    def momenta(self, share: float | None) -> None:
        """Set the share of the running statistics that a step keeps: None for each layer's own."""
        for node in self.graph.nodes:
            norm = node.op if isinstance(node.op, ops.BatchNorm) else norm_of(node.op)
            hyper = self.feeds.momentum.get(self.graph.key(norm.mean)) if norm is not None else None
            if norm is not None and hyper is not None:
                hyper[0] = norm.momentum if share is None else share
