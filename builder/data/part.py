"""One part of the data: training, validation or test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.data import Augmentation, Mixup

from .augment import augment, augment_maps
from .pipeline import Pipeline
from .samples import Samples


class Part:
    """Samples with their targets, preprocessed when read.

    targets: int64 (n,) for classification, float32 (n, 1) or (n, k) for binary and regression; images: see maps.py.
    `itself`: the target is the input after preprocessing and augmentation, and `targets` is empty, (n, 0).
    """

    def __init__(
        self,
        samples: Samples,
        targets: np.ndarray,
        pipeline: Pipeline,
        augmentation: Sequence[Augmentation] = (),
        itself: bool = False,
    ) -> None:
        self.samples, self.targets, self.pipeline = samples, targets, pipeline
        self.augmentation, self.itself = tuple(augmentation), itself

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def streamed(self) -> bool:
        return self.samples.streamed

    @property
    def mixup(self) -> Mixup | None:
        """How the loader mixes the samples of a batch; None where it does not."""
        return next((step for step in self.augmentation if isinstance(step, Mixup)), None)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (x, t) after preprocessing: x float32 (n, C, H, W) or (n, F)."""
        indices = np.asarray(indices, dtype=np.int64)
        x = self.pipeline.apply(self.samples.read(indices))
        return x, x if self.itself else self.targets[indices]

    def augmented(self, indices: np.ndarray, seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (x, t) after preprocessing and augmentation, which (seed, epoch, index) alone decide."""
        x, t = self.read(indices)
        numbers = np.asarray(indices, dtype=np.int64)
        changed = augment(x, self.augmentation, seed, epoch, numbers)
        if self.itself:
            return changed, changed
        if t.ndim > 2:  # an image is moved as its input is
            t = augment_maps(t, self.augmentation, seed, epoch, numbers)
        return changed, t

    def all(self) -> tuple[np.ndarray, np.ndarray]:
        """Return every sample at once."""
        return self.read(np.arange(len(self)))

    def where(self, index: int) -> str:
        """Return where a sample comes from, e.g. 'table.csv, line 7'."""
        return self.samples.where(index)
