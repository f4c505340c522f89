"""The training loop: epochs of steps, each followed by validation, one line of metrics and a checkpoint."""

from __future__ import annotations

import json
import math
import shlex
import time
from contextlib import closing
from typing import Any

import numpy as np

from schemas.errors import TrainingError

from . import doctor, evaluation, scores
from .classweights import sample_weights
from .durable import append
from .events import Clock, Events
from .fault import Fault
from .job import Job
from .keeper import Keeper
from .protocols import Session
from .runfolder import RunFolder
from .schedules import learning_rate
from .signals import Interrupts, Stop
from .state import State


class Stopped(Exception):
    """The caller's `stop` said so; everything is saved."""


class Trainer:
    """Trains one job in one folder, from any state that a checkpoint can hold."""

    def __init__(
        self, job: Job, session: Session, folder: RunFolder, events: Events, interrupts: Interrupts, stop: Stop | None
    ) -> None:
        self.job, self.session, self.folder, self.events = job, session, folder, events
        self.interrupts, self.stop = interrupts, stop
        self.keeper = Keeper(job, session, folder)
        self._advised: set[str] = set()
        self._moved = False

    def run(self, state: State) -> None:
        """Train on from `state` until it is finished.

        Raises Interrupted or Stopped after saving, Fault when a number is not finite, TrainingError on a full disk.
        """
        self.clock = Clock(state.step, self.job.training.epochs * self.job.batches)
        rows = self.folder.rows()
        while state.finished is None:
            begin = time.monotonic()
            self._steps(state)
            row = self._row(state)
            state.metrics_bytes = append(self.folder.metrics, _line(row), state.metrics_bytes)
            best = self._judge(state, row)
            self._save(state, best)
            rows.append(row)
            seconds = round(time.monotonic() - begin, 3)
            self.events.emit(
                "epoch", epoch=state.epoch, epochs=self.job.training.epochs, metrics=row, best=best, seconds=seconds
            )
            self.folder.note("epoch", epoch=state.epoch, seconds=seconds)
            self._advise(rows)
            if state.finished is None:
                self._leave(state, saved=True)

    def _steps(self, state: State) -> None:
        """Do the steps of the epoch that `state` has not done yet."""
        job, training = self.job, self.job.training
        if state.batch < job.batches:
            with closing(job.loader.batches(state.epoch, start=state.batch)) as batches:  # ends the loader's thread too
                for batch, _, x, t in batches:
                    if batch >= job.batches:  # the incomplete batch under drop_last
                        break
                    rate = learning_rate(training, state.step, job.batches)
                    total = float(self.session.step(x, t, sample_weights(job.class_weights, t), learning_rate=rate))
                    if not math.isfinite(total):
                        raise Fault(training, state, f"The loss became {total}", self.session.fault())
                    self._moved = True
                    losses = self.session.losses
                    loss = self.session.main_loss if losses else total
                    state.add(loss, scores.tally(self.session.prediction, t, job.task), len(x))
                    if losses:
                        state.add_losses(total, losses, len(x))
                    self._tell(state, loss, rate)
                    if state.batch < job.batches:
                        saved = self.keeper.due(state)
                        if saved:
                            self._save(state, False)
                        self._leave(state, saved)
        if state.batch != job.batches:
            raise TrainingError(
                f"The data gave {state.batch} batches in epoch {state.epoch + 1} instead of {job.batches}."
            )
        if state.batch % training.accumulate:
            self.session.flush(learning_rate(training, state.step - 1, job.batches))
        self._leave(state, saved=False)

    def _row(self, state: State) -> dict[str, Any]:
        """Validate and return the epoch's line: numbers of training are means over its steps, before each update."""
        job, training = self.job, self.job.training
        row: dict[str, Any] = {
            "epoch": state.epoch + 1,
            "step": state.step,
            "learning_rate": learning_rate(training, state.step - 1, job.batches),
            "train": {
                "loss": state.loss_sum / state.samples,
                scores.quick_name(job.task): state.hit_sum / max(state.hit_samples, 1e-12),
            },
            **state.means(),
        }
        if job.prepared.validation is not None:
            loss, prediction, target = evaluation.evaluate(
                job.network,
                job.prepared.validation,
                training.evaluation_batch_size,
                lambda: self._leave(state, saved=False),
            )
            if not math.isfinite(loss) or not np.isfinite(prediction).all():
                raise Fault(training, state, "The loss of the validation samples became infinite or NaN", None)
            row["validation"] = scores.score(prediction, target, job.task, loss, training.top_k)
        return row

    def _judge(self, state: State, row: dict[str, Any]) -> bool:
        """Count the epoch in `state`, decide whether training is over, and return whether the epoch is the best."""
        job, training = self.job, self.job.training
        value = job.watched(row, training.monitor)
        best = value is not None and scores.improves(training.monitor, value, state.best_value)
        if best or state.best_epoch is None:
            state.best_epoch, state.best_value, best = row["epoch"], value, True
        state.next_epoch()
        self._moved = True
        if state.epoch >= training.epochs:
            state.finished = "epochs"
        if training.early_stopping is not None:
            stopping = training.early_stopping
            monitor = stopping.monitor or training.monitor
            value = job.watched(row, monitor)
            if value is not None and scores.improves(monitor, value, state.watched_value, stopping.min_delta):
                state.watched_value, state.waited = value, 0
            else:
                state.waited += 1
                if state.waited >= stopping.patience:
                    state.finished = "early stopping"
        return best

    def _save(self, state: State, best: bool) -> None:
        self.keeper.save(state, best)
        self.events.emit("checkpoint", epoch=state.epoch, batch=state.batch, step=state.step)

    def _leave(self, state: State, saved: bool) -> None:
        """Save and leave when a signal came or `stop` says so."""
        # Asked only once something was done, so that even a `stop` that is always true gets through by resuming.
        asked = self.interrupts.number is None and self._moved and self.stop is not None and self.stop()
        if self.interrupts.number is None and not asked:
            return
        if not saved:
            self._save(state, False)
        where = f"epoch {state.epoch + 1}, step {state.step}"
        self.folder.note("interrupted", epoch=state.epoch, batch=state.batch, step=state.step)
        if asked:
            raise Stopped(where)
        again = f"tsumiki resume {shlex.quote(str(self.folder.path))}"
        raise self.interrupts.interrupted(f"Saved at {where}. Go on with: {again}")

    def _tell(self, state: State, loss: float, rate: float) -> None:
        self.events.emit(
            "step",
            epoch=state.epoch + 1,
            epochs=self.job.training.epochs,
            batch=state.batch,
            batches=self.job.batches,
            step=state.step,
            steps=self.job.training.epochs * self.job.batches,
            loss=state.loss_sum / state.samples,
            learning_rate=rate,
            seconds_left=self.clock.left(state.step),
            **{scores.quick_name(self.job.task): state.hit_sum / max(state.hit_samples, 1e-12), "step_loss": loss},
            **state.means(),
        )

    def _advise(self, rows: list[dict[str, Any]]) -> None:
        """Tell what the doctor finds, each thing once; ever more rarely, as it reads all epochs each time."""
        if len(rows) > 100 and len(rows) % 100:
            return
        for advice in doctor.diagnose(
            rows, task=self.job.task, classes=len(self.job.prepared.class_names or ()) or None
        ):
            if advice.code not in self._advised and advice.code != "still_improving":
                self._advised.add(advice.code)
                self.events.emit("advice", advice=advice.to_json())


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, allow_nan=False).encode() + b"\n"
