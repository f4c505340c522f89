"""What a stranger can do to the application: from other hosts, with forged requests, paths, and hostile words."""

from __future__ import annotations

import csv
import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import browser_harness as harness
import numpy as np
import psutil
import pytest
from person import Person
from PIL import Image

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)> [a](http://evil.test) ![b](http://evil.test/c.png) $x^2$ :red[z] **b**"
"""HTML that runs, Markdown that links, loads and colours, and a formula."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.Server]:
    with harness.application(tmp_path_factory.mktemp("secure")) as made:
        yield made


def ask(
    app: harness.Server, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b""
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(app.address.removeprefix("http://"), timeout=20)
    connection.request(method, path, body or None, headers or {})
    return connection.getresponse()


def test_it_listens_on_this_machine_only(app: harness.Server) -> None:
    places = {one.laddr.ip for one in psutil.Process(app.process.pid).net_connections() if one.status == "LISTEN"}
    assert {"127.0.0.1"} == places


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Origin": "http://evil.test"}, False),
        ({"Host": "evil.test", "Origin": "http://evil.test"}, False),
        ({}, True),
    ],
    ids=["another page", "a name that was rebound", "ours"],
)
def test_other_pages_cannot_connect(app: harness.Server, headers: dict[str, str], allowed: bool) -> None:
    origin = {"Origin": app.address, **headers}
    assert allowed == (ask(app, "/_stcore/stream", headers={**UPGRADE, **origin}).status == 101)


def test_a_forged_upload_is_refused(app: harness.Server) -> None:
    """Without the token of the page's cookie nothing is taken, wherever the request comes from."""
    answer = ask(app, "/_stcore/upload_file/session/file", "PUT", {"Content-Type": "text/csv"}, b"a,b\n1,2\n")
    assert answer.status in (400, 403, 404)


def test_no_file_of_the_machine_is_served(app: harness.Server) -> None:
    (app.folder / "secret.json").write_text("word-of-the-workspace")
    for path in ("/secret.json", "/app/static/secret.json", "/media/../secret.json", "/../../../../etc/passwd"):
        body = ask(app, path).read()
        assert b"word-of-the-workspace" not in body and b"root:" not in body, path


def test_hostile_words_are_only_words(
    app: harness.Server, visit: Callable[..., harness.Watched], tmp_path: Path
) -> None:
    """As names of layers, of the document, of files, columns and classes, on every page."""
    watched = visit(app.address)
    dialogs: list[str] = []
    watched.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    me = Person(watched.page)
    me.template("digits")
    document = me.document()
    layers = document["model"]["layers"]
    layers[0]["name"] = HOSTILE.replace("/", "∕")[:90]
    layers[1]["inputs"] = HOSTILE
    document["name"] = document["description"] = HOSTILE
    (app.folder / "hostile.json").write_text(json.dumps(document), encoding="utf-8")
    me.open("hostile.json")
    me.page.locator(".react-flow__node").nth(1).wait_for()
    me.settle()
    harmless(me, watched, dialogs)
    me.page.locator(".react-flow__node").nth(1).click()
    me.settle()
    harmless(me, watched, dialogs)
    del layers[1]["inputs"]
    layers[0]["name"] = "<img src=x onerror=alert(1)> [a](evil) **b**"  # as hostile as a network that is trained can be
    document["name"] = "[a](evil) __b__"
    folder = tmp_path / "sent"
    folder.mkdir()
    with (folder / "list.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("x:" + HOSTILE, "y:label"))
        for number in range(40):
            image = np.full((8, 8), 40 if number % 2 else 200, np.uint8)
            Image.fromarray(image).save(folder / f"![{number}](evil).png")
            writer.writerow((f"![{number}](evil).png", HOSTILE + "!" * (number % 2)))
    (app.folder / "hostile.json").write_text(json.dumps(document), encoding="utf-8")
    me.open("hostile.json")
    me.settle()
    me.upload(sorted(folder.iterdir()))
    me.sees(me.say("data.samples"))
    harmless(me, watched, dialogs)
    me.start(2)
    harmless(me, watched, dialogs)
    me.finished()
    for name in ("understand", "runs", "build"):
        me.go(name)
        me.page.wait_for_timeout(1000)
        harmless(me, watched, dialogs)
        if name == "understand":
            for view in ("draw", "look", "inside"):
                me.choose(f"understand.view.{view}")
                if view == "draw":
                    me.draw_nought()
                    me.sees(me.say("try.answer"))
                me.settle()
                harmless(me, watched, dialogs)


def harmless(me: Person, watched: harness.Watched, dialogs: list[str]) -> None:
    """Fail where hostile words have become anything but words."""
    me.settle()
    me.sound()
    made = me.page.locator("img[src='x'], img[src*=evil], a[href*=evil], .katex, strong")
    found = made.evaluate_all("all => all.map(e => e.outerHTML)")
    assert [] == [one for one in found if "<strong" not in one or one.endswith(">b</strong>")]
    assert ([], [], []) == (dialogs, watched.outside, watched.errors)
