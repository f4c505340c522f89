"""A server of the application and a browser, for tests that carry the marker `browser`."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

# Tests are imported as files, without packages around them.
for _name in ("browser_harness", "build_harness", "person", "oidc"):
    if _name not in sys.modules:
        _spec = importlib.util.spec_from_file_location(_name, Path(__file__).with_name(f"{_name}.py"))
        assert _spec is not None and _spec.loader is not None
        _module = sys.modules[_name] = importlib.util.module_from_spec(_spec)
        _spec.loader.exec_module(_module)

import browser_harness as harness  # noqa: E402  # which is there only now

PAGES = pytest.StashKey[list[harness.Watched]]()
"""The pages that a test has opened."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Make a skipped browser test a failure where CI is set: CI brings its browser along. A failure is pictured."""
    report = yield
    if report.failed and report.when == "call":
        for number, watched in enumerate(item.stash.get(PAGES, ())):
            place = item.funcargs["tmp_path"] / f"page-{number}.png"
            with suppress(Exception):  # the page itself may be what is gone
                watched.page.screenshot(path=place)
                report.sections.append(("page", f"{watched.page.url}\n{place}\n" + "\n".join(watched.console[-20:])))
    if report.skipped and os.environ.get("CI") and item.get_closest_marker("browser"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Playwright's sync API leaves its event loop and its pipes to the interpreter's end."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The one browser of this process."""
    try:
        with harness.chromium() as browser:
            yield browser
    except harness.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run `tsumiki ui` on an empty workspace and give its address."""
    pytest.importorskip("streamlit")
    with harness.application(tmp_path_factory.mktemp("workspace")) as made:
        yield made.address


@pytest.fixture
def visit(chromium: Any, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., harness.Watched]]:
    """Open an address in a fresh browser profile: visit(address, width=1280, height=1000, locale="ja-JP")."""
    contexts = []
    pages = request.node.stash.setdefault(PAGES, [])

    def open_page(address: str, *, width: int = 1280, height: int = 1000, **options: Any) -> harness.Watched:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        watched = harness.Watched(context.new_page())
        pages.append(watched)
        watched.page.goto(address)
        return watched

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def browse(visit: Callable[..., harness.Watched], server: str) -> Iterator[Callable[..., Any]]:
    """Open a page of the application; at the end there was no console error and no request beyond this machine."""
    opened: list[harness.Watched] = []

    def open_page(path: str = "/", **options: Any) -> Any:
        opened.append(visit(server + path, **options))
        return opened[-1].page

    yield open_page
    assert [] == [wrong for watched in opened for wrong in (*watched.errors, *watched.outside)]
