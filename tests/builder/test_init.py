"""Documents that `init` writes fit their data: checked without problems, and trainable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import builder
from builder import DataError, UsageError
from builder.init import default_name


def types(document: dict[str, Any]) -> list[str]:
    return [layer["type"] for layer in document["model"]["layers"]]


@pytest.mark.parametrize("shape", [(20, 9, 12), (1, 33, 65), (3, 200, 150), (3, 3, 3), (7,), (300,), (2, 50)])
def test_an_array_of_any_shape_gets_a_stack_that_fits(tmp_path: Path, shape: tuple[int, ...]) -> None:
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=draw.random((24, *shape), dtype=np.float32), y=np.arange(24) % 3)
    document = builder.init(tmp_path / "d.npz", base=tmp_path)
    report = builder.check(document, base=tmp_path)
    assert report.problems == ()
    assert ("Convolution" in types(document)) == (len(shape) == 3 and min(shape[1:]) >= 4)
    assert types(document)[-2:] == ["Softmax", "CategoricalCrossEntropy"]
    assert report.totals["parameters"] < 1_000_000


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for kind in ("犬", "cat", "a b"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for k in range(6):
            size = (20 + k, 24, 3)
            Image.fromarray(draw.integers(0, 256, size, dtype=np.uint8)).save(
                tmp_path / "photos" / kind / f"{k} 枚.png"
            )
    document = builder.init(tmp_path / "photos", base=tmp_path)
    assert document["data"]["source"] == {"type": "folder", "path": "photos"}
    assert document["data"]["preprocessing"][0]["type"] == "Resize"
    assert document["model"]["input"][0] == 3
    assert builder.check(document, base=tmp_path).problems == ()
    run = builder.train(
        document, out=tmp_path / "runs", overrides={"training.epochs": 1, "data.source.path": str(tmp_path / "photos")}
    )
    assert run.finished


@pytest.mark.parametrize(
    ("answers", "task", "end"),
    [
        (["yes", "no"], "binary", ["Affine", "Sigmoid", "BinaryCrossEntropy"]),
        (["a", "b", "c"], "classification", ["Affine", "Softmax", "CategoricalCrossEntropy"]),
        (["0.5", "1.25", "7.125", "3.5", "9.75", "8.5"], "regression", ["Affine", "SquaredError"]),
    ],
)
def test_a_table_gets_the_task_of_its_target(tmp_path: Path, answers: list[str], task: str, end: list[str]) -> None:
    rows = [f"{k},{k * k},{answers[k % len(answers)]}{k if task == 'regression' else ''}" for k in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,out", *rows]), encoding="utf-8")
    document = builder.init(tmp_path / "t.csv", target="out", base=tmp_path)
    assert task == document["task"]
    assert end == types(document)[-len(end) :]
    assert builder.check(document, base=tmp_path).problems == ()


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"?")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no such file"):
        builder.init(tmp_path / "missing")
    with pytest.raises(DataError, match="no data set that is known"):
        builder.init(tmp_path / "a.xyz")
    with pytest.raises(DataError, match="nothing"):
        builder.init(tmp_path / "t.csv", target="nothing", base=tmp_path)


def test_the_name_is_that_of_the_data() -> None:
    assert [default_name(data) for data in ("iris", "a/花 b.csv", "photos/", ".")][:3] == ["iris", "花 b", "photos"]


def test_idx_files_beside_a_document_of_their_name(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (30, 8, 8), dtype=np.uint8)
    header = b"\x00\x00\x08\x03" + np.array(images.shape, ">u4").tobytes()
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    labels = (np.arange(30) % 3).astype(np.uint8)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(b"\x00\x00\x08\x01\x00\x00\x00\x1e" + labels.tobytes())
    first = builder.init(tmp_path / "train-images-idx3-ubyte", base=tmp_path)
    (tmp_path / "train-images-idx3-ubyte.json").write_text(json.dumps(first))
    assert builder.init(tmp_path, base=tmp_path)["data"] == first["data"]
