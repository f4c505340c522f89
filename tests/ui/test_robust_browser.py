"""What goes wrong in a real day: two browsers, reloads, killed trainers and servers, full disks, broken uploads.

The page says what happened, no traceback is seen, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import browser_harness as harness
import psutil
import pytest
from person import Person

pytestmark = pytest.mark.browser

Visit = Callable[..., harness.Watched]
ENDLESS = 100_000
"""Epochs that no test waits for."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.Server]:
    with harness.application(tmp_path_factory.mktemp("robust")) as made:
        yield made


@pytest.fixture
def person(app: harness.Server, visit: Visit) -> Callable[..., Person]:
    return lambda path="/": Person(visit(app.address + path).page)


def jobs(workspace: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((workspace / ".tsumiki" / "queue.json").read_text())["jobs"]
    return found


def press_job(me: Person, act: str, job: str) -> None:
    me.key(f"train.{act}:{job}").get_by_role("button").click()


def becomes(app: harness.Server, job: dict[str, Any], state: str) -> None:
    """Wait until this very job is in a state; what the page says may be about another."""
    harness.until(lambda: next(one["state"] for one in jobs(app.folder) if one["id"] == job["id"]) == state)


def stop(me: Person, app: harness.Server, job: dict[str, Any]) -> None:
    press_job(me, "stop", job["id"])
    becomes(app, job, "stopped")


@contextmanager
def full_disk(pid: int, room: int = 200) -> Iterator[None]:
    """Let a process write no file beyond so many bytes, as if its disk were full, and give it its room back."""
    process = psutil.Process(pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        if process.is_running():
            process.rlimit(psutil.RLIMIT_FSIZE, before)


# --- two browsers, reloads -------------------------------------------------------------------------------------------


def test_two_browsers_at_once(person: Callable[..., Person], app: harness.Server) -> None:
    """Each has its document; a file that both save is not overwritten unasked; both see the same trainings."""
    one, two = person(), person()
    one.template("digits")
    two.template("iris")
    assert ["digits", "iris"] == [me.document()["name"] for me in (one, two)]
    (app.folder / "shared.json").write_text(json.dumps(one.document()), encoding="utf-8")
    for me in (one, two):
        me.open("shared.json")
        me.block("Convolution_1").wait_for()
    for me, channels in ((one, 20), (two, 24)):
        me.select("Convolution_1")
        me.number("out_channels", channels)
    save(one)
    one.page.get_by_text(one.say("app.saved"), exact=True).first.wait_for()
    save(two)
    two.sees(two.say("build.conflict"))
    assert 20 == json.loads((app.folder / "shared.json").read_text())["model"]["layers"][0]["out_channels"]
    assert 24 == two.document()["model"]["layers"][0]["out_channels"], "what was not saved is still there"
    one.start(ENDLESS)
    two.go("train")
    two.state("running")
    stop(two, app, jobs(app.folder)[-1])
    one.state("stopped")
    for me in (one, two):
        me.sound()


def save(me: Person) -> None:
    me.key("build-save").get_by_role("button").first.click()
    body = me.page.locator("[data-testid=stPopoverBody]")
    body.get_by_role("button", name=me.say("build.save"), exact=True).click()
    me.settle()


def test_a_page_that_is_left_with_an_open_menu(person: Callable[..., Person]) -> None:
    """Its menu closes when the navigation is pressed, and asks for a page that is no longer there."""
    me = person()
    me.template("digits")
    for _ in range(3):
        me.key("build-open").get_by_role("button").first.click()
        me.page.get_by_role("combobox", name=me.say("build.file")).or_(me.page.get_by_text(me.say("build.no_files")))
        me.settle()
        me.go("data")
        me.page.get_by_role("heading", name=me.say("data.title")).first.wait_for()
        me.page.wait_for_timeout(500)
        me.page.get_by_role("heading", name=me.say("data.title")).first.wait_for()
        me.go("build")
        me.block("Input").wait_for()


def test_a_reload_while_training_and_while_uploading(
    person: Callable[..., Person], app: harness.Server, tmp_path: Path
) -> None:
    me = person()
    me.template("digits")
    me.start(ENDLESS)
    me.page.reload()
    me.state("running")
    me.curves()
    job = jobs(app.folder)[-1]
    assert job["state"] == "running" and psutil.pid_exists(job["pid"])
    stop(me, app, job)
    me.state("stopped")
    before = me_document(me)
    table = tmp_path / "large.csv"
    table.write_text("a,b,target\n" + "1,2,3\n" * 3_000_000)
    me.go("data")
    me.choose("data.way.upload")
    me.page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(table)
    me.page.reload()
    me.settle()
    me.sound()
    assert before == me_document(me)
    assert [] == [place for place in (app.folder / "data").glob(".*") if (app.folder / "data").is_dir()]


def me_document(me: Person) -> dict[str, Any]:
    me.go("build")
    return me.document()


# --- trainers and servers that die -----------------------------------------------------------------------------------


def test_a_killed_trainer(person: Callable[..., Person], app: harness.Server) -> None:
    me = person()
    me.template("digits")
    me.start(ENDLESS)
    me.curves()
    harness.until(lambda: jobs(app.folder)[-1]["run"])  # the queue hears of the run a moment after the page
    job = jobs(app.folder)[-1]
    epochs = (app.folder / job["run"] / "metrics.jsonl").read_bytes().count(b"\n")
    os.kill(job["pid"], signal.SIGKILL)
    becomes(app, job, "failed")
    me.state("failed")
    me.sees(me.say("train.killed"))
    press_job(me, "resume", job["id"])
    becomes(app, job, "running")
    harness.until(lambda: (app.folder / job["run"] / "metrics.jsonl").read_bytes().count(b"\n") > epochs + 1)
    stop(me, app, job)
    me.state("stopped")
    me.sound()


def test_a_server_that_starts_again_finds_its_runs(visit: Visit, tmp_path: Path) -> None:
    port = harness.free_port()
    with harness.application(tmp_path, port) as first:
        watched = visit(first.address)
        me = Person(watched.page)
        me.template("digits")
        me.select("Convolution_1")
        me.number("out_channels", 20)
        me.start(ENDLESS)
        (job,) = jobs(tmp_path)
        first.kill()
    assert psutil.pid_exists(job["pid"]), "the training goes on without its server"
    with harness.application(tmp_path, port) as second:
        me.page.reload()
        me.state("running")
        me.curves()
        stop(me, second, job)
        me.state("stopped")
        assert 20 == me_document(me)["model"]["layers"][0]["out_channels"], "the draft survived"
        me.sound()


# --- full disks ------------------------------------------------------------------------------------------------------


def test_a_full_disk(person: Callable[..., Person], app: harness.Server, tmp_path: Path) -> None:
    """Editing goes on, and it is said that no draft is kept; starting and uploading say why not; with room all work."""
    me = person()
    me.template("digits")
    table = tmp_path / "t.csv"
    table.write_text("a,b,target\n" + "1,2,3\n" * 100)
    count = len(jobs(app.folder)) if (app.folder / ".tsumiki" / "queue.json").exists() else 0
    with full_disk(app.process.pid):
        me.select("Convolution_1")
        me.number("out_channels", 20)
        me.sees(me.say("app.no_draft"))
        me.go("train")
        me.page.get_by_role("button", name=me.say("train.start")).click()
        harness.until(lambda: me.errors())
        assert "Could not write" in me.errors()[0]
        me.upload([table])
        harness.until(lambda: me.errors())
        me.sound()
    assert 20 == me_document(me)["model"]["layers"][0]["out_channels"]
    me.select("Convolution_1")
    me.number("out_channels", 24)
    harness.until(lambda: not me.page.get_by_text(me.say("app.no_draft")).count())
    me.start(2)
    me.finished()
    assert count + 1 == len(jobs(app.folder))


def test_a_disk_that_fills_while_training(person: Callable[..., Person], app: harness.Server) -> None:
    me = person()
    me.template("digits")
    me.start(ENDLESS)
    me.curves()
    job = jobs(app.folder)[-1]
    with full_disk(job["pid"], room=1500):
        becomes(app, job, "failed")
        me.state("failed")
        me.sees("Could not write")
    press_job(me, "resume", job["id"])
    becomes(app, job, "running")
    stop(me, app, job)
    me.state("stopped")
    me.sound()


# --- uploads ---------------------------------------------------------------------------------------------------------


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def cut(path: Path) -> Path:
    archive(path, {f"{label}/{k}.csv": b"1,2,3\n" * 500 for label in "ab" for k in range(5)})
    path.write_bytes(path.read_bytes()[:400])
    return path


def text(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a zip that was cut off": (lambda p: cut(p / "cut.zip"), "cannot be unpacked"),
    "a zip bomb": (lambda p: archive(p / "bomb.zip", {"a/1.csv": bytes(200 << 20)}), "claim to unpack"),
    "a zip that leads outside": (lambda p: archive(p / "evil.zip", {"../../evil.csv": b"x"}), "leads outside"),
    "an empty table": (lambda p: text(p / "empty.csv", b""), "empty"),
    "a table of rubbish": (lambda p: text(p / "rubbish.csv", bytes(range(256)) * 20), ""),
    "a table with a short row": (lambda p: text(p / "short.csv", b"a,b,target\n1,2,3\n4,5\n"), ""),
    "an array that is none": (lambda p: text(p / "fake.npz", b"PK\x03\x04 no archive"), ""),
}


def test_broken_uploads(person: Callable[..., Person], app: harness.Server, tmp_path: Path) -> None:
    """Each is refused with its reason or its findings; the document stays, and the next upload works."""
    me = person()
    me.template("iris")
    before = me.document()
    for name, (make, reason) in BROKEN.items():
        me.upload([make(tmp_path)])
        harness.until(lambda: me.errors())
        assert reason in " ".join(me.errors()), (name, me.errors())
        me.sound()
        me.page.reload()
        me.settle()
    assert before["model"] == me_document(me)["model"]
    assert not list(tmp_path.parent.rglob("evil.csv")) and not list(app.folder.rglob("evil.csv"))
    assert [] == list((app.folder / "data").glob(".*")), "nothing half done is left"
    me.upload([text(tmp_path / "fine.csv", b"a,b,target\n" + b"1,2,3.5\n2,1,4.5\n" * 30)])
    me.sees("fine.csv")
    me.sees(me.say("data.samples"))


def test_a_huge_upload(person: Callable[..., Person], app: harness.Server, tmp_path: Path) -> None:
    """The limit is said, and the server never sees the file."""
    me = person()
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as file:
        file.truncate(201 << 20)  # a hole: it takes no room
    me.go("data")
    me.choose("data.way.upload")
    me.page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(huge)
    me.sees("200")
    me.page.locator("[data-testid=stFileUploaderFileErrorMessage]").or_(
        me.page.get_by_text("must be 200")
    ).first.wait_for()
    assert 0 == me.page.get_by_role("button", name=me.say("data.take", count=1)).count()
    assert psutil.Process(app.process.pid).is_running()
