"""A server with page.py and a browser that looks at it, both on this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CHROMIUM = os.environ.get("TSUMIKI_CHROMIUM", "/usr/bin/chromium")


@contextmanager
def serve(network: str, theme: str = "light", packages: Path = ROOT) -> Iterator[str]:
    """Run page.py with the product in a folder, this checkout if it is not said, and give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "theme.base": theme,
        "client.toolbarMode": "minimal",
    }
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    command = [sys.executable, "-m", "streamlit", "run", str(HERE / "page.py"), *words, "--", network]
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    server = subprocess.Popen(
        command, cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(150):
            assert server.poll() is None, server.stdout.read() if server.stdout else ""
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.communicate(timeout=20)


class Watched:
    """A browser page that remembers what it asked for outside of this machine and what its console said."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.outside, self.console, self.asked, self.sent = page, [], [], [], 0
        page.on("request", lambda r: self.asked.append(r.url))
        page.on("request", lambda r: self.outside.append(r.url) if not self.local(r.url) else None)
        page.on("websocket", lambda w: w.on("framereceived", self.count))
        page.on("console", lambda m: self.console.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: self.console.append(f"error: {e}"))
        page.set_default_timeout(15_000)
        page.goto(address)
        page.locator(".canvas").wait_for()

    def count(self, frame: str | bytes) -> None:
        """Add up what the server sends."""
        self.sent += len(frame)

    @staticmethod
    def local(url: str) -> bool:
        return url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    with sync_api.sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield one
        one.close()


@pytest.fixture
def look(browser: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Watched]]:
    """Open a network's page: look("small", theme="dark", width=1400, height=900)."""
    ends: list[Callable[[], None]] = []

    def open_page(
        network: str, *, theme: str = "light", width: int = 1400, height: int = 900, packages: Path = ROOT
    ) -> Watched:
        server = serve(network, theme, packages)
        address = server.__enter__()
        ends.append(lambda: server.__exit__(None, None, None))
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        ends.append(context.close)
        return Watched(context.new_page(), address)

    yield open_page
    for end in reversed(ends):
        end()
