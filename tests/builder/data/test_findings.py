"""The data doctor, `summarise` and `suggest`."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from builder.data import BadData, prepare, suggest, summarise
from builder.data.finding import Faults
from schemas.errors import DocumentError, UsageError

RNG = np.random.default_rng(0)
GOOD = "".join(f"{k},{k * k % 7},{k % 2}\n" for k in range(40))


def rows(text, **settings):
    def make(tmp_path):
        (tmp_path / "t.csv").write_text("a,b,y\n" + text, encoding="utf-8")
        return {"source": {"type": "csv", "path": "t.csv", "target": "y"}, **settings}

    return make


def arrays(x, y, **settings):
    def make(tmp_path):
        np.savez(tmp_path / "d.npz", x=x, y=y)
        return {"source": {"type": "npz", "path": "d.npz"}, **settings}

    return make


def doubled():
    x = RNG.normal(size=(40, 3))
    return np.concatenate([x, x])


FINDINGS = [
    ("class_imbalance", arrays(RNG.normal(size=(60, 3)), np.arange(60) < 6)),
    ("constant_column", arrays(np.c_[np.ones(40), np.arange(40)], np.arange(40) % 2)),
    ("same_sample", arrays(doubled()[:60], np.arange(60) < 40)),
    ("repeated_sample", arrays(doubled(), np.arange(80) % 2)),
    ("label_conflict", arrays(np.ones((40, 3)), np.arange(40) % 2)),
    ("label_gap", arrays(RNG.normal(size=(40, 3)), np.arange(40) % 2 * 2 + np.arange(40) % 4 // 3)),
    ("class_without_training", arrays(RNG.normal(size=(40, 3)), np.arange(40) % 3 * 2)),
    ("class_not_tested", arrays(RNG.normal(size=(31, 3)), np.where(np.arange(31) == 0, 2, np.arange(31) % 2))),
    ("labels_named", rows(GOOD.replace(",1\n", ",yes\n").replace(",0\n", ",no\n"))),
    ("constant_target", arrays(RNG.normal(size=(40, 3)), np.full(40, 0.5))),
    ("few_samples", rows(GOOD)),
]


@pytest.mark.parametrize(("code", "make"), FINDINGS, ids=[code for code, _ in FINDINGS])
def test_findings(tmp_path, code, make):
    prepared = prepare({"data": make(tmp_path)}, tmp_path)
    found = [finding for finding in prepared.findings if finding.code == code]
    assert len(found) >= 1 and found[0].severity in ("warning", "info") and found[0].what
    assert code not in [f.code for f in prepare({"data": make(tmp_path)}, tmp_path, findings=False).findings] or (
        code.startswith("label")
    )


def test_a_test_file_that_shares_samples_with_training_is_found(tmp_path):
    data = rows(GOOD)(tmp_path)
    (tmp_path / "u.csv").write_text("a,b,y\n3,2,1\n99,1,0\n98,1,1\n")
    found = prepare({"data": {**data, "test": {**data["source"], "path": "u.csv"}}}, tmp_path).findings
    (finding,) = [f for f in found if f.code == "same_sample" and "test" in f.what]
    assert "1 samples of test are in train" in finding.what or "in validation" in finding.what
    assert "u.csv, line 2 = " in finding.where and finding.where.endswith("t.csv, line 5")


# --- wrong rows: text, code, line --------------------------------------------------------------------------------

ROWS = [
    ("1,2\n", "wrong_columns"),
    ("1,2,3,4\n", "wrong_columns"),
    ("1,x,0\n", "not_a_number"),
    ("1,1_0,0\n", "not_a_number"),
    ("1,,0\n", "missing_value"),
    ("1,2,\n", "missing_value"),
    ("1,nan,0\n", "not_finite"),
    ("1,-inf,0\n", "not_finite"),
    ("1,1e300,0\n", "not_finite"),
    ("1,2,nan\n", "wrong_label"),
]


@pytest.mark.parametrize(("row", "code"), ROWS)
def test_wrong_rows_stop_or_are_skipped(tmp_path, row, code):
    data = rows(GOOD + row + GOOD)(tmp_path)
    with pytest.raises(BadData) as caught:
        prepare({"data": data}, tmp_path)
    (finding,) = caught.value.findings
    assert (finding.code, finding.severity) == (code, "error") and finding.where.endswith("t.csv, line 42")
    assert "skip" in finding.fix
    prepared = prepare({"data": {**data, "on_error": "skip"}}, tmp_path)
    assert sum(map(len, prepared.parts.values())) == 80
    assert {code, "skipped"} <= {f.code for f in prepared.findings if f.severity == "warning"}


def test_broken_images_are_skipped_and_named(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for k in range(5):
            Image.fromarray(RNG.integers(0, 256, (8, 8)).astype(np.uint8)).save(tmp_path / name / f"{k}.png")
    whole = (tmp_path / "a" / "1.png").read_bytes()
    (tmp_path / "a" / "1.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b" / "2.png").write_bytes(b"")
    data = {"source": {"type": "folder", "path": "."}}
    with pytest.raises(BadData) as caught:
        prepare({"data": data}, tmp_path)
    assert {"truncated_image", "empty_file"} == {f.code for f in caught.value.findings}
    prepared = prepare({"data": {**data, "on_error": "skip"}}, tmp_path)
    assert sum(map(len, prepared.parts.values())) == 8


def test_many_wrong_rows_are_counted_not_listed():
    faults = Faults()
    for k in range(1000):
        faults.add("wrong_columns", "x", f"line {k}")
    found = faults.findings(skip=False)
    assert len(found) == 11 and "990 more" in found[-1].what


def test_fingerprint_follows_content_split_and_labels(tmp_path):
    base = arrays(np.arange(60.0).reshape(20, 3), np.arange(20) % 2)(tmp_path)
    marks = [prepare({"data": {**base, **more}}, tmp_path).fingerprint for more in ({}, {}, {"seed": 1}, {"test": 0.3})]
    assert marks[0] == marks[1] and len(set(marks)) == 3
    arrays(np.arange(60.0).reshape(20, 3) + 1, np.arange(20) % 2)(tmp_path)
    assert prepare({"data": base}, tmp_path).fingerprint not in marks
    record = prepare({"data": base}, tmp_path).record()
    assert json.loads(json.dumps(record)) == record and record["split"]["test"]["samples"] == 4


def test_summary_is_json_and_never_raises_for_bad_data(tmp_path):
    found = summarise({"data": {"source": {"type": "builtin", "name": "iris"}}}, tmp_path)
    assert json.loads(json.dumps(found)) == found
    assert found["ok"] and found["parts"]["train"]["classes"] == {"setosa": 35, "versicolor": 35, "virginica": 35}
    assert found["parts"]["test"]["values"]["max"] <= 7.9
    measured = summarise({"data": {"source": {"type": "builtin", "name": "diabetes"}}}, tmp_path)
    assert measured["parts"]["train"]["targets"][0]["max"] <= 346
    missing = summarise({"data": {"source": {"type": "csv", "path": "no.csv"}}}, tmp_path)
    assert not missing["ok"] and missing["findings"][0]["code"] == "missing_file"


@pytest.mark.parametrize("document", [{}, {"data": {"source": {"type": "csv"}}}, {"data": {}}, {"data": []}])
def test_an_invalid_section_is_the_documents_fault(document):
    with pytest.raises(DocumentError):
        prepare(document, ".")


# --- suggest ---------------------------------------------------------------------------------------------------------


def test_suggest_builtin():
    found = suggest("digits")
    assert found["input"] == [1, 8, 8] and found["classes"] == 10 and found["task"] == "classification"
    assert found["data"]["source"] == {"type": "builtin", "name": "digits"}


HEADERS = [
    ("a,species\n1,p\n2,q\n3,r\n", "utf-8", {"target": "species"}),
    ("label,a\np,1\nq,2\nr,3\n", "utf-8", {"target": "label"}),
    ("a;b\n1;p\n2;q\n3;r\n", "utf-8", {"target": "b", "delimiter": ";"}),
    ("長さ,種類\n1,犬\n2,猫\n3,鳥\n", "cp932", {"target": "種類", "encoding": "cp932"}),
    ("x__0:a,y:label\n1,0\n2,1\n3,2\n", "utf-8", {}),
]


@pytest.mark.parametrize(("text", "encoding", "wanted"), HEADERS)
def test_suggest_table(tmp_path, text, encoding, wanted):
    (tmp_path / "表.csv").write_bytes(text.encode(encoding))
    found = suggest(tmp_path / "表.csv", tmp_path)
    assert found["data"]["source"] == {"type": "csv", "path": "表.csv", **wanted}
    assert (found["task"], found["classes"], found["input"], found["name"]) == ("classification", 3, [1], "表")
    prepare({"task": found["task"], "data": found["data"]}, tmp_path)


def test_suggest_leaves_columns_of_text_out(tmp_path):
    text = "name,age,fare,survived\n" + "".join(f"n{k},{k},{k * 2},{k % 2}\n" for k in range(30))
    (tmp_path / "t.csv").write_text(text)
    found = suggest(tmp_path / "t.csv", tmp_path)
    assert found["data"]["source"] == {"type": "csv", "path": "t.csv", "target": "survived", "columns": ["age", "fare"]}
    assert (found["task"], found["input"]) == ("binary", [2])
    aimed = suggest(tmp_path / "t.csv", tmp_path, target="fare")
    assert aimed["data"]["source"]["columns"] == ["age", "survived"] and aimed["task"] == "regression"
    with pytest.raises(BadData, match="Did you mean 'fare'"):
        suggest(tmp_path / "t.csv", tmp_path, target="far")


def test_suggest_folder_of_mixed_images(tmp_path):
    for k, mode in enumerate(("L", "RGB")):
        (tmp_path / "data" / mode).mkdir(parents=True)
        for j in range(5):
            pixels = RNG.integers(0, 256, (20 + k, 30, 3)).astype(np.uint8)
            Image.fromarray(pixels).convert(mode).save(tmp_path / "data" / mode / f"{j}.png")
    found = suggest(tmp_path / "data", tmp_path)
    assert found["data"]["source"] == {"type": "folder", "path": "data", "channels": 3}
    assert found["input"] == [3, 21, 21] or found["input"] == [3, 20, 20]
    prepare({"task": found["task"], "data": found["data"]}, tmp_path)


def test_suggest_npz_and_folders_of_parts(tmp_path):
    x, y = RNG.integers(0, 256, (12, 6, 7, 3)).astype(np.uint8), np.arange(12) % 3
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y, x_test=x[:6], y_test=y[:6])
    found = suggest(tmp_path / "d.npz", tmp_path)
    assert found["data"]["test"]["x"] == "x_test" and found["input"] == [3, 6, 7]
    assert len(prepare({"data": found["data"]}, tmp_path).test) == 6
    for part in ("train", "test"):
        for name in "abc":
            (tmp_path / "parts" / part / name).mkdir(parents=True)
            for k in range(4):
                pixels = RNG.integers(0, 256, (4, 4)).astype(np.uint8)
                Image.fromarray(pixels).save(tmp_path / "parts" / part / name / f"{k}.png")
    found = suggest(tmp_path / "parts", tmp_path)
    assert found["data"]["test"] == {"type": "folder", "path": "parts/test"} and found["classes"] == 3
    assert len(prepare({"data": found["data"]}, tmp_path).test) == 12


def test_suggest_refuses_politely(tmp_path):
    with pytest.raises(UsageError, match="digits"):
        suggest("dogits", tmp_path)
    (tmp_path / "x.pdf").write_bytes(b"%PDF")
    with pytest.raises(BadData, match="sub-folder"):
        suggest(tmp_path / "x.pdf", tmp_path)


def test_it_is_light(pytestconfig):
    """`tsumiki check` looks at built-in data without NumPy, and training never needs scikit-learn or pandas."""
    script = (
        "import sys; from builder.data import facts, prepare; d = {'source': {'type': 'builtin', 'name': 'digits'}};"
        "facts(d, '.'); assert 'numpy' not in sys.modules; prepare({'data': d}, '.');"
        "assert not {'sklearn', 'pandas', 'streamlit', 'numba', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=pytestconfig.rootpath)
