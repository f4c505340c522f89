"""A folder with one sub-folder of images per class."""

from __future__ import annotations

import os
from pathlib import Path

from schemas.data import Folder
from schemas.say import say

from .facts import Peek
from .files import SAMPLES
from .finding import BadData, Faults, Finding, bad
from .images import probe_any
from .samples import Raw, scan

DEEPEST = 20
MOST = 10_000_000


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what lies in a folder, by name, without hidden files. Raises BadData where it cannot be read."""
    try:
        with os.scandir(folder) as found:
            return sorted((e for e in found if not e.name.startswith(".")), key=lambda e: e.name)
    except FileNotFoundError:
        raise bad("missing_folder", say("There is no such folder."), folder) from None
    except NotADirectoryError:
        raise bad("not_a_folder", say("This is no folder."), folder) from None
    except (OSError, ValueError) as error:
        raise bad(
            "unreadable_folder", say("The folder cannot be read ({reason}).", reason=str(error)), folder
        ) from None


def _allowed(entry: os.DirEntry[str], home: str, outside: bool, faults: Faults) -> bool:
    """Return whether an entry may be read: a link must stay inside the source's folder, and lead to no folder above."""
    if not entry.is_symlink():
        return True
    target = os.path.realpath(entry.path)
    here = os.path.realpath(os.path.dirname(entry.path))
    if os.path.isdir(target) and os.path.commonpath([here, target]) == target:
        faults.add("link_loop", say("The link leads back to a folder that it is in."), entry.path)
        return False
    if not os.path.exists(target):
        faults.add("missing_file", say("The link leads to nothing (or to itself)."), entry.path)
        return False
    if not outside and os.path.commonpath([home, target]) != home:
        faults.add(
            "outside_folder",
            say("The link leaves the source's folder."),
            entry.path,
            say("Data from elsewhere could otherwise read any file of yours."),
            say('If it is meant, set "outside": true in the source.'),
        )
        return False
    return True


def _files(folder: Path, home: str, outside: bool, faults: Faults, others: list[str], depth: int = 0) -> list[Path]:
    if depth > DEEPEST:
        raise bad("too_deep", say("Folders lie more than {most} deep.", most=DEEPEST), folder)
    found: list[Path] = []
    for entry in entries(folder):
        if not _allowed(entry, home, outside, faults):
            continue
        path = folder / entry.name
        if entry.is_dir():
            found += _files(path, home, outside, faults, others, depth + 1)
        elif path.suffix.lower() in SAMPLES:
            found.append(path)
        else:
            others.append(str(path))
        if len(found) > MOST:
            raise bad("too_many_files", say("There are more than {most:,} files.", most=MOST), folder)
    return found


def listing(source: Folder, base: Path, faults: Faults) -> tuple[list[str], list[Path], list[str], list[Finding]]:
    """Return class names in sorted order, the files, the class of each, and what was passed over. Raises BadData."""
    root = base / source.path
    home = os.path.realpath(root)
    others: list[str] = []
    names, paths, labels, findings = [], [], [], []
    for entry in entries(root):
        if not _allowed(entry, home, source.outside, faults):
            continue
        if not entry.is_dir():
            others.append(entry.path)
            continue
        files = _files(root / entry.name, home, source.outside, faults, others)
        if not files:
            findings.append(
                Finding("warning", "empty_class", say("There is no image in this class's folder."), entry.path)
            )
            continue
        names.append(entry.name)
        paths += files
        labels += [entry.name] * len(files)
    if others:
        findings.append(
            Finding(
                "warning",
                "passed_over",
                say("{count} files are no samples and are passed over.", count=len(others)),
                others[0],
                say("Samples end in {endings} and lie in a class's folder.", endings=", ".join(sorted(SAMPLES))),
            )
        )
    if not paths:
        fix = say("Put the images of each class into a sub-folder.")
        none = bad("no_samples", say("There is no sub-folder with images."), root, "", fix)
        raise BadData([*faults.findings(skip=False), *none.findings])
    return names, paths, labels, findings


def peek(source: Folder, base: Path) -> Peek:
    _, paths, labels, _ = listing(source, base, Faults())
    return Peek(probe_any(paths, source.channels), len(paths), labels, text=True)


def read(source: Folder, base: Path) -> Raw:
    faults = Faults()
    _, paths, labels, findings = listing(source, base, faults)
    samples, kept, remarks = scan(paths, [str(p) for p in paths], source.channels, faults)
    return Raw(
        samples,
        [labels[k] for k in kept],
        text=True,
        value_range=samples.value_range,
        faults=faults,
        findings=[*findings, *remarks],
    )
