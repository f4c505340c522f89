"""The last word of a training on a full disk: it takes the place of what stood there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.ui.worker import Live


@pytest.mark.parametrize("message", ["Could not write 重み: no space left on device.", "x" * 5000])
def test_the_end_is_said_without_room_for_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    live = Live(tmp_path)
    live.state["trail"] = [[k / 7, 1 / (k + 1)] for k in range(200)]
    assert live.write()

    def full(*words: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    live.ended(5, message, [])
    said = json.loads((tmp_path / "live.json").read_bytes())
    assert ("ended", 5, message[:1000]) == (said["phase"], said["exit_code"], said["message"])


def test_before_there_is_room_for_it_nothing_is_spoilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live(tmp_path)
    before = (tmp_path / "live.json").read_bytes()
    monkeypatch.setattr(live, "write", lambda: False)
    live.ended(5, "y" * 1000, [])
    assert before == (tmp_path / "live.json").read_bytes()
