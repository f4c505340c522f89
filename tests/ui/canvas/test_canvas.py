"""The canvas without a browser: what it sends, its texts, and that build/ is made of src/."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from builder.ui.canvas import BUILD, labels, read, read_selected
from builder.ui.state import action
from builder.ui.texts import LANGUAGES, texts

HERE = Path(__file__).parent
FOLDER = HERE.parents[2] / "builder" / "ui" / "canvas"  # the checkout's: sources are not part of an installed package
SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted((FOLDER / "src").iterdir())}
LOCK = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))


# What comes back.


def edit(seq: int, **more: Any) -> dict[str, Any]:
    return {"seq": seq, "nonce": "n", "op": "undo", **more}


def test_edits_are_read_once_and_in_order() -> None:
    assert [edit(3), edit(4)] == read([edit(1), edit(2), edit(4), edit(3), edit(3)], ack=2, nonce="n")
    assert [] == read([edit(1), edit(2)], ack=2, nonce="n")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "undo",
        {"0": edit(5)},
        [None, 5, "x", []],
        [edit(5, nonce="another session")],
        [edit(0), edit(-1), edit(True), edit("5"), edit(5.0)],  # type: ignore[arg-type]  # what a browser may say
        [{"seq": 5, "nonce": "n"}, edit(5, op=7)],
    ],
)
def test_what_is_no_edit_of_this_session_is_left_out(value: object) -> None:
    assert [] == read(value, ack=0, nonce="n")


def test_too_many_edits_are_read_in_several_goes() -> None:
    first = read([edit(seq) for seq in range(1, 2502)], ack=0, nonce="n")
    assert 1000 == len(first) == first[-1]["seq"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["seq", "nonce", "op", "x"]), inner),
    max_leaves=12,
)


@settings(max_examples=50)
@given(JSON)
def test_anything_from_a_browser_can_be_read(value: Any) -> None:
    for one in read(value, ack=0, nonce="n"):
        assert one["seq"] > 0
    assert all(isinstance(id, str) for id in read_selected(value))


def test_selected() -> None:
    assert ["b", "a"] == read_selected(["b", "a", "b", 5, "", None, "x" * 400])
    assert [] == read_selected({"a": 1})


def test_every_operation_of_the_canvas_is_an_action() -> None:
    """types.ts lists them; one example of each is what the state's `action` reads."""
    value = {"string": "b1", "string[]": ["b1"], "string | null": None, "-1 | 1": 1, '"Unit" | "Repeat"': "Unit"}
    union = SOURCES[FOLDER / "src" / "types.ts"].partition("export type Op =")[2].partition(";\nexport")[0]
    forms = re.findall(r"\{ op: ([^;}]+?)(?:; ([^}]*))? \}", union)
    said = [
        {"op": json.loads(op), **{name: value[kind] for name, kind in re.findall(r"(\w+): ([^;]+?)(?:;|$)", fields)}}
        for ops, fields in forms
        for op in ops.split(" | ")
    ]
    assert len(said) >= 18
    assert [] == [one for one in said if action(one) is None]


# Its texts.


def test_the_sources_use_every_text_and_no_other() -> None:
    source = "\n".join(SOURCES.values())
    known = set(labels("en"))
    literal = set(re.findall(r'"([a-z]+(?:\.[a-z]+)?)"', source))
    made = {key for key in known if key.startswith("category.")} | {"block.error", "block.warning"}
    assert set() == known - literal - made
    listed = SOURCES[FOLDER / "src" / "Help.tsx"].partition("KEYS:")[2].partition("\n];")[0]
    spoken = set(re.findall(r'\b(?:say|tool)\(\s*"([^"]+)"', source)) | set(re.findall(r', "([\w.]+)"\]', listed))
    assert len(spoken) > 40
    assert set() == spoken - known


def test_every_language_has_the_same_values() -> None:
    for key, said in texts().items():
        if key.startswith("canvas."):
            assert set(said) == set(LANGUAGES), key
            assert 1 == len({tuple(sorted(re.findall(r"\{\w+\}", text))) for text in said.values()}), key
    assert "元に戻す" == labels("ja")["undo"]


# build/, without node.


def test_build_is_made_of_these_sources() -> None:
    digest = hashlib.sha256()
    names = sorted([*(f"src/{path.name}" for path in SOURCES), "build.mjs", "package-lock.json"])
    for name in names:
        data = (FOLDER / name).read_bytes()
        digest.update(f"{name}\n{len(data)}\n".encode() + data)
    for name in ("canvas.js", "canvas.css"):
        first = (BUILD / name).read_text(encoding="utf-8").partition("\n")[0]
        assert digest.hexdigest() in first, f"{name} is older than its sources: npm ci && npm run build in {FOLDER}"


def test_build_asks_for_nothing_and_names_its_parts() -> None:
    css = (BUILD / "canvas.css").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\((?!#)|@font-face", css)
    script = (BUILD / "canvas.js").read_text(encoding="utf-8")
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket\(|sendBeacon|EventSource|localStorage|\beval\(", script)
    assert len(script) < 400_000
    about = (BUILD / "THIRD_PARTY.txt").read_text(encoding="utf-8")
    for name in ("@xyflow/react", "@xyflow/system", "d3-zoom", "react", "react-dom", "zustand"):
        version = LOCK["packages"][f"node_modules/{name}"]["version"]
        assert re.search(rf"^{re.escape(name)} {re.escape(version)} \(\w[\w.-]*\)$", about, re.M), name


def test_versions_are_exact_and_no_host_is_named() -> None:
    packages = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    for wanted in (packages["dependencies"] | packages["devDependencies"]).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", wanted)
    assert not any("resolved" in one for one in LOCK["packages"].values())
    assert all("integrity" in one for name, one in LOCK["packages"].items() if name)


def test_files_are_short() -> None:
    assert [] == [path.name for path, text in SOURCES.items() if text.count("\n") > 400]


# With node, where there is one.

node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


@node
def test_layout() -> None:
    """stack.test.mjs: the layout in the bundle that ships, so nothing has to be installed."""
    command = ["node", "--test", str(HERE / "stack.test.mjs")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout


@node
@pytest.mark.thorough
def test_a_fresh_build_gives_the_same_bytes(tmp_path: Path) -> None:
    """`npm ci` needs the network or npm's own cache."""
    for path in [*FOLDER.glob("*.json"), FOLDER / "build.mjs"]:
        shutil.copy(path, tmp_path)
    shutil.copytree(FOLDER / "src", tmp_path / "src")
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    for path in BUILD.iterdir():
        assert path.read_bytes() == (tmp_path / "build" / path.name).read_bytes(), path.name
