"""Files and drafts: nothing is lost, nothing outside of the workspace is touched."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from builder.ui.state import Set, Store
from builder.ui.state.store import Conflict, kept
from schemas.document import dump
from schemas.errors import DocumentError, UsageError

ROOT = Path(__file__).parents[2]
DIGITS = (ROOT / "examples" / "digits.json").read_text(encoding="utf-8")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "digits.json").write_text(DIGITS, encoding="utf-8")
    return Store(tmp_path)


def test_open_and_save_give_the_same_bytes(store: Store) -> None:
    store.open("digits.json")
    assert not store.state.changed
    assert DIGITS == store.text == dump(json.loads(DIGITS))
    store.save("sub/copy.json")
    assert DIGITS == (store.workspace / "sub" / "copy.json").read_text(encoding="utf-8")
    assert ["digits.json", "sub/copy.json"] == store.files()
    assert "sub/copy.json" == store.state.path


def test_the_check_is_made_once_for_each_change(store: Store) -> None:
    store.open("digits.json")
    first = store.report
    assert first.ok and first is store.report
    store.dispatch(Set(pointer="/model/layers/0/out_channels", value=8))
    assert store.report is not first
    assert (8, 8, 8) == store.report.layers[0].output_shape
    assert store.report.facts is first.facts, "the data were looked at again"


@pytest.mark.parametrize("path", ["../x.json", "/etc/passwd", "a/../../x", ".tsumiki/drafts/x.json", ".hidden.json"])
def test_nothing_outside_of_the_workspace(store: Store, path: str) -> None:
    with pytest.raises(UsageError, match="outside of the workspace"):
        store.save(path)
    with pytest.raises(UsageError):
        store.open(path)


def test_a_link_out_of_the_workspace_is_outside(store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    os.symlink(other, store.workspace / "link")
    with pytest.raises(UsageError, match="outside of the workspace"):
        store.save("link/x.json")


def test_a_file_that_another_changed_is_not_overwritten(store: Store) -> None:
    store.open("digits.json")
    store.save("digits.json")
    (store.workspace / "digits.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Conflict):
        store.save("digits.json")
    assert "{}" == (store.workspace / "digits.json").read_text(encoding="utf-8")
    store.save("digits.json", overwrite=True)
    assert DIGITS == (store.workspace / "digits.json").read_text(encoding="utf-8")


def test_a_file_that_was_never_opened_here_is_not_overwritten(store: Store) -> None:
    with pytest.raises(Conflict):
        store.save("digits")


def test_what_was_edited_is_there_after_a_crash(store: Store) -> None:
    store.open("digits.json")
    store.dispatch(Set(pointer="/name", value="数字"))
    again = Store(store.workspace, store.id)
    assert store.text == again.text
    assert "digits.json" == again.state.path
    assert again.state.changed


def test_another_session_finds_the_draft(store: Store) -> None:
    store.dispatch(Set(pointer="/name", value="mine"))
    other = Store(store.workspace)
    assert ["mine"] == [draft.name for draft in other.drafts()]
    other.recover(store.id)
    assert "mine" == other.document["name"]
    other.dispatch({"op": "undo"})
    assert "network" == other.document["name"]
    other.forget(store.id)
    assert [] == other.drafts()
    with pytest.raises(UsageError):
        other.recover(store.id)


def test_a_saved_document_leaves_no_draft(store: Store) -> None:
    store.dispatch(Set(pointer="/name", value="mine"))
    store.save("mine.json")
    assert [] == Store(store.workspace).drafts()


def test_broken_drafts_and_ids_are_passed_over(store: Store) -> None:
    drafts = store.workspace / ".tsumiki" / "drafts"
    drafts.mkdir(parents=True)
    (drafts / "0123456789abcdef.json").write_text("{", encoding="utf-8")
    (drafts / "0123456789abcdee.json").write_text("[" * 100_000, encoding="utf-8")
    assert [] == store.drafts()
    assert "network" == Store(store.workspace, "0123456789abcdef").document["name"]
    assert "../../x" != Store(store.workspace, "../../x").id


def test_a_full_disk_is_told_and_loses_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    store.dispatch(Set(pointer="/name", value="mine"))
    assert store.failure is not None and "No space left" in store.failure
    assert "mine" == store.document["name"]
    monkeypatch.undo()
    store.dispatch(Set(pointer="/name", value="yours"))
    assert store.failure is None


def test_an_upload_that_is_no_document_is_refused(store: Store) -> None:
    with pytest.raises(DocumentError):
        store.upload(b"\x89PNG")
    with pytest.raises(DocumentError):
        store.upload(b"[1]")
    store.upload(b"\xef\xbb\xbf" + DIGITS.encode())
    assert DIGITS == store.text
    assert store.state.path is None


def test_a_reload_finds_its_store_with_its_past(store: Store) -> None:
    first = kept(store.workspace, None)
    first.dispatch(Set(pointer="/name", value="mine"))
    assert kept(store.workspace, first.id) is first
    assert kept(store.workspace, None) is not first
