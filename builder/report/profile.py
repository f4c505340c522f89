"""Where the time of a step goes: per operation and layer, beside what the machine can do and the prediction."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rich.table import Table

    from builder.compile.work import Figures
    from builder.network import Network
    from builder.session import Session
    from schemas.training import Training


def profile(
    net: Network, batch: int | None = None, *, training: bool = True, seconds: float = 1.0, again: bool = True
) -> dict[str, Any]:
    """Measure a step of the network on random data: a training step, or with training=False a prediction.

    Returns a dict that JSON can hold: machine (measured peaks and bandwidths), step_ms (the whole step, as training
    runs it), predicted_ms, and `calls`, a row per operation: layer, name, kernels, ms, share, gflops, of_peak, gb,
    of_memory (the share of its time that its reads and writes would take alone) and predicted_ms. Winograd's gflops
    count the multiplications of the direct form and may exceed the peak. The network is not changed. `again` measures
    the machine's figures anew.
    """
    from builder.compile.figures import figures
    from builder.compile.work import step_seconds
    from schemas.training import Training

    settings = Training.model_validate(net.document.get("training") or {})
    size, kept = batch or settings.batch_size, net.params.packed.copy()
    measured = _Training(net, size, settings) if training else _Use(net, size)
    program, threads = measured.program, measured.program.threads(net.threads)
    found = figures(threads, again)
    step = _time(measured.step, seconds / 2)
    rows = _calls(measured, threads, found, seconds / 2)
    net.params.packed[:] = kept
    net.params.touch()
    predicted = step_seconds(program.emitted, found, measured.updated, measured.slots)
    return {
        "mode": "training" if training else "prediction",
        "batch": size,
        "threads": threads,
        "machine": {
            "gflops": found.gflops,
            "tile_gflops": found.tile_gflops,
            "memory": [
                {"bytes": size, "read_gb": read, "write_gb": write}
                for size, read, write in zip(found.bytes, found.read_gb, found.write_gb, strict=True)
            ],
        },
        "step_ms": 1e3 * step,
        "operations_ms": sum(row["ms"] for row in rows),
        "predicted_ms": 1e3 * predicted,
        "samples_per_second": size / step,
        "calls": rows,
    }


class _Training:
    """A training step at learning rate 0: only running statistics change."""

    def __init__(self, net: Network, batch: int, settings: Training) -> None:
        from builder.compile.work import separately_updated
        from builder.session import STATES

        self.net = net
        self.session: Session = net.session(
            batch, settings.optimizer, settings.decay, settings.clip_norm, settings.accumulate
        )
        self.x, self.t = example(net, batch)
        self.step()
        assert self.session.last is not None
        self.program = self.session.last
        self.slots = len(STATES[settings.optimizer.type])
        self.updated = separately_updated(self.program.graph.nodes)

    def step(self) -> None:
        self.session.step(self.x, self.t, learning_rate=0.0)

    def tapes(self) -> list[tuple[str, np.ndarray, list[int], list[str]]]:
        """Return (part, tape, number of the call of each row, kernel of each row)."""
        binder, update = self.program.binder, self.session.update_tape()
        return [
            ("step", self.program.tape, binder.owners, binder.names),
            ("update", update, [-1] * len(update), ["update"] * len(update)),
        ]


class _Use:
    """A prediction of a batch."""

    slots = updated = 0

    def __init__(self, net: Network, batch: int) -> None:
        self.net, self.batch = net, batch
        self.x, _ = example(net, batch)
        self.program = net.program(batch, "predict")

    def step(self) -> None:
        self.net.predict(self.x, batch_size=self.batch)

    def tapes(self) -> list[tuple[str, np.ndarray, list[int], list[str]]]:
        binder = self.program.binder
        return [("step", self.program.tape, binder.owners, binder.names)]


def example(net: Network, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return random inputs and targets that fit the network."""
    from builder.targets import labelled

    draw, head = np.random.default_rng(0), net.output_shape
    x = draw.standard_normal((count, *net.input_shape)).astype(net.params.dtype)
    if labelled(net.loss_op):
        return x, draw.integers(0, head[0], (count, *(n for n in head[1:] if n != 1)))
    return x, draw.integers(0, 2, (count, *head)).astype(net.params.dtype)


