"""Arrays and texts in a file: what comes back, and that any changed bit is found."""

import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from builder.training import durable, tensorfile
from schemas.errors import DataError

ARRAYS = {
    "a/weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array(3.5),
    "counters": np.array([1, 2], np.int64),
    "empty": np.zeros((0, 4), np.float32),
    "mask": np.array([True, False, True]),
    "層/重み": np.ones((1, 2, 2), np.float64)[:, ::-1],
}


def write(path, arrays=ARRAYS, texts=None):
    content, size, digest = tensorfile.encode(arrays, texts or {"state": "{}", "名": "値"})
    durable.replace([(path, content)])
    assert path.stat().st_size == size
    return digest


def test_what_is_written_comes_back(tmp_path):
    path = tmp_path / "x.safetensors"
    write(path)
    arrays, texts = tensorfile.read(path)
    assert texts == {"state": "{}", "名": "値"}
    assert arrays.keys() == ARRAYS.keys()
    for key, array in arrays.items():
        assert array.dtype == ARRAYS[key].dtype and array.shape == ARRAYS[key].shape
        assert np.array_equal(array, ARRAYS[key])


def test_the_public_reader_reads_it(tmp_path):
    from safetensors import safe_open

    write(tmp_path / "x.safetensors")
    with safe_open(tmp_path / "x.safetensors", "numpy") as file:
        assert set(file.keys()) == set(ARRAYS)
        assert np.array_equal(file.get_tensor("a/weight"), ARRAYS["a/weight"])
        assert file.metadata()["state"] == "{}"


@settings(max_examples=50)
@given(st.data())
def test_any_flipped_bit_is_found(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "flip.safetensors"
    write(path)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        arrays, _ = tensorfile.read(path)
    except DataError as error:
        assert "is damaged" in str(error)
    else:  # a changed space behind the header is no change of the content
        assert np.array_equal(arrays["a/weight"], ARRAYS["a/weight"])


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_any_cut_is_found(tmp_path_factory, length):
    path = tmp_path_factory.getbasetemp() / "cut.safetensors"
    write(path)
    content = path.read_bytes()
    path.write_bytes(content[: length % len(content)])
    with pytest.raises(DataError, match="is damaged"):
        tensorfile.read(path)


HOSTILE = {
    "huge shape": {"a": {"dtype": "F32", "shape": [1 << 60], "data_offsets": [0, 4]}},
    "huge offsets": {"a": {"dtype": "F32", "shape": [1 << 50], "data_offsets": [0, 1 << 52]}},
    "negative": {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}},
    "no list": {"a": {"dtype": "F32", "shape": 4, "data_offsets": [0, 16]}},
    "offsets of one": {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4]}},
    "dtype as a list": {"a": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}},
    "float shape": {"a": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}},
    "unknown type": {"a": {"dtype": "object", "shape": [1], "data_offsets": [0, 4]}},
    "overlap": {
        "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
    },
    "33 axes": {"a": {"dtype": "F32", "shape": [1] * 33, "data_offsets": [0, 4]}},
    "an axis of 0 beside a huge one": {"a": {"dtype": "F32", "shape": [0, 1 << 61], "data_offsets": [0, 0]}},
    "texts": {"__metadata__": {"a": 1}},
    "a list": [],
    "surrogate": {"__metadata__": {"state": "\ud800"}},
}


@pytest.mark.parametrize("header", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_headers_are_refused(tmp_path, header):
    text = json.dumps(header).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    with pytest.raises(DataError, match="is damaged"):
        tensorfile.read(path)


@pytest.mark.parametrize(
    "content", [b"", b"12345678", (1 << 62).to_bytes(8, "little"), bytes(100), b"\x02" + bytes(7) + b"[["]
)
def test_what_is_no_such_file_is_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match="is damaged"):
        tensorfile.read(tmp_path / "x")
    with pytest.raises(DataError, match="Cannot read"):
        tensorfile.read(tmp_path / "y")
