"""Compiled kernels as files: made by processes of their own, loaded without Numba, safe when two processes do so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from builder.kernels import machine, objects

ROOT = Path(__file__).resolve().parents[3]
STEP = """
import json, sys
import numpy as np
from builder.kernels import layout, machine
heard = []
with machine.listening(lambda name, seconds: heard.append(name)):
    machine.load(["from_nchw"], np.float32)
x, y = np.arange(12, dtype=np.float32), np.zeros(12, np.float32)
row = np.zeros((1, machine.SLOTS), np.int64)
row[0, machine.FUNCTION], row[0, machine.UNITS] = machine.address("from_nchw", np.float32), 1
fields = {"FLAT": x.ctypes.data, "X": y.ctypes.data, "C": 3, "H": 2, "W": 2, "XN": 48, "XH": 24, "XW": 12}
for key, value in fields.items():
    row[0, getattr(layout, key)] = value
machine.run(row, 2)
print(json.dumps({"heard": heard, "y": y.tolist(), "numba": "numba" in sys.modules}))
"""


def start(cache: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "TSUMIKI_CACHE_DIR": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", STEP],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def answer(child: subprocess.Popen[str]) -> dict[str, object]:
    out, err = child.communicate(timeout=300)
    assert child.returncode == 0, err
    found: dict[str, object] = json.loads(out)
    return found


def test_two_processes_that_compile_at_once_do_not_hurt_each_other(tmp_path: Path) -> None:
    both = [answer(child) for child in [start(tmp_path), start(tmp_path)]]
    wanted = np.arange(12.0).reshape(3, 2, 2).transpose(1, 2, 0).ravel().tolist()
    for found in both:
        assert found["y"] == wanted
        assert not found["numba"]
    files = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert [name.partition(".")[0] for name in files] == sorted(("from_nchw", *machine.LOOPS))
    assert {"heard": [], "y": wanted, "numba": False} == answer(start(tmp_path))


def test_a_kernel_that_is_cut_short_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "broken.o"
    path.write_bytes(b"not a kernel")
    assert objects.load(path) is None
    assert objects.load(tmp_path / "missing.o") is None


def test_a_file_that_was_cut_short_is_compiled_again(tmp_path: Path) -> None:
    answer(start(tmp_path))
    place = next(tmp_path.rglob("from_nchw.*.o"))
    whole = place.read_bytes()
    place.write_bytes(whole[:40])
    assert answer(start(tmp_path))["heard"] == ["from_nchw"]
    assert len(place.read_bytes()) == len(whole)


def test_a_kernel_that_cannot_be_compiled_says_which() -> None:
    with pytest.raises(RuntimeError, match="no_such_kernel"):
        machine.load(["no_such_kernel"], np.float32)


def test_files_are_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "one.o"
    objects.write(path, "f", ["malloc"], b"\x7fELF\n\x00")
    assert [path] == list(tmp_path.iterdir())
    head, _, code = path.read_bytes().partition(b"\n")
    assert ({"symbol": "f", "needs": ["malloc"]}, b"\x7fELF\n\x00") == (json.loads(head), code)


def test_a_kernel_is_made_of_its_file_and_what_that_imports() -> None:
    from builder.kernels import crew, layout  # noqa: F401  # they register their kernels

    kernels = Path(objects.__file__).parent
    assert {"cpu", "jit"} <= set(objects._imports(kernels / "simd.py"))
    assert {"simd", "cpu", "fused", "machine"} <= set(objects._imports(kernels / "tiles.py"))
    assert {"simd", "machine", "optimizers", "tiles"} <= set(objects._imports(kernels / "affine.py"))
    assert {"maxpool", "tiles"} <= set(objects._imports(kernels / "pooled.py"))
    assert "tiles" not in objects._imports(kernels / "layout.py")
    names = {name: objects.file(name, "float32").name for name in ("from_nchw", "to_nchw", "run_alone")}
    assert names["from_nchw"].split(".")[2] == names["to_nchw"].split(".")[2] != names["run_alone"].split(".")[2]
