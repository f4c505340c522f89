"""Other processors, played through Numba's own settings; and the private folder of compiled kernels."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import engine_harness as engine
import numpy as np
import pytest

from builder.kernels import cpu

ROOT = Path(engine.__file__).parents[2]
AVX2 = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+avx,+avx2,+fma,+f16c",
}
SSE2 = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse,+sse2"}
intel = pytest.mark.skipif(cpu._arm(), reason="plays Intel's processors")
PROCESSORS = {
    "AVX2": (AVX2, "AVX2 32 16"),
    "SSE2": (SSE2, "SSE2 16 16"),
    "generic": ({"NUMBA_CPU_NAME": "generic"}, "SSE2 16 16"),
    "no AVX": ({"NUMBA_ENABLE_AVX": "0"}, "SSE2 16 16"),
    "AVX-512": ({"NUMBA_CPU_FEATURES": "+sse2,+avx,+avx2,+avx512f"}, "AVX-512 64 32"),
}


def python(code, **environment):
    """Run code in a process of its own; return what it printed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


@intel
@pytest.mark.parametrize(("environment", "expected"), PROCESSORS.values(), ids=PROCESSORS.keys())
def test_vectors_follow_what_numba_compiles_for(environment, expected):
    wanted = "cpu.name(), cpu.VECTOR_BYTES, cpu.REGISTERS, cpu._digest()"
    code = f"import builder\nfrom builder.kernels import cpu\nprint({wanted})"
    *found, digest = python(code, **environment).split()
    assert " ".join(found) == expected
    assert digest != cpu._digest() or expected.startswith(cpu.name())


AFFINE = """
import builder, sys
sys.path.insert(0, {harness!r})
import numpy as np
import engine_harness as engine
net = engine.network((20,), [engine.affine(7), *engine.SQUARED], dtype="float32")
print(net.predict(np.linspace(-1, 1, 60).reshape(3, 20)).astype(float).ravel().tolist())
"""


@intel
def test_a_small_network_computes_the_same_with_narrower_vectors(tmp_path):
    """Two kernels only, because they are compiled anew here."""
    code = AFFINE.format(harness=str(Path(engine.__file__).parent))
    found = [float(v) for v in python(code, TSUMIKI_CACHE_DIR=str(tmp_path), **AVX2).strip("[]").split(",")]
    net = engine.network((20,), [engine.affine(7), *engine.SQUARED])
    x = np.linspace(-1, 1, 60).reshape(3, 20).astype(np.float32)
    np.testing.assert_allclose(np.array(found).reshape(3, 7), net.predict(x), rtol=1e-5, atol=1e-6)


@pytest.mark.thorough
@intel
@pytest.mark.parametrize("environment", [AVX2, SSE2], ids=["AVX2", "SSE2"])
def test_every_kernel_passes_the_contract_on_another_processor(tmp_path, environment):
    tests = [
        "tests/schemas/test_contract.py",
        "tests/builder/kernels/test_tiles.py",
        "tests/builder/kernels/test_winograd.py",
        "tests/builder/kernels/test_streamed.py",
        "tests/builder/kernels/test_windows.py",
        "tests/builder/compile/test_plan.py",
    ]
    code = f"import pytest, sys\nsys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', *{tests!r}]))"
    python(f"import os\nos.chdir({str(ROOT)!r})\n{code}", TSUMIKI_CACHE_DIR=str(tmp_path), **environment)


@pytest.mark.thorough
def test_two_processes_that_compile_at_once_do_not_hurt_each_other(tmp_path):
    code = AFFINE.format(harness=str(Path(engine.__file__).parent))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TSUMIKI_CACHE_DIR": str(tmp_path)}
    expected = python(code, TSUMIKI_CACHE_DIR=str(tmp_path / "alone"))
    for _ in range(3):
        started = [
            subprocess.Popen(
                [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(4)
        ]
        for process in started:
            out, err = process.communicate(timeout=300)
            assert (process.returncode, out.strip()) == (0, expected), err


# --- the folder of compiled kernels ----------------------------------------------------------------------------------


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A cache folder of this test's own."""
    monkeypatch.setenv("TSUMIKI_CACHE_DIR", str(tmp_path / "cache"))
    cpu.cache_folder.cache_clear()
    yield tmp_path / "cache"
    cpu.cache_folder.cache_clear()


def test_the_folder_is_made_for_this_user_alone(folder):
    found = cpu.cache_folder()
    assert found.parent == folder
    for place in (folder, found):
        assert stat.S_IMODE(place.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH) == 0


def test_a_folder_that_others_may_write_to_is_closed(folder):
    folder.mkdir()
    folder.chmod(0o777)
    cpu.cache_folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_place_that_is_no_folder_means_no_cache(folder):
    folder.write_text("a file")
    assert cpu.cache_folder() is None


def test_another_user_s_folder_is_not_used(folder, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert cpu.cache_folder() is None


def test_kernels_of_old_versions_are_forgotten(tmp_path, monkeypatch):
    old, recent = tmp_path / "kernels-old", tmp_path / "kernels-recent"
    for folder in (old, recent):
        folder.mkdir()
        (folder / "kernel.nbc").write_bytes(b"x")
    os.utime(old, (0, 0))
    monkeypatch.setenv("TSUMIKI_CACHE_DIR", str(tmp_path))
    made = cpu.cache_folder.__wrapped__()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([made.name, "kernels-recent"])
