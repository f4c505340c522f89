"""What the browser tests of the Build page do over and over."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from browser_harness import press

Browse = Callable[..., Any]


def start(page: Any, name: str = "digits") -> None:
    """Open an example from the empty page."""
    button = page.locator(f".st-key-start-{name} button").first
    page.locator(".st-key-start-digits button").first.wait_for(timeout=20_000)
    if not button.is_visible():  # among those that are folded away
        page.locator(".st-key-build-start-more summary").click()
    button.click()
    page.locator(".st-key-build-start").wait_for(state="detached")
    block(page, "Input").wait_for()


def block(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=re.compile(rf"^\w+ {re.escape(name)}[,、]")).first


def number(page: Any, label: str) -> Any:
    return page.get_by_role("spinbutton", name=label, exact=True)


def view(page: Any, name: str) -> None:
    settled(page)
    page.locator(".st-key-build-bar [data-testid=stButtonGroup] button", has_text=name).click()
    settled(page)


def settled(page: Any) -> None:
    """Wait until the server has drawn what was done."""
    page.wait_for_timeout(150)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(100)


def select(page: Any, name: str) -> None:
    press(block(page, name), lambda: settled(page))


def text_of(page: Any) -> str:
    """Return the document as the page's own download gives it."""
    settled(page)
    with page.expect_download() as waiting:
        page.locator(".st-key-build-download button").click()
    return Path(waiting.value.path()).read_text(encoding="utf-8")
