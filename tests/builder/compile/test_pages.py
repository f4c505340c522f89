"""Large arrays are zeroed, begin where a large page does, and live as long as they are used."""

import gc
import mmap

import numpy as np
import pytest

from builder.compile.pages import HUGE, LARGE, zeros
from builder.compile.parameters import aligned


@pytest.mark.parametrize("size", [0, 1, LARGE - 1, LARGE, LARGE + 12345])
def test_memory_is_zeroed_and_writable(size: int) -> None:
    made = zeros(size)
    assert made.shape == (size,) and not made.any()
    made[:] = 7
    assert (made == 7).all()


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="only Linux has such pages")
def test_a_large_array_begins_at_a_large_page() -> None:
    assert zeros(LARGE).ctypes.data % HUGE == 0


def test_a_view_keeps_the_memory() -> None:
    view = aligned(LARGE, np.float32)[LARGE // 2 :]
    view[:] = 3
    gc.collect()
    others = [zeros(LARGE) for _ in range(4)]
    assert (view == 3).all() and not any(other.any() for other in others)


def test_a_system_without_such_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    assert not zeros(LARGE).any()


def test_a_kernel_built_without_such_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(mmap.mmap):
        def madvise(self, *_: int) -> None:  # type: ignore[override]  # shorter
            raise OSError("invalid argument")

    monkeypatch.setattr(mmap, "mmap", Refusing)
    assert not zeros(LARGE).any()
