"""A training session: programs, gradients and optimizer state of one network. One step is forward, backward, update."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.errors import UsageError

from .answers import Weights, answer
from .compile.bind import Update, tape_of
from .compile.emit import slices
from .compile.fuse import RULES
from .compile.parameters import aligned
from .compile.program import Program
from .compile.reach.check import check_update
from .kernels import machine, optimizers
from .targets import Mixed, inputs, targets

if TYPE_CHECKING:
    from schemas.ops import Parameter
    from schemas.training import Optimizer

    from .network import Network

ALONE = 1 << 16
"""Parameters below which one thread updates them."""

STATES: dict[str, tuple[str, ...]] = {
    "SGD": (),
    "Momentum": ("velocity",),
    "Nesterov": ("velocity",),
    "Adam": ("mean", "square"),
    "AdamW": ("mean", "square"),
    "RMSprop": ("square",),
    "AdaGrad": ("square",),
}
"""Optimizer -> the arrays it keeps per parameter."""


class Session:
    """Trains `net` in batches of up to `batch_size` samples. The same state and batches give the same bits."""

    def __init__(
        self,
        net: Network,
        batch_size: int,
        optimizer: Optimizer,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        accumulate: int = 1,
    ) -> None:
        if batch_size < 1 or accumulate < 1:
            raise UsageError(
                f"batch_size and accumulate must be at least 1, but received {batch_size} and {accumulate}."
            )
        for name, value in (("weight_decay", weight_decay), ("clip_norm", 0.0 if clip_norm is None else clip_norm)):
            if not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise UsageError(f"{name} must be a number from 0 on, but received {value!r}.")
        self.net, self.batch_size, self.optimizer, self.accumulate = net, batch_size, optimizer, accumulate
        self.weight_decay = weight_decay
        self.steps = self.updates = self.pending = 0
        params = net.params
        self.slots: dict[str, np.ndarray] = {
            name: aligned(params.count, params.dtype) for name in STATES[optimizer.type]
        }
        self.accumulated = aligned(params.count, params.dtype) if accumulate > 1 else None
        paces = {key: self._pace(params.slots[key].parameter) for key in net.trained}
        several = list(dict.fromkeys(paces.values())) or [(1.0, weight_decay)]
        self._rows = {key: several.index(pace) for key, pace in paces.items()}
        self.hyper = aligned(len(several) * optimizers.HYPERS, np.float64).reshape(-1, optimizers.HYPERS)
        self.hyper[:, optimizers.WEIGHT_DECAY] = [decay for _, decay in several]
        self._factors = np.array([factor for factor, _ in several])
        self._decays = [
            next((float(getattr(optimizer, name)) for name in names if hasattr(optimizer, name)), 0.0)
            for names in (("beta1", "momentum", "decay"), ("beta2",), ("epsilon",))
        ]
        self.clip_norm = clip_norm
        self._limit = np.array([clip_norm or 0.0])
        self._kept: list[np.ndarray] = []
        self._fuses = clip_norm is None and accumulate == 1
        self._programs: dict[int, Program] = {}
        self._updates: dict[frozenset[str], np.ndarray] = {}
        self._update_values = 0
        statistics = [slot for slot in params.slots.values() if slot.parameter.statistic]
        self._statistics = [params.part(slot, params.packed) for slot in statistics]
        self._last: Program | None = None
        self._count = 0

    def _pace(self, parameter: Parameter) -> tuple[float, float]:
        """Return the factor on the learning rate, and the weight decay if the parameter has any."""
        own = parameter.weight_decay
        return parameter.learning_rate_factor, self.weight_decay if own is None else own

    def _update_spec(self) -> Update:
        """Return what a program needs to update parameters itself."""
        arrays = [int(a.ctypes.data) for a in self.slots.values()]
        first, second = (arrays * 2 + [self._spare_address] * 2)[:2] if arrays else (self._spare_address,) * 2
        hyper = {key: int(self.hyper[row].ctypes.data) for key, row in self._rows.items()}
        return Update(optimizers.KINDS[self.optimizer.type], hyper, first, second)

    @property
    def _spare_address(self) -> int:
        """Where kernels look for arrays that this optimizer does not have; they never read there."""
        return int(self.net.params.packed.ctypes.data)

    def _program(self, count: int) -> Program:
        """Return the program for this batch size. Where nothing stands between gradient and step, it updates large
        parameters itself; the three latest are kept."""
        if not self._fuses:
            return self.net.program(count, "train")
        found = self._programs.pop(count, None)
        if found is None:
            spec = self._update_spec()
            found = Program(
                self.net.graph, self.net.params, count, "train", update=spec, exact=self.net.exact, also=("update",)
            )
            for old in list(self._programs)[:-2]:
                del self._programs[old]
        self._programs[count] = found
        return found

    def _tape(self, updated: frozenset[str]) -> np.ndarray:
        """Return the rows of an update: the norm of all gradients first where it is limited, then each parameter that
        the program has not `updated` itself."""
        params, dtype = self.net.params, self.net.params.dtype
        item, rows = dtype.itemsize, []
        stated: list[tuple[str, int, dict[str, int]]] = []
        source = params.gradients if self.accumulated is None else self.accumulated
        spec = self._update_spec()
        trained = [params.slots[key] for key in self.net.trained if key not in updated]
        cuts = [slices(slot.layout.size, 16384) for slot in trained]
        partial = np.zeros(max(1, sum(cuts)))
        self._kept.append(partial)

        def row(name: str, units: int, **fields: int) -> None:
            made = np.zeros(machine.SLOTS, np.int64)
            made[machine.FUNCTION], made[machine.UNITS] = machine.address(name, dtype.type), units
            for key, value in fields.items():
                made[getattr(optimizers, key)] = value
            rows.append(made)
            stated.append((name, units, fields))

        gradients, place = int(source.ctypes.data), int(partial.ctypes.data)
        if self.clip_norm is not None:
            at = place
            for slot, cut in zip(trained, cuts, strict=True):
                row("squares", cut, G=gradients + slot.start * item, SIZE=slot.layout.size, SLICES=cut, PART=at)
                at += 8 * cut
            limit = int(self._limit.ctypes.data)
            hyper = int(self.hyper.ctypes.data)
            row("clip", 1, PART=place, SIZE=(at - place) // 8, HYPER=hyper, ROWS=len(self.hyper), LIMIT=limit)
        for slot, cut in zip(trained, cuts, strict=True):
            offset = slot.start * item
            row(
                "update",
                cut,
                KIND=spec.kind,
                W=int(params.packed.ctypes.data) + offset,
                G=gradients + offset,
                S=spec.first + offset,
                M=spec.second + offset,
                SIZE=slot.layout.size,
                SLICES=cut,
                HYPER=spec.hyper[slot.key],
                DECAY=int(slot.parameter.decays),
            )
        check_update(params, stated, (source, *self.slots.values()), (partial, self.hyper, self._limit))
        return tape_of(rows)

    def _wanted(self, t: Any, count: int) -> np.ndarray | Mixed:
        """Return the targets as the main loss takes them."""
        net = self.net
        if isinstance(t, Mixed):
            return Mixed(self._wanted(t.first, count), self._wanted(t.second, count), t.share)  # type: ignore[arg-type]  # plain parts
        return targets(t, count, net.output_shape, net.loss_op, net.params.dtype)

    @property
    def losses(self) -> dict[str, float]:
        """Return each loss of the last step by its layer's name, before its `loss_weight`; {} where there is only one.

        The main loss comes first. What `step` returns is their weighted sum.
        """
        if self._last is None or len(self._last.losses) == 1:
            return {}
        pairs = zip(self._last.losses, self._last.feeds.answers, strict=True)
        return {node.layer: float(found.loss[0]) / self.net.loss_weights[node.layer] for node, found in pairs}

    @property
    def main_loss(self) -> float:
        """Return the main head's share in the loss of the last step."""
        if self._last is None:
            raise UsageError("There is no loss yet: run a step first.")
        feeds = self._last.feeds
        return float((feeds.answers[0].loss if len(feeds.answers) > 1 else feeds.loss)[0])

    def step(self, x: Any, t: Any, weights: Weights = None, *, learning_rate: float) -> float:
        """Train on n <= batch_size samples and return their mean loss; every `accumulate` steps update the parameters.

        `weights` has one per sample. Of mixed samples (see targets.Mixed) it has two, for either of the two.

        A step whose loss is not finite leaves parameters and optimizer as they were; `fault` then says where it began.
        """
        net = self.net
        given = inputs(x, net.input_shape, net.params.dtype)
        wanted = self._wanted(t, len(given))
        if not 0 < len(given) <= self.batch_size:
            raise UsageError(f"A step takes 1 to {self.batch_size} samples, but received {len(given)}.")
        program = self._program(len(given))
        answer(program, given, wanted, weights)
        program.feeds.key[:] = net.random_seed, self.steps
        if self._fuses:
            self._set_hyper(learning_rate, self.updates + 1, 1)
        before = [part.copy() for part in self._statistics]
        loss = program.step(given, net.threads)
        self._last, self._count = program, len(given)
        self.steps += 1
        if not np.isfinite(loss):
            program.feeds.inputs[: len(given)] = given  # `fault` looks there
            for part, kept in zip(self._statistics, before, strict=True):
                part[:] = kept
            net.params.touch()
            return loss
        if self.accumulated is not None:
            self.accumulated += net.params.gradients
        self.pending += 1
        if self.pending >= self.accumulate:
            self.flush(learning_rate)
        return loss

    def flush(self, learning_rate: float) -> None:
        """Update the parameters with the gradients gathered so far, if any: their mean over the steps."""
        if not self.pending:
            return
        self.updates += 1
        if not self._fuses:  # else it has been done before the step
            self._set_hyper(learning_rate, self.updates, self.pending)
        tape = self.update_tape()
        small = self._update_values < ALONE  # other threads would take longer to come than the update takes
        machine.run(tape, 1 if small else self.net.threads)
        self.net.params.touch()
        self.pending = 0
        if self.accumulated is not None:
            self.accumulated[:] = 0

    @property
    def last(self) -> Program | None:
        """The program of the last step, if there was one."""
        return self._last

    def update_tape(self) -> np.ndarray:
        """Return the rows that update what the last step's program did not update itself."""
        done = frozenset(self._last.binder.updated) if self._last is not None else frozenset()
        if done not in self._updates:
            self._updates[done] = self._tape(done)
        tape = self._updates[done]
        self._update_values = int(tape[:, optimizers.SIZE].sum())
        return tape

    def _set_hyper(self, learning_rate: float, update: int, steps: int) -> None:
        """Set what the kernels read: the update's number, and over how many steps gradients were gathered."""
        h, (first, second, epsilon) = self.hyper.T, self._decays
        h[optimizers.RATE] = learning_rate * self._factors
        h[optimizers.FACTOR] = 1.0 / steps
        h[optimizers.ALPHA], h[optimizers.BETA] = first, second
        h[optimizers.EPSILON] = epsilon
        h[optimizers.CORRECT_A] = 1 - first**update
        h[optimizers.CORRECT_B] = 1 - second**update

    @property
    def prediction(self) -> np.ndarray:
        """Return the outputs (n, ...) of the last step, as they were before its update."""
        if self._last is None:
            raise UsageError("There is no prediction yet: run a step first.")
        return self._last.output[: self._count].copy()

    def state(self) -> dict[str, np.ndarray]:
        """Return everything but the parameters that the next step depends on, as arrays in public layouts."""
        params = self.net.params
        found = {
            f"{name}/{key}": params.public(key, whole) for name, whole in self.slots.items() for key in self.net.trained
        }
        if self.accumulated is not None:
            found |= {f"accumulated/{key}": params.public(key, self.accumulated) for key in self.net.trained}
        found["counters"] = np.array([self.steps, self.updates, self.pending], np.int64)
        return found

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Take over what `state` returned; raises UsageError where it does not fit this session."""
        expected = self.state()
        if set(state) != set(expected):
            odd = sorted(set(state) ^ set(expected))[:3]
            raise UsageError(f"The optimizer's state does not fit this network and optimizer: {', '.join(odd)}.")
        for key, value in state.items():
            if np.shape(value) != expected[key].shape:
                raise UsageError(f"{key!r} has the shape {expected[key].shape}, but the state holds {np.shape(value)}.")
        self.steps, self.updates, self.pending = (int(n) for n in state["counters"])
        wholes = dict(self.slots) | ({"accumulated": self.accumulated} if self.accumulated is not None else {})
        for name, whole in wholes.items():
            for key in self.net.trained:
                self.net.params.put(key, state[f"{name}/{key}"], whole)

    def fault(self) -> str | None:
        """Say where the last step's first non-finite number began, or None where all is finite."""
        program = self._last
        if program is None:
            return None
        net = self.net
        if not np.isfinite(program.feeds.inputs).all():
            return "the input data hold a value that is not finite"
        if not all(np.isfinite(found.targets).all() for found in program.feeds.answers):
            return "the targets hold a value that is not finite"
        for key, _ in net.parameters:
            if not np.isfinite(net.params[key]).all():
                return f"layer {key.rpartition('/')[0]!r}: its {key.rpartition('/')[2]} is not finite"
        unfused = frozenset(RULES)
        probe = Program(net.graph, net.params, program.batch, "train", without=unfused, keep_all=True, exact=net.exact)
        for name in ("inputs", "weights", "shares", "mixed", "key"):
            getattr(probe.feeds, name)[...] = getattr(program.feeds, name)
        for into, given in zip(probe.feeds.answers, program.feeds.answers, strict=True):
            for name in ("labels", "others", "targets", "counted"):
                getattr(into, name)[...] = getattr(given, name)
        probe.momenta(1.0)
        loss = probe.run(net.threads)
        for node in probe.graph.nodes:
            tensor = probe.emitted.values.get(id(node))
            if tensor is not None and not np.isfinite(probe.view(tensor)).all():
                return f"layer {node.layer!r}: its output is not finite"
        if not np.isfinite(loss):
            several = len(probe.losses) > 1
            pairs = zip(probe.losses, probe.feeds.answers, strict=True)
            wrong = [node.layer for node, found in pairs if several and not np.isfinite(found.loss[0])]
            return f"layer {(wrong or [net.graph.loss.layer])[0]!r}: the loss is not finite"
        for key in net.trained:
            if not np.isfinite(net.params.public(key, net.params.gradients)).all():
                return f"layer {key.rpartition('/')[0]!r}: the gradient of its {key.rpartition('/')[2]} is not finite"
        return None
