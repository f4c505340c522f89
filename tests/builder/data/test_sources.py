"""Every source, read from files that the test writes."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builder.data import BadData, builtin as builtins, facts, prepare
from schemas.data import Builtin

WHOLE = {"validation": 0, "test": 0}


def document(source, **settings):
    task = settings.pop("task", None)
    return {"data": {"source": source, **WHOLE, **settings}, **({"task": task} if task else {})}


def codes(prepared):
    return [finding.code for finding in prepared.findings]


def write_idx(path: Path, values: np.ndarray, packed: bool = False) -> None:
    kind = {"uint8": 0x08, "float32": 0x0D}[values.dtype.name]
    content = bytes([0, 0, kind, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    content += values.astype(values.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize("name", builtins.FILES)
def test_builtin_equals_scikit_learn(name):
    from sklearn import datasets

    loader = getattr(datasets, f"load_{name}")
    wanted = loader(scaled=False) if name == "diabetes" else loader()
    raw = builtins.read(Builtin(name=name), Path())
    assert (
        wanted.data.astype(np.float32).tolist()
        == raw.samples.read(np.arange(len(wanted.data))).reshape(len(wanted.data), -1).tolist()
    )
    assert wanted.target.tolist() == np.asarray(raw.labels).tolist()
    if name != "digits":
        assert list(wanted.feature_names) == list(raw.columns)
    if name != "diabetes":
        assert [str(v) for v in wanted.target_names] == list(raw.names)
    x, y = builtins.from_loader(name)
    assert np.array_equal(x, wanted.data) and np.array_equal(y, wanted.target)


@pytest.mark.parametrize("name", builtins.FACTS)
def test_builtin_facts_are_those_of_the_data(name):
    found = prepare(document({"type": "builtin", "name": name}), ".").facts
    assert found == builtins.FACTS[name]
    assert found == facts({"source": {"type": "builtin", "name": name}}, ".")


def test_builtin_with_another_layout_is_not_believed(tmp_path):
    (tmp_path / "iris.csv").write_text("1,2\n3,4\n")
    assert builtins.from_files("iris", tmp_path) is None
    assert builtins.from_files("wine", tmp_path) is None


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_idx(tmp_path, packed, kind):
    x = np.random.default_rng(0).integers(0, 256, (12, 3, 4)).astype(kind)
    y = np.arange(12, dtype=np.uint8) % 3
    write_idx(tmp_path / "x", x, packed)
    write_idx(tmp_path / "y", y, packed)
    source = {"type": "idx", "images": "x", "labels": "y"}
    prepared = prepare(document(source), tmp_path)
    got, targets = prepared.train.all()
    assert np.array_equal(got, x[:, None].astype(np.float32)) and got.dtype == np.float32
    assert targets.tolist() == y.tolist() and targets.dtype == np.int64
    found = facts({"source": source}, tmp_path)
    assert (found.shape, found.classes, found.samples, found.kind) == ((1, 3, 4), 3, 12, "classification")


def test_idx_with_a_test_source_of_its_own(tmp_path):
    rng = np.random.default_rng(0)
    for name, n in (("a", 20), ("b", 6)):
        write_idx(tmp_path / f"{name}x", rng.integers(0, 256, (n, 2, 2)).astype(np.uint8))
        write_idx(tmp_path / f"{name}y", (np.arange(n) % 2).astype(np.uint8))
    a, b = ({"type": "idx", "images": f"{n}x", "labels": f"{n}y"} for n in "ab")
    prepared = prepare({"task": "classification", "data": {"source": a, "test": b, "validation": 0.2}}, tmp_path)
    assert [len(p) for p in prepared.parts.values()] == [16, 4, 6]


NPZ = [
    ((6, 5), {}, (5,)),
    ((6, 4, 5), {}, (1, 4, 5)),
    ((6, 3, 4, 5), {}, (3, 4, 5)),
    ((6, 4, 5, 3), {"layout": "NHWC"}, (3, 4, 5)),
]


@pytest.mark.parametrize(("shape", "settings", "wanted"), NPZ)
def test_npz(tmp_path, shape, settings, wanted):
    x = np.random.default_rng(0).normal(size=shape)
    np.savez_compressed(tmp_path / "d.npz", a=x, b=np.array([0, 1, 2, 0, 1, 2]))
    source = {"type": "npz", "path": "d.npz", "x": "a", "y": "b", **settings}
    prepared = prepare(document(source), tmp_path)
    got, targets = prepared.train.all()
    assert got.shape == (6, *wanted) == (6, *facts({"source": source}, tmp_path).shape)
    plain = x.transpose(0, 3, 1, 2) if settings else x
    assert np.array_equal(got.reshape(-1), plain.astype(np.float32).reshape(-1))
    assert targets.tolist() == [0, 1, 2, 0, 1, 2]


def test_npz_column_major_and_layout_warning(tmp_path):
    x = np.asfortranarray(np.arange(6 * 8 * 9 * 3.0).reshape(6, 8, 9, 3))
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(6) % 2)
    prepared = prepare(document({"type": "npz", "path": "d.npz"}), tmp_path)
    assert np.array_equal(prepared.train.all()[0], x.astype(np.float32))
    assert "layout" in codes(prepared)


# --- labels: values, task -> kind, targets of the first samples, names, findings --------------------------------

LABELS = [
    (["dog", "cat", "eel"], None, "classification", [1, 0, 2], ("cat", "dog", "eel"), ["labels_named"]),
    (["yes", "no", "no"], None, "binary", [[1.0], [0.0], [0.0]], ("no", "yes"), ["labels_named"]),
    (["yes", "no", "no"], "classification", "classification", [1, 0, 0], ("no", "yes"), ["labels_named"]),
    ([0, 1, 2], None, "classification", [0, 1, 2], ("0", "1", "2"), []),
    ([0, 1, 3], None, "classification", [0, 1, 3], ("0", "1", "2", "3"), ["label_gap"]),
    ([1, 2, 3], None, "classification", [0, 1, 2], ("1", "2", "3"), ["labels_numbered"]),
    ([10, 20, 40], None, "classification", [0, 1, 2], ("10", "20", "40"), ["label_gap"]),
    ([-1, 1, 1], None, "binary", [[0.0], [1.0], [1.0]], ("-1", "1"), ["label_gap"]),
    ([0, 255, 0], "binary", "binary", [[0.0], [1.0], [0.0]], ("0", "255"), ["label_gap"]),
    ([0, 1, 1], "classification", "classification", [0, 1, 1], ("0", "1"), []),
    ([0.5, 1, 2], None, "regression", [[0.5], [1.0], [2.0]], (), []),
    ([0, 1, 2], "regression", "regression", [[0.0], [1.0], [2.0]], (), []),
    (["1", "2.0", "1e0"], None, "binary", [[0.0], [1.0], [0.0]], ("1", "2"), ["labels_numbered"]),
    ([[0, 1, 0], [1, 0, 0], [0, 0, 1]], None, "classification", [1, 0, 2], ("0", "1", "2"), []),
    ([[0, 1], [1, 1], [0, 0]], "binary", "binary", [[0, 1], [1, 1], [0, 0]], ("0", "1"), []),
    ([[0.5, 1], [1, 2], [3, 4]], None, "regression", [[0.5, 1], [1, 2], [3, 4]], (), []),
    ([True, False, True], None, "binary", [[1.0], [0.0], [1.0]], ("0", "1"), []),
]


@pytest.mark.parametrize(("labels", "task", "kind", "targets", "names", "found"), LABELS)
def test_labels(tmp_path, labels, task, kind, targets, names, found):
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).normal(size=(3, 4)), y=np.array(labels))
    prepared = prepare(document({"type": "npz", "path": "d.npz"}, task=task), tmp_path)
    assert (prepared.task, prepared.class_names) == (kind, names)
    assert prepared.train.targets.tolist() == targets
    assert prepared.train.targets.dtype == (np.int64 if kind == "classification" else np.float32)
    assert [c for c in codes(prepared) if c.startswith("label")] == found
    assert facts({"source": {"type": "npz", "path": "d.npz"}}, tmp_path, task).kind == kind


def test_classes_of_the_document_say_the_order(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).normal(size=(3, 4)), y=np.array([10, 20, 10]))
    source = {"type": "npz", "path": "d.npz"}
    prepared = prepare(document(source, classes=["20", "15", "10"]), tmp_path)
    assert prepared.train.targets.tolist() == [2, 0, 2]
    assert prepared.class_names == ("20", "15", "10")
    with pytest.raises(BadData, match=r"The label '20' is no class"):
        prepare(document(source, classes=["10", "15"]), tmp_path)


# --- tables -------------------------------------------------------------------------------------------------------

TABLES = [
    ("a,b,y\n1,2,p\n3,4,q\n", {"target": "y"}, [[1, 2], [3, 4]], ("p", "q"), {}),
    ("\ufeffa,b,y\r\n1,2,p\r\n\r\n3,4,q\r\n", {"target": "y"}, [[1, 2], [3, 4]], ("p", "q"), {}),
    ("y,a,b\n0,1,2\n1,3,4\n", {"target": "y"}, [[1, 2], [3, 4]], ("0", "1"), {}),
    ("a;b;y\n1;2;p\n3;4;q\n", {"target": "y", "delimiter": ";"}, [[1, 2], [3, 4]], ("p", "q"), {}),
    ("a,b,c,y\n1,2,t,p\n3,4,u,q\n", {"target": "y", "columns": ["b", "a"]}, [[2, 1], [4, 3]], ("p", "q"), {}),
    ("x__0:a,x__1:b,y:label\n1,2,0\n3,4,1\n", {}, [[1, 2], [3, 4]], ("0", "1"), {}),
    ("x__1,y,x__0\n2,0,1\n4,1,3\n", {}, [[1, 2], [3, 4]], ("0", "1"), {}),
    ("x__0:a,x__1:b,y:label\n1,2,0\n3,4,1\n", {"target": "label"}, [[1, 2], [3, 4]], ("0", "1"), {}),
    ("x:one,y\n1,0\n3,1\n", {}, [[1], [3]], ("0", "1"), {}),
    ('"a,b",y\n"1",p\n 3 ,q\n', {"target": "y"}, [[1], [3]], ("p", "q"), {}),
    ("長さ,幅,種類\n1,2,犬\n3,4,猫\n", {"target": "種類"}, [[1, 2], [3, 4]], ("犬", "猫"), {}),
    ("長さ,幅,種類\n1,2,犬\n3,4,猫\n", {"target": "種類", "encoding": "cp932"}, [[1, 2], [3, 4]], ("犬", "猫"), {}),
    ("a,b,y\n1,2,p\n3,4,q\n", {"target": "y", "encoding": "utf-16"}, [[1, 2], [3, 4]], ("p", "q"), {}),
]


@pytest.mark.parametrize(("text", "settings", "rows", "names", "more"), TABLES)
def test_tables(tmp_path, text, settings, rows, names, more):
    path = tmp_path / "表 1.csv"
    path.write_bytes(text.encode(settings.get("encoding", "utf-8")))
    source = {"type": "csv", "path": path.name, **settings}
    prepared = prepare(document(source), tmp_path)
    assert prepared.train.all()[0].tolist() == rows
    assert prepared.class_names == names
    assert prepared.train.where(1).endswith("line 4" if "\r\n\r\n" in text else "line 3")
    found = facts({"source": source}, tmp_path)
    assert (found.shape, found.samples, found.class_names) == ((len(rows[0]),), 2, names)


def test_several_targets(tmp_path):
    (tmp_path / "t.csv").write_text("x__0,y__1:b,y__0:a\n1,2,3\n4,5,6\n")
    prepared = prepare(document({"type": "csv", "path": "t.csv"}), tmp_path)
    assert prepared.task == "regression" and prepared.train.targets.tolist() == [[3, 2], [6, 5]]
    assert facts({"source": {"type": "csv", "path": "t.csv"}}, tmp_path).targets == 2


def test_table_of_images_as_nnc_writes_it(tmp_path):
    folder = tmp_path / "学習 データ"
    folder.mkdir()
    for k in range(4):
        Image.fromarray(np.full((5, 6), 10 * k, np.uint8)).save(folder / f"画像 {k}.png")
    lines = ["x:image,y:label", *(f".\\学習 データ\\画像 {k}.png,{k % 2}" for k in range(4))]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    prepared = prepare(document({"type": "csv", "path": "t.csv"}), tmp_path)
    x, t = prepared.train.all()
    assert x.shape == (4, 1, 5, 6) and x[:, 0, 0, 0].tolist() == [0, 10, 20, 30]
    assert t.tolist() == [[0], [1], [0], [1]]
    assert prepared.train.streamed
    assert facts({"source": {"type": "csv", "path": "t.csv"}}, tmp_path).shape == (1, 5, 6)


def test_names_in_the_other_unicode_form_are_found(tmp_path):
    import unicodedata

    name = unicodedata.normalize("NFD", "ガ.png")
    Image.new("L", (2, 2)).save(tmp_path / name)
    (tmp_path / "t.csv").write_text(f"x,y\n{unicodedata.normalize('NFC', name)},0\n", encoding="utf-8")
    assert len(prepare(document({"type": "csv", "path": "t.csv"}, task="classification"), tmp_path).train) == 1


@pytest.mark.parametrize("ending", ["npy", "csv"])
def test_table_of_arrays(tmp_path, ending):
    for k in range(3):
        values = np.arange(6).reshape(2, 3) + k
        if ending == "npy":
            np.save(tmp_path / f"{k}.npy", values)
        else:
            np.savetxt(tmp_path / f"{k}.csv", values, delimiter=",")
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{k}.{ending},{k}\n" for k in range(3)))
    x, _ = prepare(document({"type": "csv", "path": "t.csv"}), tmp_path).train.all()
    assert x.shape == (3, 1, 2, 3) and x[2, 0].tolist() == [[2, 3, 4], [5, 6, 7]]


# --- folders and images -------------------------------------------------------------------------------------------


def test_folder(tmp_path):
    for name in ("犬", "cat b"):
        (tmp_path / name / "deeper").mkdir(parents=True)
        for k in range(3):
            place = tmp_path / name / ("deeper" if k == 2 else "") / f"{k}.bmp"
            Image.fromarray(np.full((4, 4, 3), 40 * k, np.uint8)).save(place)
    (tmp_path / "notes.txt").write_text("hello")
    prepared = prepare(document({"type": "folder", "path": "."}), tmp_path)
    assert prepared.class_names == ("cat b", "犬")
    assert prepared.train.all()[0].shape == (6, 3, 4, 4)
    assert "passed_over" in codes(prepared)
    found = facts({"source": {"type": "folder", "path": "."}}, tmp_path)
    assert (found.shape, found.classes, found.samples, found.kind) == ((3, 4, 4), 2, 6, "binary")


def picture(mode):
    if mode == "I;16":
        return Image.fromarray(np.full((3, 4), 1000, np.uint16))
    if mode == "P":
        return Image.new("RGB", (4, 3), (200, 100, 50)).convert("P")
    colour = {"L": 100, "1": 1, "LA": (100, 255), "RGBA": (200, 100, 50, 255), "CMYK": (0, 0, 0, 0)}
    return Image.new(mode, (4, 3), colour.get(mode, (200, 100, 50)))


MODES = [
    ("L", "png", None, (1, 3, 4), 100),
    ("1", "png", None, (1, 3, 4), 255),
    ("LA", "png", None, (1, 3, 4), 100),
    ("RGB", "png", None, (3, 3, 4), 200),
    ("RGB", "tif", None, (3, 3, 4), 200),
    ("RGBA", "png", None, (3, 3, 4), 200),
    ("P", "png", None, (3, 3, 4), None),
    ("CMYK", "jpg", None, (3, 3, 4), 255),
    ("I;16", "png", None, (1, 3, 4), 1000),
    ("I;16", "tif", 3, (3, 3, 4), 1000),
    ("RGB", "png", 1, (1, 3, 4), 124),
    ("L", "png", 3, (3, 3, 4), 100),
]


@pytest.mark.parametrize(("mode", "ending", "channels", "shape", "value"), MODES)
def test_image_modes(tmp_path, mode, ending, channels, shape, value):
    from builder.data.images import decode_file, probe

    path = tmp_path / f"a.{ending}"
    picture(mode).save(path)
    found = decode_file(path, channels).values
    assert found.shape == shape == probe(path, channels)
    if value is not None:
        assert found[0, 0, 0] == value


def test_transparent_and_turned_images_are_reported(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    half = Image.new("RGBA", (3, 3), (0, 0, 0, 0))
    half.save(tmp_path / "a" / "0.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (3, 3), (9, 9, 9)).save(tmp_path / "b" / "1.jpg", exif=exif)
    prepared = prepare(document({"type": "folder", "path": "."}), tmp_path)
    assert {"alpha", "turned"} <= set(codes(prepared))
    assert prepared.train.all()[0][0].min() == 255


MIXED = [
    ([("L", (4, 4)), ("L", (5, 4))], {}, "mixed_sizes"),
    ([("L", (4, 4)), ("L", (5, 4))], {"preprocessing": [{"type": "Resize", "size": 3}]}, None),
    ([("L", (4, 4)), ("RGB", (4, 4))], {}, "mixed_modes"),
    ([("L", (4, 4)), ("RGB", (4, 4))], {"channels": 3}, None),
    ([("L", (4, 4)), ("I;16", (4, 4))], {}, "mixed_depths"),
]


@pytest.mark.parametrize(("pictures", "settings", "code"), MIXED)
def test_mixed_images(tmp_path, pictures, settings, code):
    for k, (mode, size) in enumerate(pictures):
        (tmp_path / str(k)).mkdir()
        picture(mode).resize(size).save(tmp_path / str(k) / "a.png")
    source = {"type": "folder", "path": "."} | {k: v for k, v in settings.items() if k == "channels"}
    rest = {k: v for k, v in settings.items() if k != "channels"}
    if code is None:
        assert len(prepare(document(source, **rest), tmp_path).train.all()[0]) == 2
    else:
        with pytest.raises(BadData) as caught:
            prepare(document(source, **rest), tmp_path)
        assert caught.value.findings[0].code == code and caught.value.findings[0].fix


def test_cache_is_bounded_and_files_are_read_again(tmp_path):
    from builder.data.finding import Faults
    from builder.data.samples import Cache, FileSamples, scan

    paths = []
    for k in range(5):
        paths.append(tmp_path / f"{k}.png")
        Image.fromarray(np.full((4, 4), k, np.uint8)).save(paths[-1])
    samples, _, _ = scan(paths, [str(p) for p in paths], None, Faults())
    small = Cache(40)
    bounded = FileSamples(samples.entries, None, small)
    x = bounded.read(np.array([4, 0, 2]))
    assert x[:, 0, 0, 0].tolist() == [4, 0, 2] and small._used == 32
    Image.fromarray(np.full((4, 4), 77, np.uint8)).save(paths[1])
    with pytest.raises(BadData, match="changed"):
        bounded.read(np.array([1]))
