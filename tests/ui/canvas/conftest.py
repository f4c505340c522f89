"""A server with page.py and a browser that looks at it, both on this machine only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import browser_harness as harness
import pytest

HERE = Path(__file__).parent


def page_server(folder: Path, packages: Path = harness.ROOT) -> Any:
    """Run page.py with the product in a folder, this checkout if it is not said; logs go to `folder`."""
    port = harness.free_port()
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
    }
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    command = [sys.executable, "-m", "streamlit", "run", str(HERE / "page.py"), *words]
    return harness.serving(command, port, HERE, folder / "server.log", {"PYTHONPATH": str(packages)})


@pytest.fixture(scope="session")
def canvas_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("streamlit")
    with page_server(tmp_path_factory.mktemp("canvas")) as made:
        yield made.address


@pytest.fixture
def look(
    visit: Callable[..., harness.Watched], canvas_server: str, tmp_path: Path
) -> Iterator[Callable[..., harness.Watched]]:
    """Open a network's page: look("small", theme="dark", width=1400, height=900)."""
    with ExitStack() as ends:

        def open_page(
            network: str, *, theme: str = "light", width: int = 1400, height: int = 900, packages: Path | None = None
        ) -> harness.Watched:
            address = canvas_server
            if packages is not None:
                address = ends.enter_context(page_server(tmp_path, packages)).address
            watched = visit(f"{address}/?network={network}", width=width, height=height, color_scheme=theme)
            watched.page.set_default_timeout(15_000)
            watched.page.locator(".canvas").wait_for()
            return watched

        yield open_page
