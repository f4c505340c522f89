"""Data made to break things: each is refused with our error, within a second, without the memory that it claims."""

from __future__ import annotations

import gzip
import io
import os
import resource
import struct
import sys
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builder.data import BadData, facts, prepare
from schemas.errors import DataError

NOISE = np.random.default_rng(0).integers(0, 256, (40, 40)).astype(np.uint8)
CSV = {"type": "csv", "path": "t.csv"}
IDX = {"type": "idx", "images": "x", "labels": "y"}
NPZ = {"type": "npz", "path": "d.npz"}
FOLDER = {"type": "folder", "path": "f"}
MEMORY = 64 << 20
"""Most bytes that Python may allocate while it refuses."""


def png(width: int, height: int, content: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")


def encoded(kind: str, pixels: np.ndarray = NOISE) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def image(content: bytes, name: str = "a.png"):
    def make(folder: Path):
        (folder / "f" / "c").mkdir(parents=True)
        (folder / "f" / "c" / name).write_bytes(content)
        return FOLDER

    return make


def table(text: str | bytes):
    def make(folder: Path):
        (folder / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return CSV

    return make


def idx(images: bytes, labels: bytes = b"\0\0\x08\x01\0\0\0\x02\0\x01"):
    def make(folder: Path):
        (folder / "x").write_bytes(images)
        (folder / "y").write_bytes(labels)
        return IDX

    return make


def idx_header(*sizes: int, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)


def npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def array(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


Y = array(np.array([0, 1]))


def npz(x: bytes, y: bytes = Y, change=None):
    def make(folder: Path):
        with zipfile.ZipFile(folder / "d.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", x)
            archive.writestr("y.npy", y)
        if change:
            content = (folder / "d.npz").read_bytes()
            (folder / "d.npz").write_bytes(change(content))
        return NPZ

    return make


def bomb(folder: Path):
    """3 MB that unpack to 3 GB: ones zlib stream per 1 MB of zeros, put together by hand so that making it is quick."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = engine.compress(bytes(1 << 20)) + engine.flush(zlib.Z_FULL_FLUSH)
    head = npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': (3, {1 << 30}), }}")
    first = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = first.compress(head) + first.flush(zlib.Z_FULL_FLUSH)
    body = start + block * 3072 + b"\x03\x00"
    size = len(head) + (3 << 30)
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(body), size, 5, 0) + b"x.npy"
    central = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(body), size, 5, 0, 0, 0, 0, 0, 0)
    central += b"x.npy"
    small = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(Y), len(Y), len(Y), 5, 0) + b"y.npy" + Y
    at = len(local) + len(body)
    other = struct.pack(
        "<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 0, 0, 0, zlib.crc32(Y), len(Y), len(Y), 5, 0, 0, 0, 0, 0, at
    )
    other += b"y.npy"
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 2, 2, len(central + other), at + len(small), 0)
    (folder / "d.npz").write_bytes(local + body + small + central + other + end)
    return NPZ


def gzip_bomb(folder: Path):
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = engine.compress(idx_header(100, 1000, 10_000)) + engine.compress(bytes(64 << 20)) + engine.flush()
    (folder / "x").write_bytes(packed + bytes(1 << 20))
    (folder / "y").write_bytes(idx_header(100) + bytes(100))
    return IDX


def cell(text: str, other=None):
    def make(folder: Path):
        (folder / "secret.npy").write_bytes(array(np.ones((2, 2))))
        home = folder / "home"
        home.mkdir()
        if other:
            other(home)
        (home / "t.csv").write_text(f"x,y\n{text.replace('TOP', str(folder))},0\n", encoding="utf-8")
        return {"type": "csv", "path": "home/t.csv"}

    return make


def linked(home: Path):
    (home / "link.npy").symlink_to(home.parent / "secret.npy")


def linked_folder(home: Path):
    (home / "sub").symlink_to(home.parent)


def loop(folder: Path):
    (folder / "f" / "c").mkdir(parents=True)
    (folder / "f" / "c" / "again").symlink_to(folder / "f")
    (folder / "f" / "c" / "self.png").symlink_to(folder / "f" / "c" / "self.png")
    (folder / "f" / "c" / "a.png").write_bytes(encoded("PNG"))
    return FOLDER


def outside_link(folder: Path):
    (folder / "else").mkdir()
    (folder / "else" / "a.png").write_bytes(encoded("PNG"))
    (folder / "f").mkdir()
    (folder / "f" / "c").symlink_to(folder / "else")
    return FOLDER


def deep(folder: Path):
    place = folder / "f" / "/".join("d" * 30)
    place.mkdir(parents=True)
    (place / "a.png").write_bytes(encoded("PNG"))
    return FOLDER


def pipe(folder: Path):
    os.mkfifo(folder / "t.csv")
    return CSV


def flip(at: int):
    return lambda content: content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


OBJECTS = np.empty(2, dtype=object)
OBJECTS[:] = [{"a": 1}, [2]]
buffer = io.BytesIO()
np.save(buffer, OBJECTS, allow_pickle=True)
OBJECT_ARRAY = buffer.getvalue()
HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }"
GREY, JPEG = encoded("PNG"), encoded("JPEG", np.dstack([NOISE] * 3))

CASES = {
    # images
    "png cut in half": (image(GREY[: len(GREY) // 2]), "truncated_image"),
    "png of 20 bytes": (image(GREY[:20]), "truncated_image"),
    "png with a damaged byte": (image(flip(60)(GREY)), "corrupt_image"),
    "jpg cut in half": (image(JPEG[: len(JPEG) // 2], "a.jpg"), "truncated_image"),
    "jpg of zeros": (image(bytes(500), "a.jpg"), "corrupt_image"),
    "bmp cut": (image(encoded("BMP")[:300], "a.bmp"), "truncated_image"),
    "tif cut": (image(encoded("TIFF")[:300], "a.tif"), None),
    "empty image": (image(b""), "empty_file"),
    "text called png": (image(b"hello"), "corrupt_image"),
    "gif called png": (image(b"GIF89a" + bytes(100)), "corrupt_image"),
    "postscript called png": (image(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "corrupt_image"),
    "png of 100,000 x 100,000 pixels": (image(png(100_000, 100_000)), "image_too_large"),
    "png of 12,000 x 12,000 pixels": (image(png(12_000, 12_000)), "image_too_large"),
    "png of 9,000 x 9,000 pixels": (image(png(9_000, 9_000)), "image_too_large"),
    "png without pixels": (image(png(30, 30)), None),
    "png of 0 pixels": (image(png(0, 0)), None),
    "npy of objects": (image(OBJECT_ARRAY, "a.npy"), "object_array"),
    "npy claiming 8 TB": (image(npy(HUGE), "a.npy"), "truncated_array"),
    "npy with infinity": (image(array(np.array([[np.inf, 1]])), "a.npy"), "not_finite"),
    "csv sample of text": (image(b"a,b\nc,d\n", "a.csv"), "not_a_number"),
    "csv sample with ragged rows": (image(b"1,2\n3\n", "a.csv"), "wrong_columns"),
    "csv sample with NUL": (image(b"1,\x002\n", "a.csv"), "nul_byte"),
    # folders
    "folder without classes": (lambda f: (f / "f").mkdir() or FOLDER, "no_samples"),
    "no folder": (lambda f: FOLDER, "missing_folder"),
    "file instead of a folder": (lambda f: ((f / "f").write_text("") and None) or FOLDER, "not_a_folder"),
    "links in a loop": (loop, "link_loop"),
    "link out of the folder": (outside_link, "outside_folder"),
    "folders 30 deep": (deep, "too_deep"),
    # idx
    "idx claiming 10^12 images": (idx(idx_header(10**9, 1000, 1000) + bytes(99)), "truncated_idx"),
    "gzipped idx claiming 10^12 images": (idx(gzip.compress(idx_header(10**9, 1000, 1000))), "truncated_idx"),
    "idx cut": (idx(idx_header(2, 2, 2) + bytes(7)), "truncated_idx"),
    "idx too long": (idx(idx_header(2, 2, 2) + bytes(9)), "corrupt_idx"),
    "idx header cut": (idx(idx_header(2, 2, 2)[:9]), "truncated_idx"),
    "idx empty": (idx(b""), "truncated_idx"),
    "idx of no images": (idx(idx_header(0, 2, 2)), "empty_file"),
    "idx of unknown type": (idx(idx_header(2, 2, 2, kind=7) + bytes(8)), "not_idx"),
    "idx with 200 axes": (idx(bytes([0, 0, 8, 200]) + bytes(800)), "not_idx"),
    "idx with another number of labels": (idx(idx_header(3, 2, 2) + bytes(12)), "counts_differ"),
    "gzip cut": (idx(gzip.compress(idx_header(2, 20, 20) + NOISE.tobytes()[:800])[:-300]), "truncated_idx"),
    "gzip damaged": (idx(flip(40)(gzip.compress(idx_header(2, 20, 20) + NOISE.tobytes()[:800]))), None),
    "gzip bomb": (gzip_bomb, "zip_bomb"),
    "idx images and labels swapped": (idx(idx_header(2) + bytes(2), idx_header(2, 2, 2) + bytes(8)), "array_shape"),
    "idx float with NaN": (idx(idx_header(2, 1, kind=0x0D) + struct.pack(">2f", 1, float("nan"))), "not_finite"),
    # npz
    "npz of objects": (npz(OBJECT_ARRAY), "object_array"),
    "npz labels of objects": (npz(array(np.ones((2, 2))), OBJECT_ARRAY), "object_array"),
    "npz claiming 8 TB": (npz(npy(HUGE)), "truncated_array"),
    "npz with a negative size": (npz(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 3), }")), None),
    "npz with code in its header": (npz(npy("__import__('os').system('exit 1')")), "corrupt_array"),
    "npz with a deep header": (npz(npy("(" * 60 + ")" * 58)), "corrupt_array"),
    "npz that is no zip": (lambda f: (f / "d.npz").write_bytes(b"hello") and NPZ, "corrupt_npz"),
    "npz cut": (npz(array(np.ones((2, 500))), change=lambda c: c[: len(c) // 2]), "corrupt_npz"),
    "npz damaged": (npz(array(NOISE.astype(float)[:2]), change=flip(300)), None),
    "npz of text": (npz(array(np.array(["a", "b"]))), "array_type"),
    "npz of complex numbers": (npz(array(np.ones((2, 2), complex))), "array_type"),
    "npz with NaN": (npz(array(np.array([[np.nan, 1], [1, 2]]))), "not_finite"),
    "npz with one axis": (npz(array(np.ones(2))), "array_shape"),
    "npz with no values": (npz(array(np.ones((2, 0)))), "array_shape"),
    "npz without labels": (npz(array(np.ones((2, 2))), array(np.ones(3))), "counts_differ"),
    "zip bomb": (bomb, "zip_bomb"),
    # tables
    "no table": (lambda f: CSV, "missing_file"),
    "table that is a folder": (lambda f: (f / "t.csv").mkdir() or CSV, "not_a_file"),
    "table that is a pipe": (pipe, "not_a_file"),
    "empty table": (table(""), "empty_file"),
    "table of empty lines": (table("\n\n\n"), "empty_file"),
    "header only": (table("x,y\n"), "no_samples"),
    "no header": (table("1,2\n3,4\n"), "no_header"),
    "column twice": (table("x__0,x__0,y\n1,2,3\n"), "duplicate_column"),
    "no target": (table("a,b\n1,2\n"), "no_target"),
    "too few cells": (table("x__0,x__1,y\n1,2\n1,2,3\n"), "wrong_columns"),
    "too many cells": (table("x,y\n1,2,3\n"), "wrong_columns"),
    "NUL byte": (table(b"x,y\n1,\x00\n"), "nul_byte"),
    "not UTF-8": (table("x,y:種類\n1,犬\n".encode("cp932")), "encoding"),
    "a field of 1 MB": (table("x,y\n" + "1" * (1 << 20) + ",0\n"), "field_too_large"),
    "a line of 20 MB": (table(b"x,y\n" + b"1" * (20 << 20)), "line_too_long"),
    "quote never closed": (table('x,y\n"1,0\n' + "1,0\n" * 100_000), "field_too_large"),
    "not a number": (table("x,y\n1,0\n2,1\n3,0\nfour,1\n"), "not_a_number"),
    "a column of text": (table("x__0,x__1,y\n1,a,0\n2,b,1\n"), "text_column"),
    "NaN": (table("x,y\n1,0\nNaN,1\n"), "not_finite"),
    "infinity": (table("x,y\n1,0\n1e999,1\n"), "not_finite"),
    "target is a file": (table("x,y\n1,a.png\n"), "target_is_file"),
    # paths in tables
    "path out of the folder": (cell("../secret.npy"), "outside_folder"),
    "path out of the folder, with a turn": (cell("a/b/../../../secret.npy"), "outside_folder"),
    "path out of the folder, as on Windows": (cell("..\\secret.npy"), "outside_folder"),
    "absolute path": (cell("TOP/secret.npy"), "outside_folder"),
    "link out of the folder from a table": (cell("link.npy", linked), "outside_folder"),
    "linked folder": (cell("sub/secret.npy", linked_folder), "outside_folder"),
    "device": (cell("/dev/zero.npy"), "outside_folder"),
    "missing file": (cell("none.png"), "missing_file"),
    "path of 5,000 letters": (cell("a" * 5000 + ".png"), "path_too_long"),
    "name of 300 letters": (cell("a" * 300 + ".png"), "unreadable_file"),
}


@pytest.fixture(scope="module", autouse=True)
def warm():
    """Import what refusing needs, so that a case measures the refusal and not Python's imports."""
    from builder.data.images import decode_image

    decode_image(GREY, Path("a.png"))
    decode_image(JPEG, Path("a.jpg"))


@pytest.mark.parametrize("name", CASES)
def test_bad_data_is_refused(tmp_path, name):
    make, code = CASES[name]
    source = make(tmp_path)
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(BadData) as caught:
        prepare({"task": "classification", "data": {"source": source, "validation": 0, "test": 0}}, tmp_path)
    seconds = time.process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    first = caught.value.findings[0]
    assert code is None or code in [f.code for f in caught.value.findings], caught.value.findings
    assert first.what.endswith((".", "?", ")")) and first.where and str(caught.value)
    assert "Traceback" not in str(caught.value) and len(str(caught.value)) < 4000
    assert seconds < 1 and peak < MEMORY


@pytest.mark.parametrize("name", CASES)
def test_a_look_at_bad_data_is_refused_or_harmless(tmp_path, name):
    """`tsumiki check` sees headers only, so it may find nothing; it must never fall over."""
    source = CASES[name][0](tmp_path)
    start = time.process_time()
    try:
        facts({"source": source}, tmp_path)
    except DataError as error:
        assert str(error)
    assert time.process_time() - start < 1


def test_outside_files_are_read_where_the_document_allows_it(tmp_path):
    source = cell("../secret.npy")(tmp_path)
    data = {"source": {**source, "outside": True}, "validation": 0, "test": 0}
    assert len(prepare({"task": "classification", "data": data}, tmp_path).train) == 1


def test_a_neighbour_with_a_longer_name_is_outside(tmp_path):
    from builder.data.files import Locator

    (tmp_path / "data").mkdir()
    (tmp_path / "data-old").mkdir()
    locate = Locator(tmp_path / "data", False)
    assert locate("sub/../a.png", "x").name == "a.png"
    with pytest.raises(BadData):
        locate("../data-old/a.png", "x")


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is enforced on Linux")
def test_claims_do_not_reserve_address_space(tmp_path):
    """tracemalloc does not see mappings, so the largest claims are refused under a limit of the whole process too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (512 << 20), hard))
    try:
        for k, name in enumerate(n for n in CASES if "claiming" in n or "bomb" in n or "pixels" in n):
            (tmp_path / str(k)).mkdir()
            source = CASES[name][0](tmp_path / str(k))
            with pytest.raises(BadData):
                prepare({"data": {"source": source}}, tmp_path / str(k))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF"])
def test_damaged_images_never_raise_anything_else(kind):
    from builder.data.images import decode_image

    rng = np.random.default_rng(1)
    whole = encoded(kind, NOISE if kind != "JPEG" else np.dstack([NOISE] * 3))
    for _ in range(60):
        content = bytearray(whole)
        for at in rng.integers(0, len(content), 4):
            content[at] = rng.integers(0, 256)
        try:
            values, _ = decode_image(bytes(content[: rng.integers(1, len(content) + 1)]), Path(f"a.{kind.lower()}"))
            assert values.ndim == 3
        except BadData as error:
            assert error.findings[0].code
