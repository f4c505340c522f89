"""Targets and weights into the memory of a program: those of every loss, of whole batches and of mixed samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from .targets import IGNORED, Mixed, targets

if TYPE_CHECKING:
    from .compile.bind import Answers
    from .compile.program import Program
    from .compile.tensors import Node

Weights = np.ndarray | tuple[np.ndarray, np.ndarray] | None
"""One weight per sample; of mixed samples one for each of the two."""


def fill(program: Program, x: np.ndarray, t: np.ndarray, weights: Weights = None) -> None:
    """Put n <= batch samples into the program's feeds; what is left of the batch counts nothing."""
    program.feeds.inputs[: len(x)] = x
    answer(program, x, t, weights)


def answer(program: Program, x: np.ndarray, t: np.ndarray | Mixed, weights: Weights = None) -> None:
    """Put the targets and weights of n <= batch samples x into the program's feeds.

    `t` has the form in which the main loss takes it (see `targets`). The other losses compare with the same target, or
    with x.
    """
    n, feeds = len(x), program.feeds
    shares = _weigh(program, n, t, weights)
    for place, (loss, into) in enumerate(zip(program.losses, feeds.answers, strict=True)):
        if place and program.compares[place] == "input":
            wanted: np.ndarray | Mixed = targets(x, n, loss.inputs[0].op.shape, loss.op, x.dtype)
        elif place:
            wanted = _for(loss, t, n, feeds.targets.dtype)
        else:
            wanted = t
        _put(program, into, loss.op, n, wanted, shares)


def _for(loss: Node, t: np.ndarray | Mixed, n: int, dtype: np.dtype[np.float32]) -> np.ndarray | Mixed:
    """Return the main loss's target in the form in which another loss takes it."""
    head = loss.inputs[0].op.shape
    if isinstance(t, Mixed):
        first, second = (targets(part, n, head, loss.op, dtype) for part in (t.first, t.second))
        return Mixed(first, second, t.share)
    return targets(t, n, head, loss.op, dtype)


def _weigh(program: Program, n: int, t: np.ndarray | Mixed, weights: Weights) -> np.ndarray:
    """Set the samples' weights; return the share (2, n) of the first and the second in the target of a mixed one."""
    feeds = program.feeds
    feeds.weights[n:] = 0
    feeds.shares[:, n:] = 0
    feeds.mixed[0] = isinstance(t, Mixed)
    if not isinstance(t, Mixed):
        feeds.weights[:n] = 1 if weights is None else weights
        return np.ones((2, n))
    first, second = weights if isinstance(weights, tuple) else (1.0 if weights is None else weights,) * 2
    parts = np.stack([np.broadcast_to(t.share * first, n), np.broadcast_to((1 - t.share) * second, n)])
    whole = parts.sum(0)
    feeds.shares[:, :n], feeds.weights[:n] = parts, whole
    even = np.broadcast_to(np.array([[t.share], [1 - t.share]]), parts.shape)
    return np.divide(parts, whole, out=even.copy(), where=whole > 0)


def _put(program: Program, into: Answers, op: ops.Op, n: int, t: np.ndarray | Mixed, shares: np.ndarray) -> None:
    """Write the targets of one loss."""
    batch = program.batch
    if isinstance(op, ops.CrossEntropy):
        first, second = (t.first, t.second) if isinstance(t, Mixed) else (t, None)
        for room, part in ((into.labels, first), (into.others, second)):
            if part is not None:
                room.reshape(batch, -1)[:n] = part.reshape(n, -1)
        if op.ignore is not None:
            into.labels.reshape(batch, -1)[n:] = IGNORED
            into.counted[0] = _counted(t)
        return
    values = _mean(t, shares) if isinstance(t, Mixed) else t
    # The engine's order of values: channels last.
    into.targets.reshape(batch, -1)[:n] = np.moveaxis(values, 1, -1).reshape(n, -1)


def _mean(t: Mixed, shares: np.ndarray) -> np.ndarray:
    """Return the target that a loss of values compares with: the mean of both."""
    one, two = (share.reshape(-1, *[1] * (t.first.ndim - 1)) for share in shares)
    mean: np.ndarray = one * t.first + two * t.second
    return mean


def counted(t: np.ndarray) -> int:
    """Return how many class numbers are not left out."""
    return int(np.count_nonzero(t != IGNORED))


def _counted(t: np.ndarray | Mixed) -> float:
    if isinstance(t, Mixed):
        return t.share * counted(t.first) + (1 - t.share) * counted(t.second)
    return counted(t)
