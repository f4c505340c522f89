"""Parameters between the user's layout and the kernels'."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from builder.compile.layouts import Matrix, Plain, column_tiles, layout_of
from schemas import ops
from schemas.layer import REGISTRY

sizes = st.integers(1, 9)
lanes = st.sampled_from([2, 4, 8, 16])


@st.composite
def layouts(draw):
    groups, width = draw(st.integers(1, 3)), draw(lanes)
    kind = draw(st.sampled_from(["plain", "conv", "affine"]))
    if kind == "plain":
        return Plain((groups * draw(st.integers(1, 70)),), width, groups)
    if kind == "conv":
        return Matrix((groups * draw(st.integers(1, 70)), draw(sizes), draw(sizes), draw(sizes)), width, groups)
    source = draw(sizes), draw(sizes), draw(sizes)
    return Matrix((int(np.prod(source)), draw(st.integers(1, 70))), width, 1, source)


@given(layouts(), st.integers(0, 9))
@settings(deadline=None, max_examples=50)
def test_packing_and_unpacking_give_the_same_array(layout, seed):
    public = np.random.default_rng(seed).standard_normal(layout.shape)
    packed = np.full(layout.size, np.nan)
    layout.pack(public, packed)
    np.testing.assert_array_equal(layout.unpack(packed), public)
    # Every value stands exactly once, and all else is zero: kernels may compute with the padding lanes.
    np.testing.assert_array_equal(np.sort(packed[packed != 0]), np.sort(public[public != 0], axis=None))
    assert layout.size % layout.lanes == 0


@given(layouts())
@settings(deadline=None, max_examples=20)
def test_unpacking_gives_an_array_of_its_own(layout):
    packed = np.ones(layout.size)
    found = layout.unpack(packed)
    found[...] = 0
    assert (packed == 1).all()


@given(st.integers(1, 2000), lanes)
def test_column_tiles_cover_every_column_once(columns, width):
    tiles = column_tiles(columns, width)
    place = 0
    for vectors, first in tiles:
        assert (first, vectors in (1, 2, 3)) == (place, True)
        place += vectors * width
    assert place - width < columns <= place


def test_a_convolution_is_laid_out_by_tile_tap_channel_and_lane():
    layer = REGISTRY["Convolution"].cls(type="Convolution", out_channels=3, kernel_size=(1, 2))
    op = layer.lower(ops.value((2, 4, 4)))
    weight = np.arange(12.0).reshape(3, 2, 1, 2)
    packed = np.zeros(16)
    layout_of(op, op.weight, 4).pack(weight, packed)
    rows = [[weight[k, c, 0, s] for k in range(3)] + [0.0] for s in range(2) for c in range(2)]
    np.testing.assert_array_equal(packed.reshape(4, 4), rows)


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3), (6,)])
def test_affine_rows_follow_the_memory_order_of_its_input(shape):
    layer = REGISTRY["Affine"].cls(type="Affine", out_features=1)
    op = layer.lower(ops.value(shape))
    size = int(np.prod(shape))
    layout = layout_of(op, op.weight, 4)
    packed = np.zeros(layout.size)
    layout.pack(np.arange(float(size)).reshape(size, 1), packed)
    channels_last = np.moveaxis(np.arange(float(size)).reshape(shape), 0, -1)
    np.testing.assert_array_equal(packed.reshape(size, 4)[:, 0], channels_last.ravel())
