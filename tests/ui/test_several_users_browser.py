"""The set-up for several people, docs/several-users: log in, a workspace for each, a quota."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import browser_harness as harness
import pytest
from oidc import Provider, provider
from person import Person

pytestmark = pytest.mark.browser

SECRETS = """[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a secret that only this test knows, and its browser never sees"
client_id = "tsumiki"
client_secret = "known to both"
server_metadata_url = "{issuer}/.well-known/openid-configuration"
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[harness.Server, Provider, Path]]:
    pytest.importorskip("authlib")
    folder = tmp_path_factory.mktemp("several")
    port = harness.free_port()
    with provider(harness.free_port()) as made:
        (folder / ".streamlit").mkdir()
        (folder / ".streamlit" / "secrets.toml").write_text(SECRETS.format(port=port, issuer=made.issuer))
        script = harness.ROOT / "docs" / "several-users" / "app.py"
        command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port),
                   "--server.address", "127.0.0.1", "--server.headless", "true",
                   "--browser.gatherUsageStats", "false", "--server.fileWatcherType", "none"]  # fmt: skip
        paths = os.pathsep.join([str(harness.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {"PYTHONPATH": paths, "TSUMIKI_HOMES": str(folder / "homes"), "TSUMIKI_QUOTA_MB": "8"}
        with harness.serving(command, port, folder, folder / "server.log", environment) as server:
            yield server, made, folder / "homes"


def test_two_people(served: tuple[harness.Server, Provider, Path], visit: Callable[..., harness.Watched]) -> None:
    server, made, homes = served
    people: dict[str, Any] = {}
    for name in ("anna", "ben"):
        made.person = name
        watched = visit(server.address)
        watched.page.get_by_role("button", name="Log in").click(timeout=60_000)
        me = people[name] = Person(watched.page)
        me.block("Input").wait_for(timeout=60_000)
        me.settle()
    assert 2 == len(list(homes.iterdir()))
    anna, ben = people["anna"], people["ben"]
    anna.template("digits")
    anna.start(2)
    anna.finished()
    for me, found in ((anna, True), (ben, False)):
        me.go("runs")
        me.settle()
        assert found == bool(me.page.locator("[data-testid=stDataFrame]").count())
    (mine,) = [home for home in homes.iterdir() if (home / "runs").exists()]
    (mine / "large.bin").write_bytes(bytes(9 << 20))
    ben.page.reload()
    ben.settle()
    assert not ben.errors()
    anna.page.wait_for_timeout(500)
    anna.page.reload()
    for _ in range(40):  # what is used is looked at every 30 seconds
        if anna.errors():
            break
        anna.page.wait_for_timeout(1000)
        anna.page.reload()
        anna.settle()
    assert "MB of 8 MB" in anna.errors()[0]
    for me in (anna, ben):
        me.sound()
    anna.page.get_by_role("button", name="digits 1").click()
    anna.settle()
    assert not (mine / "runs" / "digits" / "1").exists()
