"""The settings with which Streamlit serves the application: closed to others, and the same however it is started."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OPTIONS: dict[str, Any] = json.loads((ROOT / "builder" / "ui" / "options.json").read_text(encoding="utf-8"))


def test_they_are_closed() -> None:
    wanted = {
        "server.address": "127.0.0.1",
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
    }
    assert wanted.items() <= OPTIONS.items()
    assert OPTIONS["server.maxUploadSize"] <= 500 and "*" not in OPTIONS["server.allowedHosts"]


def test_they_hold_for_streamlit_run_too() -> None:
    """`tsumiki ui` gives options.json to Streamlit, and `streamlit run app.py` reads .streamlit/config.toml."""
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    said = {f"{section}.{key}": value for section, values in sections(config) for key, value in values.items()}
    assert said.pop("server.showEmailPrompt") is False
    assert said == {key: value for key, value in OPTIONS.items() if key != "server.headless"}


def sections(config: dict[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in config.items():
        yield above + key, {k: v for k, v in value.items() if not isinstance(v, dict)}
        yield from sections({k: v for k, v in value.items() if isinstance(v, dict)}, f"{above}{key}.")
