"""The checked mode: the same bits, and a kernel that leaves its memory is named."""

import engine_harness as engine
import numpy as np
import pytest
from engine_stacks import PAINTED, STRIDED

from builder.compile.reach import BrokenPlan
from builder.kernels import machine
from schemas import training


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setenv("TSUMIKI_CHECKED", "1")


def losses(shape, stack):
    net = engine.network(shape, stack)
    session = net.session(3, training.Adam(), weight_decay=0.01)
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((3, *shape)).astype(np.float32), np.arange(3)
    found = [session.step(x, t, learning_rate=0.01) for _ in range(2)]
    return [*found, net.predict(x).tobytes()]


@pytest.mark.parametrize(
    ("shape", "stack"), [((4, 17, 23), STRIDED), ((21, 8, 9), PAINTED)], ids=["strided", "painted"]
)
def test_watched_steps_compute_the_same(shape, stack, monkeypatch):
    expected = losses(shape, stack)
    monkeypatch.setenv("TSUMIKI_CHECKED", "1")
    assert losses(shape, stack) == expected


SMALL = [engine.conv(5, padding=1), *engine.layers("ReLU"), engine.affine(3), *engine.HEAD]


def broken(change):
    """A program one of whose rows was changed behind the plan's back."""
    from builder.kernels import tiles

    _, made = engine.program((3, 7, 6), SMALL, 2, mode="evaluate", exact=True)
    engine.fill(made, np.ones((2, 3, 7, 6)), np.array([0, 1]))
    change(made.tape[made.binder.names.index("tiles_forward")], tiles)
    return made


def test_a_write_beside_the_memory_is_named(watched):
    def change(row, tiles):
        row[tiles.Y] -= 64

    with pytest.raises(BrokenPlan, match=r"tiles_forward, row 1 of \d+, wrote beside its memory"):
        broken(change).run(1)


def test_reading_what_nobody_wrote_spoils_the_loss(watched):
    def change(row, tiles):
        row[machine.UNITS] -= 1

    assert np.isfinite(broken(lambda row, tiles: None).run(1))
    assert np.isnan(broken(change).run(1))
