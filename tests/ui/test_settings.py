"""The settings with which Streamlit serves the application are closed; test_build.py compares their copies."""

from __future__ import annotations

import json
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