def _time(step: Any, seconds: float) -> float:
    """Return the seconds of a step: the lower quartile of at least seven, after one that warms up."""
    step()
    times: list[float] = []
    while len(times) < 7 or sum(times) < seconds:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return statistics.quantiles(times, n=4)[0]


def _calls(measured: _Training | _Use, threads: int, figures: Figures, seconds: float) -> list[dict[str, Any]]:
    """Return a row for each call, in the order of computation."""
    from builder.compile.work import works
    from builder.kernels import machine

    em, rows = measured.program.emitted, []
    work_of = works(em, measured.slots)
    for part, tape, owners, names in measured.tapes():
        times = machine.timed(tape, threads, seconds)
        for number in dict.fromkeys(owners):
            mine = [i for i, owner in enumerate(owners) if owner == number]
            spent = float(sum(times[i] for i in mine))
            call = em.calls[number] if number >= 0 else None
            row: dict[str, Any] = {
                "layer": call.layer if call is not None else "",
                "name": call.name if call is not None else ("update" if part == "update" else "output"),
                "kernels": list(dict.fromkeys(names[i] for i in mine)),
                "ms": 1e3 * spent,
            }
            if call is not None:
                work = work_of[number]
                gflops, gb = (amount / max(spent, 1e-9) / 1e9 for amount in (work.flops, work.bytes))
                row |= {
                    "kind": work.kind,
                    "gflops": gflops,
                    "of_peak": gflops / figures.gflops,
                    "gb": gb,
                    "of_memory": sum(map(figures.seconds, work.moves)) / max(spent, 1e-9),
                    "predicted_ms": 1e3 * work.seconds(figures),
                }
            rows.append(row)
    whole = sum(row["ms"] for row in rows) or 1.0
    for row in rows:
        row["share"] = row["ms"] / whole
    return rows


def profile_table(found: dict[str, Any], most: int = 40) -> Table:
    """Return the calls that take longest, in the order of computation, as a table."""
    from rich.table import Table

    table = Table(title_justify="left")
    for name in ("layer", "operation"):
        table.add_column(name, overflow="fold")
    for name in ("ms", "share", "GFLOP/s", "of peak", "GB/s", "of memory", "predicted ms"):
        table.add_column(name, justify="right", no_wrap=True)
    longest = sorted(found["calls"], key=lambda row: -row["ms"])[:most]
    shown = {id(row) for row in longest}
    for row in found["calls"]:
        if id(row) not in shown:
            continue
        arithmetic = (f"{row['gflops']:,.0f}", f"{row['of_peak']:.0%}") if row.get("gflops") else ("", "")
        memory = (f"{row['gb']:,.1f}", f"{row['of_memory']:.0%}") if row.get("gb") else ("", "")
        predicted = f"{row['predicted_ms']:.3f}" if "predicted_ms" in row else ""
        table.add_row(
            row["layer"], row["name"], f"{row['ms']:.3f}", f"{row['share']:.1%}", *arithmetic, *memory, predicted
        )
    rest = [row for row in found["calls"] if id(row) not in shown]
    if rest:
        table.add_row(
            "", f"{len(rest)} more", f"{sum(r['ms'] for r in rest):.3f}", f"{sum(r['share'] for r in rest):.1%}"
        )
    return table


def profile_lines(found: dict[str, Any]) -> list[str]:
    """Return what stands below the table: the machine, the whole step, and the prediction."""
    machine, memory = found["machine"], found["machine"]["memory"]
    shown = [memory[0], *(part for part in memory if part["bytes"] in (1 << 20, 1 << 23)), memory[-1]]
    speeds = ", ".join(f"{m['read_gb']:.0f} and {m['write_gb']:.0f} GB/s at {m['bytes'] >> 10:,} KiB" for m in shown)
    threads = "1 thread" if found["threads"] == 1 else f"{found['threads']} threads"
    off = found["predicted_ms"] / found["step_ms"] - 1
    return [
        f"machine: {machine['gflops']:.0f} GFLOP/s in registers, {machine['tile_gflops']:.0f} in register tiles, "
        f"reads and writes {speeds} ({threads}, measured)",
        f"{found['mode']} step of {found['batch']} samples: {found['step_ms']:.3f} ms, "
        f"{found['samples_per_second']:,.0f} samples per second",
        f"its operations one by one: {found['operations_ms']:.3f} ms",
        f"predicted: {found['predicted_ms']:.3f} ms ({off:+.0%})",
    ]
