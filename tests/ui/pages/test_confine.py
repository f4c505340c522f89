"""What the browser reads lies in the workspace: data, held-out data, weights to start from, and tables' cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pages_harness as harness
import pytest

import builder.ui.confine as confine
from builder.ui.confine import strays
from builder.ui.registry import Registry
from builder.ui.state import Store
from schemas.document import Document
from schemas.errors import UsageError

EXAMPLE: dict[str, Any] = json.loads((harness.ROOT / "examples" / "iris.json").read_text())
TABLE = {"type": "csv", "target": "target"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    place = tmp_path / "workspace"
    place.mkdir()
    for folder in (tmp_path, place):
        (folder / "t.csv").write_text("a,b,target\n" + "1,2,3.5\n2,1,4.5\n" * 20)
    (place / "link.csv").symlink_to(tmp_path / "t.csv")
    return place


CASES = [
    ({"source": {**TABLE, "path": "../t.csv"}}, "/data/source/path"),
    ({"source": {**TABLE, "path": "/etc/passwd"}}, "/data/source/path"),
    ({"source": {**TABLE, "path": "link.csv"}}, "/data/source/path"),
    ({"source": {**TABLE, "path": "t.csv"}, "test": {**TABLE, "path": "../t.csv"}}, "/data/test/path"),
    ({"source": {"type": "idx", "images": "a", "labels": "../b"}}, "/data/source/labels"),
    ({"source": {**TABLE, "path": "t.csv", "outside": True}}, "/data/source/outside"),
]


@pytest.mark.parametrize(("data", "pointer"), CASES, ids=[pointer for _, pointer in CASES])
def test_a_document_that_leads_outside(workspace: Path, data: Any, pointer: str) -> None:
    document = {**EXAMPLE, "data": data}
    store = Store(workspace, document=document)
    assert [pointer] == [problem.pointer for problem in store.report.errors if problem.code == "outside_workspace"]
    assert store.report.facts is None or store.report.facts.samples is None, "nothing was looked at"
    with pytest.raises(UsageError, match=r"outside of the workspace|anywhere on the machine"):
        Registry(workspace).submit(document)
    assert not (workspace / ".tsumiki" / "queue.json").exists()
    app = harness.opened("data", workspace, document).run()
    harness.sound(app)
    assert not app.dataframe, "no sample is shown"


def test_weights_of_another_run(workspace: Path) -> None:
    found = Store(workspace, document={**EXAMPLE, "initialise": {"from": "../runs/x/1"}}).report.errors
    assert ("outside_workspace", "/initialise/from") == (found[0].code, found[0].pointer)


def test_what_lies_inside_is_fine(workspace: Path) -> None:
    document = {**EXAMPLE, "task": "regression", "data": {"source": {**TABLE, "path": "t.csv"}}}
    assert () == strays(document, workspace, workspace)
    (workspace / "deep").mkdir()
    document["data"]["source"]["path"] = "../t.csv"
    assert () == strays(document, workspace / "deep", workspace)
    document["data"]["source"]["path"] = "t.csv"
    assert 40 == Store(workspace, document=document).report.facts.samples


def test_every_field_that_names_a_file_is_known() -> None:
    """A path is a text of up to 4096 letters; the schema says which fields are."""
    schema = Document.model_json_schema()
    named = {
        name
        for part in schema["$defs"].values()
        for name, field in part.get("properties", {}).items()
        if field.get("maxLength") == 4096
    }
    assert named <= set(confine.PATHS), "add it to PATHS"
    assert {"path", "images", "labels"} <= named
