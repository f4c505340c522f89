"""The error for numbers that are no longer finite, with where it began and what to do."""

from __future__ import annotations

from schemas.errors import TrainingError
from schemas.training import Training

from .state import State


class Fault(TrainingError):
    """A loss, weight or prediction became NaN or infinite. `layer` says where it began, as far as known."""

    def __init__(self, training: Training, state: State, what: str, layer: str | None) -> None:
        rate = training.optimizer.learning_rate
        clip = "" if training.clip_norm is not None else ", or set training.clip_norm to 1"
        began = f" It began in {layer}." if layer else ""
        super().__init__(
            f"{what} at epoch {state.epoch + 1}, step {state.step + 1}.{began} The last good checkpoint is kept. "
            f"Usually the steps are too large: set training.optimizer.learning_rate to {rate / 10:.3g} (now {rate:.3g})"
            f"{clip}. Otherwise look for huge or missing values in the data (`tsumiki datasets`) and normalise them."
        )
        self.layer, self.epoch, self.step, self.what = layer, state.epoch + 1, state.step + 1, what
