"""A server and a browser on this machine: what the browser tests, the pages' benchmark and the screenshots share.

Playwright's sync API runs its own event loop, of which a process can have one: everybody takes `chromium()` once.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""For a machine without a screen and without a network; as root, Chromium runs only without its sandbox."""

LEFT_PICTURE = (("404", "/media/"), ("Image source error", "/media/"))
"""A picture of the page before, which the server has dropped and a slow browser still asks for: what Chromium says of
it, and what Streamlit's own picture element says."""

NAMES = ("chromium", "chromium-browser", "google-chrome")
START = 60.0
"""Seconds that a server may take until it answers."""


class Unavailable(Exception):
    """This machine has no browser, or nothing to drive it with."""


def until(holds: Callable[[], Any], seconds: float = 60.0, page: Any = None) -> None:
    """Wait until something holds. With a page whose own calls are asked, its events go on meanwhile."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        if page is None:
            time.sleep(0.1)
        else:
            page.wait_for_timeout(100)


@dataclass
class Server:
    """A server that runs."""

    address: str
    process: subprocess.Popen[bytes]
    folder: Path
    """Where it runs: of the application, the workspace."""

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.kill()
        self.process.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str], port: int, folder: Path, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a command that serves on a port of 127.0.0.1 in a folder; what it prints goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield Server(f"http://127.0.0.1:{port}", process, folder)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def application(
    workspace: Path, port: int | None = None, environment: Mapping[str, str] | None = None, packages: Path = ROOT
) -> Any:
    """Run `tsumiki ui` on a workspace; a context manager that gives a Server."""
    port = port or free_port()
    command = [sys.executable, "-m", "builder", "ui", str(workspace), "--port", str(port), "--no-open"]
    # A home of its own: no settings of the person who runs the tests, and no "welcome" of Streamlit's. The kernels'
    # cache stays where it is, or every test would compile.
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    around = {"PYTHONPATH": str(packages), "HOME": str(workspace), "XDG_CACHE_HOME": cache, **(environment or {})}
    return serving(command, port, workspace, workspace / "server.log", around)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-4000:]
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server does not answer: {log.read_text(encoding='utf-8', errors='replace')[-4000:]}")


def press(block: Any, settle: Callable[[], None]) -> None:
    """Press a block of the canvas until it is selected when all is drawn.

    A canvas that is just being laid out may move under the mouse. Playwright scrolls what is out of sight into it,
    which no person can; a drawing that comes between puts it back, and the press lands elsewhere.
    """
    for _ in range(5):
        block.click()
        settle()
        if block.get_attribute("aria-pressed") == "true":
            return
    raise AssertionError(f"{block} is not selected by a press")


@contextmanager
def chromium() -> Iterator[Any]:
    """Start the system's Chromium. Raises Unavailable."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise Unavailable("playwright is not installed: pip install '.[test]'") from error
    path = os.environ.get("TSUMIKI_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise Unavailable("there is no Chromium on this machine; TSUMIKI_CHROMIUM may name one")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A browser page that remembers what it asked for, what was beyond this machine, and what its console said."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.asked: list[str] = []
        self.outside: list[str] = []
        self.console: list[str] = []
        self.sent = 0
        """Bytes that the server sent through the page's connection."""
        page.on("request", lambda request: self._request(request.url))
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))
        page.on("console", lambda said: self.console.append(f"{said.type}: {said.text} {said.location['url']}".strip()))
        page.on("pageerror", lambda error: self.console.append(f"error: {error.stack or error}"))

    @property
    def errors(self) -> list[str]:
        """What the console said in red, but for pictures of a page that was left while it was being drawn."""
        return [
            said
            for said in self.console
            if said.startswith("error") and not any(all(part in said for part in parts) for parts in LEFT_PICTURE)
        ]

    def _request(self, url: str) -> None:
        self.asked.append(url)
        if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            self.outside.append(url)

    def _count(self, frame: str | bytes) -> None:
        self.sent += len(frame)
