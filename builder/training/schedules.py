"""The learning rate of every step, a pure function of the settings and the step's number."""

from __future__ import annotations

import math

from schemas.training import Cosine, Exponential, Polynomial, Step, Training


def learning_rate(training: Training, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of step `step` (from 0 over the whole training).

    Warm-up: a line from warmup_start to 1 that reaches 1 with the warm-up's last step. Step and Exponential count whole
    epochs from the start of training; Cosine and Polynomial fall from the end of the warm-up to the last step.
    """
    full, schedule = float(training.optimizer.learning_rate), training.schedule
    warmup = round(schedule.warmup_epochs * steps_per_epoch)
    if step < warmup:
        return full * (schedule.warmup_start + (1.0 - schedule.warmup_start) * (step + 1) / warmup)
    epoch = step // steps_per_epoch
    last = training.epochs * steps_per_epoch - 1
    progress = min((step - warmup) / max(last - warmup, 1), 1.0)
    match schedule:
        case Step(milestones=None):
            return full * schedule.gamma ** (epoch // schedule.step_size)
        case Step(milestones=milestones):
            return full * schedule.gamma ** sum(epoch >= milestone for milestone in milestones or ())
        case Exponential():
            return full * schedule.gamma**epoch
        case Cosine(minimum=minimum):
            return minimum + (full - minimum) * 0.5 * (1.0 + math.cos(math.pi * progress))
        case Polynomial(minimum=minimum, power=power):
            return minimum + (full - minimum) * (1.0 - progress) ** power
        case _:
            return full
