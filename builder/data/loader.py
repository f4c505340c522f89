"""Batches in a seeded order, prepared in the background while the network works on the one before."""

from __future__ import annotations

from collections.abc import Generator
from queue import Empty, Full, Queue
from threading import Event, Thread

import numpy as np

from builder.targets import Mixed

from .mixup import mixed
from .part import Part
from .random import permutation

Batch = tuple[int, np.ndarray, np.ndarray, np.ndarray | Mixed]
AHEAD = 2
ORDER = 0x6F72646572
"""Keeps the order's random numbers apart from augmentation's, which hash (seed, epoch, ...) too."""


class Loader:
    """Gives a part's samples in batches. Order and augmentation depend only on (seed, epoch, sample index), how samples
    are mixed on (seed, epoch, batch).

    So the batches from (epoch, start) on are the same bytes whether or not those before them were asked for.
    """

    def __init__(
        self, part: Part, batch_size: int, seed: int = 0, *, augment: bool = False, shuffle: bool = False
    ) -> None:
        self.part, self.batch_size, self.seed = part, batch_size, seed
        self.augment, self.shuffle = augment and bool(part.augmentation), shuffle

    def __len__(self) -> int:
        """Return how many batches an epoch has, the last incomplete one included."""
        return -(-len(self.part) // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Return the sample indices in the order of this epoch."""
        return permutation(len(self.part), ORDER, self.seed, epoch) if self.shuffle else np.arange(len(self.part))

    def batches(self, epoch: int = 0, start: int = 0) -> Generator[Batch, None, None]:
        """Yield (batch index, sample indices, x, t) from batch `start` on. Raises BadData where a file has changed."""
        order = self.order(epoch)
        if not (self.augment or self.part.streamed):  # copying rows is faster than handing them from thread to thread
            for number in range(start, len(self)):
                yield self._batch(order, epoch, number)
            return
        yield from self._ahead(order, epoch, start)

    def _batch(self, order: np.ndarray, epoch: int, number: int) -> Batch:
        indices = order[number * self.batch_size : (number + 1) * self.batch_size]
        x, t = self.part.augmented(indices, self.seed, epoch) if self.augment else self.part.read(indices)
        if self.augment and self.part.mixup is not None:
            return number, indices, *mixed(x, t, self.part.mixup.alpha, self.seed, epoch, number)
        return number, indices, x, t

    def _ahead(self, order: np.ndarray, epoch: int, start: int) -> Generator[Batch, None, None]:
        queue: Queue[Batch | BaseException | None] = Queue(AHEAD)
        stop = Event()

        def put(item: Batch | BaseException | None) -> bool:
            while not stop.is_set():
                try:
                    queue.put(item, timeout=0.1)
                    return True
                except Full:
                    continue
            return False

        def work() -> None:
            try:
                for number in range(start, len(self)):
                    if not put(self._batch(order, epoch, number)):
                        return
                put(None)
            except BaseException as error:  # raised again in the thread that asked
                put(error)

        thread = Thread(target=work, name="tsumiki-loader", daemon=True)
        thread.start()
        try:
            while (item := queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:  # also when the caller leaves the loop early: the thread must not outlive it
            stop.set()
            while True:
                try:
                    queue.get_nowait()
                except Empty:
                    break
            thread.join()
