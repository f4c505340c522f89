"""What a first use leaves to the background: the other kernels, once per version, at the lowest priority."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.kernels import ahead, cpu, machine, objects

ROOT = Path(__file__).resolve().parents[3]

FEW = """
import os
os.environ["TSUMIKI_COMPILES"] = "1"
from builder.kernels import ahead, compiling, machine
every = compiling.import_all

def few():
    every()
    for name in {*machine.KERNELS} - {"clear", "copy"}:
        del machine.KERNELS[name]

compiling.import_all = few
ahead.main()
"""


def compiled(cache: Path) -> list[str]:
    return sorted(path.name.split(".")[0] for path in cache.rglob("*.o"))


def run(cache: Path) -> None:
    environment = {**os.environ, "TSUMIKI_CACHE_DIR": str(cache)}
    subprocess.run([sys.executable, "-c", FEW], cwd=ROOT, env=environment, check=True, timeout=300)


def test_it_compiles_what_is_missing_once(tmp_path: Path) -> None:
    run(tmp_path)
    assert compiled(tmp_path) == ["clear", "copy"]
    next(tmp_path.rglob("copy.*.o")).unlink()
    run(tmp_path)  # has been done: what is removed later is compiled when it is needed
    assert compiled(tmp_path) == ["clear"]


@pytest.mark.thorough
def test_it_compiles_every_kernel(tmp_path: Path) -> None:
    environment = {**os.environ, "TSUMIKI_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "builder.kernels.ahead"], cwd=ROOT, env=environment, check=True, timeout=900)
    assert {*machine.KERNELS} <= {*compiled(tmp_path)}


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    found: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: found.append(command))
    monkeypatch.setattr(ahead, "_STARTED", [])
    monkeypatch.delenv("TSUMIKI_COMPILE_AHEAD", raising=False)
    return found


def test_it_begins_once(begun: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "cache_folder", lambda: tmp_path)
    ahead.start()
    ahead.start()
    assert begun == [[sys.executable, "-m", "builder.kernels.ahead"]]


def test_it_does_not_begin_where_nothing_is_kept_or_it_is_unwanted(
    begun: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "cache_folder", lambda: None)
    ahead.start()
    monkeypatch.setattr(cpu, "cache_folder", lambda: tmp_path)
    monkeypatch.setenv("TSUMIKI_COMPILE_AHEAD", "0")
    ahead.start()
    assert begun == []


def test_a_version_is_its_sources() -> None:
    assert objects.version() == objects.version()
    assert len(objects.version()) == 16
