"""Large arrays are zeroed, begin where a large page does, and live as long as they are used."""

import gc
import mmap

import numpy as np
import pytest

from builder.compile import pages
from builder.compile.pages import HUGE, LARGE, STRETCH, zeros
from builder.compile.parameters import aligned


@pytest.mark.parametrize("size", [0, 1, LARGE - 1, LARGE, LARGE + 12345, STRETCH + HUGE + 12345])
def test_memory_is_zeroed_and_writable(size: int) -> None:
    made = zeros(size)
    assert made.shape == (size,) and not made.any()
    made[:] = 7
    assert (made == 7).all()


needs_pages = pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="only Linux has such pages")


@needs_pages
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


SIZES = [
    LARGE,
    LARGE + 1,
    STRETCH,
    STRETCH + 1,
    STRETCH + HUGE,
    STRETCH + HUGE + 12345,
    2 * STRETCH - 1,
    2 * STRETCH + 3 * HUGE,
]


@needs_pages
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("large", [0.0, 1.0])
def test_an_array_used_whole_is_touched_in_the_cheaper_pages(
    size: int, large: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    advised: list[tuple[int, int]] = []
    touched: list[tuple[int, int]] = []

    class Recording(mmap.mmap):
        def madvise(self, option: int, start: int = 0, length: int = -1) -> None:  # type: ignore[override]  # no overload
            if length > 0:
                assert option == mmap.MADV_HUGEPAGE
                advised.append((start, start + length))

    def write(raw: np.ndarray, start: int, stop: int) -> float:
        touched.extend([(start, stop)] if stop > start else [])
        return large if (start, start + HUGE) in advised else 0.5

    monkeypatch.setattr(mmap, "mmap", Recording)
    monkeypatch.setattr(pages, "_write", write)
    zeros(size)
    first = touched[0][0]
    assert [start for start, _ in touched[1:]] == [stop for _, stop in touched[:-1]]
    assert touched[-1][1] == first + size
    tried = {(start, start + HUGE) for start in range(first, first + size, STRETCH)}
    assert tried <= set(advised)
    rest = [stop - start for start, stop in advised if (start, stop) not in tried]
    assert bool(rest) is (large < 0.5 and size > 2 * HUGE)
    touched.clear()
    zeros(size, whole=False)
    assert not touched
