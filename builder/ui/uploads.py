"""Files that a browser sends become data in the workspace: `data/<name>/`, zip archives unpacked. Nothing is trusted.

An upload appears complete or not at all: it is written under a hidden name and renamed at the end.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from builder.data.files import unpacked
from builder.data.finding import bad
from schemas.say import say

from .files import writing

FOLDER = "data"
MOST_FILES = 300_000
"""Files that one archive may hold."""

MOST_DEEP = 20
"""Folders in each other that a sent folder may hold."""

PIECE = 1 << 20
TABLES = (".csv", ".tsv", ".txt", ".npz")
IGNORED = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What systems add to archives on their own."""


def keep(workspace: Path, files: Sequence[tuple[str, BinaryIO]]) -> Path:
    """Write uploaded files into the workspace and return what `builder.data.suggest` takes: a folder or a table.

    Raises BadData for an archive that is broken, or made to do harm; TrainingError where nothing can be written.
    """
    if not files:
        raise bad("no_files", say("No file was sent."))
    first = placed(files[0][0])
    name = safe(first[0] if len(first) > 1 else Path(first[-1]).stem.removesuffix(".tar").removesuffix("-ubyte"))
    place = workspace.resolve() / FOLDER
    hidden = place / f".new-{secrets.token_hex(6)}"
    with writing(place):
        hidden.mkdir(parents=True)
    try:
        for said, content in files:
            if said.lower().endswith(".zip"):
                unpack(content, said, hidden)
            elif not set(said.replace("\\", "/").split("/")) & set(IGNORED):
                target = hidden.joinpath(*placed(said))
                with writing(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                _copy(content, target)
        with writing(place):
            target = _free(place, name)
            os.rename(hidden, target)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return inside(target)


def placed(said: str) -> tuple[str, ...]:
    """Return where a sent file belongs: files of a folder come with their path below it.

    >>> placed("photos/cats/1.png"), placed("../../etc/passwd"), placed("/a/b.csv")
    (('photos', 'cats', '1.png'), ('passwd',), ('b.csv',))
    """
    parts = said.replace("\\", "/").split("/")
    if len(parts) > MOST_DEEP or any(part in ("", ".", "..") or ":" in part for part in parts):
        return (safe(said),)
    return tuple(safe(part) for part in parts)


def safe(name: str) -> str:
    """Return a name that is one file's, in any language, and no hidden one.

    >>> safe("../../etc/passwd"), safe("数字 (1).csv"), safe("..."), safe("C:\\\\a\\\\b.png")
    ('passwd', '数字 (1).csv', 'upload', 'b.png')
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    text = "".join("_" if unicodedata.category(c)[0] == "C" or c in '<>:"|?*' else c for c in last).strip(" .")
    stem, dot, ending = text.rpartition(".")
    while len(text.encode()) > 200 and (stem or ending):
        stem, ending = (stem[:-1], ending) if stem else ("", ending[:-1])
        text = f"{stem}{dot}{ending}"
    return text or "upload"


def inside(folder: Path) -> Path:
    """Return what of an uploaded folder is the data: its only table, or the folder below lonely folders.

    A table with images beside it is a table whose cells name them.
    """
    while True:
        entries = [entry for entry in folder.iterdir() if entry.name not in IGNORED]
        tables = [entry for entry in entries if entry.is_file() and entry.suffix.lower() in TABLES]
        if len(tables) == 1:
            return tables[0]
        only = entries[0] if len(entries) == 1 else None
        if only is None or not only.is_dir() or not (any(e.is_dir() for e in only.iterdir()) or _has_table(only)):
            return folder
        folder = only


def unpack(content: BinaryIO, name: str, folder: Path) -> None:
    """Unpack a zip archive below a folder. Raises BadData where it is broken, encrypted, or leads outside."""
    try:
        with zipfile.ZipFile(content) as archive:
            members = [(info, _parts(info, name)) for info in archive.infolist() if not info.is_dir()]
            members = [(info, parts) for info, parts in members if parts and not set(parts) & set(IGNORED)]
            _bounded([info for info, _ in members], name)
            for info, parts in members:
                target = folder.joinpath(*parts)
                with writing(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as file:
                    _copy(file, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise bad(
            "broken_archive",
            say("The archive cannot be unpacked: {reason}.", reason=str(error)),
            name,
            say("It was cut off on its way, is encrypted, or is no zip file."),
            say("Pack it again, without a password, and send it once more."),
        ) from error


def _bounded(infos: Sequence[zipfile.ZipInfo], name: str) -> None:
    """Raise BadData where an archive holds nothing, or far more than real data of its size would."""
    from builder.training.durable import require

    if not infos:
        raise bad("empty_archive", say("There is no file in the archive."), name)
    if len(infos) > MOST_FILES:
        raise bad(
            "too_many_files",
            say("The archive holds {count:,} files; {most:,} are allowed.", count=len(infos), most=MOST_FILES),
            name,
        )
    total = sum(info.file_size for info in infos)
    unpacked(sum(info.compress_size for info in infos), total, Path(name))
    require(Path.cwd(), total, say("the unpacked archive"))


def _parts(info: zipfile.ZipInfo, name: str) -> tuple[str, ...]:
    """Return a member's path below the archive, its names as people wrote them."""
    path = PurePosixPath(_decoded(info).replace("\\", "/"))
    wrong = path.is_absolute() or ".." in path.parts or stat.S_ISLNK(info.external_attr >> 16) or ":" in str(path)
    if wrong or "\x00" in str(path):
        raise bad(
            "outside_folder",
            say("{path!r} in the archive leads outside.", path=str(path)[:200]),
            name,
            say("Such an archive could overwrite any file of yours."),
            say("Pack only the folder of the data."),
        )
    return tuple(safe(part) for part in path.parts if part not in ("", "."))


def _decoded(info: zipfile.ZipInfo) -> str:
    """Return a member's name; where the archive does not say UTF-8, as it is on macOS and on Japanese Windows."""
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    for encoding in ("utf-8", "cp932"):
        with suppress(UnicodeError):
            return info.filename.encode("cp437").decode(encoding)
    return info.filename


def _copy(content: IO[bytes], target: Path) -> None:
    """Write a stream to a new file."""
    with writing(target), target.open("xb") as file:
        while piece := content.read(PIECE):
            file.write(piece)


def _free(place: Path, name: str) -> Path:
    target, number = place / name, 2
    while target.exists():
        target, number = place / f"{name}-{number}", number + 1
    return target


def _has_table(folder: Path) -> bool:
    return any(entry.is_file() and entry.suffix.lower() in TABLES for entry in folder.iterdir())
