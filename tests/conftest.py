"""Fixtures for all tests."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: how long a case takes to draw or to run is not what these tests are about.
settings.register_profile("tsumiki", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tsumiki")

# Tests with a cache of their own would each leave a process behind that compiles every kernel.
os.environ.setdefault("TSUMIKI_COMPILE_AHEAD", "0")

ROOT = Path(__file__).parent.parent


class Answer(NamedTuple):
    """What a command gave: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def tsumiki(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run `tsumiki` with these words in this process, in the current folder."""

    def run(*words: object) -> Answer:
        from builder.cli import main

        monkeypatch.setattr(sys, "argv", ["tsumiki", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Answer(code, out, err)

    return run


@pytest.fixture(scope="session")
def examples() -> Path:
    return ROOT / "examples"
