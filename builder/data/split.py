"""Which samples train, which validate, which test.

The split is drawn with our own hash and not with scikit-learn's train_test_split, because importing scikit-learn takes
a second of the two that `tsumiki train` may take to its first step. It looks at a sample's content, not at its place:
the same samples in another order, process or NumPy version fall into the same parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .random import mix


def split(
    digests: Sequence[bytes], classes: np.ndarray | None, validation: float, test: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sorted positions (train, validation, test), a partition of range(n).

    With `classes` (n,) int, each class gives each held part its fraction, rounded up or down so that the totals fit.

    >>> parts = split([bytes([k]) for k in range(10)], None, 0.1, 0.2, seed=0)
    >>> [len(part) for part in parts]
    [7, 1, 2]
    """
    n = len(digests)
    content = np.array([int.from_bytes(d[:8].ljust(8, b"\0"), "little") for d in digests], dtype=np.uint64)
    order = np.argsort(mix(np.uint64(seed), content), kind="stable")  # equal samples keep the order they came in
    groups = np.zeros(n, dtype=np.int64) if classes is None else classes
    members = [order[groups[order] == c] for c in np.unique(groups)]
    sizes = np.array([len(m) for m in members], dtype=np.int64)
    tested = _shares(sizes, test, sizes)
    watched = _shares(sizes, validation, sizes - tested)
    parts: tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]] = ([], [], [])
    for member, t, v in zip(members, tested, watched, strict=True):
        parts[2].append(member[:t])
        parts[1].append(member[t : t + v])
        parts[0].append(member[t + v :])
    train, held, last = (np.sort(np.concatenate(p)) if p else np.zeros(0, np.int64) for p in parts)
    return train, held, last


def _shares(sizes: np.ndarray, fraction: float, room: np.ndarray) -> np.ndarray:
    """Return how many of each class a part gets: largest remainders first, never more than there is room for."""
    exact = sizes * fraction
    shares = np.minimum(np.floor(exact).astype(np.int64), room)
    total = int(sizes.sum())
    wanted = round(total * fraction)
    if fraction > 0 and total >= 3:
        wanted = max(1, wanted)
    for k in np.argsort(-(exact - np.floor(exact)), kind="stable"):
        if shares.sum() >= wanted:
            break
        if shares[k] < room[k]:
            shares[k] += 1
    return shares
