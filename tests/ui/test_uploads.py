"""Uploads: what people send becomes data that `suggest` knows; what is broken or hostile is refused without a trace."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builder.data import suggest
from builder.data.finding import BadData
from builder.ui import uploads
from builder.ui.uploads import keep, safe


def picture(value: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((6, 5), value, np.uint8)).save(content, "PNG")
    return content.getvalue()


def archive(files: dict[str, bytes], encoding: str = "utf-8") -> io.BytesIO:
    """Return a zip file; with another encoding, names are written as old Windows and macOS do, without a flag."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            if encoding != "utf-8":
                info = _Unflagged(name, encoding)
            file.writestr(info, data)
    content.seek(0)
    return content


class _Unflagged(zipfile.ZipInfo):
    def __init__(self, name: str, encoding: str) -> None:
        super().__init__(name)
        self._encoding = encoding

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # zipfile's own name
        return self.filename.encode(self._encoding), self.flag_bits & ~0x800


CLASSES = {f"{label}/{k}.png": picture(40 * k) for label in ("猫", "犬") for k in range(1, 6)}


@pytest.mark.parametrize("encoding", ["utf-8", "cp932"])
@pytest.mark.parametrize("prefix", ["", "動物/", "a/b/"])
def test_a_folder_of_classes(tmp_path: Path, prefix: str, encoding: str) -> None:
    files = {prefix + name: data for name, data in CLASSES.items()} | {"__MACOSX/x": b"", f"{prefix}.DS_Store": b""}
    place = keep(tmp_path, [("動物.zip", archive(files, encoding))])
    assert place.is_relative_to(tmp_path / "data" / "動物")
    found = suggest(place, tmp_path)
    assert ("folder", ["犬", "猫"], 10, [1, 6, 5]) == (
        found["data"]["source"]["type"],
        sorted(found["class_names"]),
        found["samples"],
        found["input"],
    )


def test_a_table_with_its_images(tmp_path: Path) -> None:
    rows = "x:image,y:label\n" + "".join(f"画像/{k}.png,{k % 2}\n" for k in range(6))
    files = {f"画像/{k}.png": picture(k) for k in range(6)} | {"表.csv": rows.encode()}
    place = keep(tmp_path, [("nnc.zip", archive(files))])
    assert "表.csv" == place.name
    assert 6 == suggest(place, tmp_path)["samples"]


def test_several_files_at_once(tmp_path: Path) -> None:
    table = b"image,label\na.png,x\nb.png,y\n"
    place = keep(
        tmp_path, [("a.png", io.BytesIO(picture(1))), ("t.csv", io.BytesIO(table)), ("b.png", io.BytesIO(picture(9)))]
    )
    assert ("t.csv", 2) == (place.name, suggest(place, tmp_path, "label")["samples"])


def test_the_same_name_twice(tmp_path: Path) -> None:
    places = [keep(tmp_path, [("t.csv", io.BytesIO(b"a,target\n1,2\n"))]) for _ in range(3)]
    assert ["t", "t-2", "t-3"] == [place.parent.name for place in places]


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil", "a/../../evil", "C:/evil", "a\\..\\..\\evil"])
def test_archives_that_lead_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadData, match="leads outside"):
        keep(tmp_path / "w", [("x.zip", archive({"fine.png": picture(1), name: b"x"}))])
    assert [] == list((tmp_path / "w" / "data").iterdir())
    assert not (tmp_path / "evil.png").exists()


def test_links_in_archives(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    content.seek(0)
    with pytest.raises(BadData, match="leads outside"):
        keep(tmp_path, [("x.zip", content)])


@pytest.mark.parametrize("cut", [0, 1, 30, -30, -1])
def test_archives_that_were_cut_off(tmp_path: Path, cut: int) -> None:
    whole = archive(CLASSES).getvalue()
    with pytest.raises(BadData, match=r"cannot be unpacked|no file"):
        keep(tmp_path, [("x.zip", io.BytesIO(whole[:cut]))])
    assert [] == list((tmp_path / "data").iterdir())


def test_archives_with_a_changed_bit(tmp_path: Path) -> None:
    whole = bytearray(archive({"a.csv": b"hello" * 100}).getvalue())
    whole[60] ^= 1
    with pytest.raises(BadData, match="cannot be unpacked"):
        keep(tmp_path, [("x.zip", io.BytesIO(bytes(whole)))])


def test_archives_that_would_fill_the_disk(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros.csv", bytes(1 << 27))
    content.seek(0)
    with pytest.raises(BadData, match="claim to unpack"):
        keep(tmp_path, [("x.zip", content)])


def test_archives_of_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_FILES", 3)
    with pytest.raises(BadData, match="10 files"):
        keep(tmp_path, [("x.zip", archive(CLASSES))])


def test_nothing_sent(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="No file"):
        keep(tmp_path, [])
    with pytest.raises(BadData, match="no file"):
        keep(tmp_path, [("x.zip", archive({}))])


def test_names_of_any_length() -> None:
    assert len(safe("長" * 500 + ".csv").encode()) <= 200
    assert safe("長" * 500 + ".csv").endswith(".csv")
    assert "a_b_.png" == safe('a\x00b".png')


def test_a_folder_keeps_its_form(tmp_path: Path) -> None:
    sent = [(f"写真/{name}/{k}.png", io.BytesIO(b"x")) for name in ("猫", "犬") for k in range(2)]
    sent += [("写真/.DS_Store", io.BytesIO(b"")), ("写真/../../evil", io.BytesIO(b"e"))]
    place = uploads.keep(tmp_path, sent[:-1])
    assert tmp_path / "data" / "写真" / "写真" == place
    assert ["犬/0.png", "犬/1.png", "猫/0.png", "猫/1.png"] == sorted(
        p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()
    )
    uploads.keep(tmp_path, sent)
    assert ["data"] == [p.name for p in tmp_path.iterdir()]
