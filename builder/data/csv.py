"""Tables: a header line and one sample per row; cells are numbers, or in a single input column paths of files."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from schemas.data import Csv
from schemas.say import commas, say

from .facts import Peek
from .files import SAMPLES, Locator, need_memory, regular
from .finding import BadData, Faults, Finding, bad
from .images import probe_any
from .labels import Labels, number
from .samples import ArraySamples, FileSamples, Raw, scan

LONGEST = 1 << 24
"""Most characters of one line."""
SHORT = 1 << 22
"""A look at a table reads all of it up to this many bytes (4 MiB, about 0.1 s)."""
NNC = re.compile(r"^([xy])(?:__(\d+))?(?::.*)?$", re.DOTALL)
"""A column of NNC's form: variable, index in it, and a name for people."""


@dataclass(frozen=True)
class Form:
    """Which columns are what."""

    header: tuple[str, ...]
    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    ignored: tuple[str, ...] = ()


@dataclass
class Table:
    """The rows of a table: numbers or paths, the cells of the targets, and the line of each row."""

    form: Form
    values: array[float] = field(default_factory=lambda: array("f"))
    paths: list[Path | BadData] | None = None
    targets: list[list[str]] = field(default_factory=list)
    lines: array[int] = field(default_factory=lambda: array("q"))
    text: dict[int, int] = field(default_factory=dict)
    """Column -> rows in which it holds text."""


def _lines(path: Path, encoding: str) -> Iterator[str]:
    count = 0
    try:
        with open(path, encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
            while line := file.readline(LONGEST + 1):
                count += 1
                if len(line) > LONGEST:
                    raise bad(
                        "line_too_long",
                        say("The line has more than {most:,} characters.", most=LONGEST),
                        f"{path}, line {count}",
                    )
                if "\x00" in line:
                    raise bad(
                        "nul_byte",
                        say("The line holds a NUL byte, so the file is no text of this encoding."),
                        f"{path}, line {count}",
                        "",
                        say("Save it as UTF-8, or set encoding to 'utf-16'."),
                    )
                yield line
    except UnicodeError as error:
        raise bad(
            "encoding",
            say(
                "The text is not {encoding} ({reason}).",
                encoding=encoding,
                reason=error.reason if isinstance(error, UnicodeDecodeError) else error,
            ),
            f"{path}, after line {count}",
            "",
            say("Save it as UTF-8, or set encoding to 'cp932' for what Japanese Excel calls CSV."),
        ) from None
    except OSError as error:
        raise bad("unreadable_file", say("The file cannot be read ({reason}).", reason=error.strerror), path) from None


def _rows(path: Path, source: Csv) -> Iterator[tuple[int, list[str]]]:
    """Yield (line on which the row begins, cells); empty lines are passed over."""
    reader = csv.reader(_lines(path, source.encoding), delimiter=source.delimiter)
    line = 1
    try:
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        code = "field_too_large" if "field limit" in str(error) else "broken_csv"
        raise bad(
            code,
            say("The row cannot be read ({reason}).", reason=str(error)),
            f"{path}, line {line}",
            "",
            say("Is a quote not closed?"),
        ) from None


def _is_number(cell: str) -> bool:
    try:
        number(cell)
    except ValueError:
        return False
    return True


def _header(cells: Sequence[str], path: Path) -> tuple[str, ...]:
    header = tuple(cell.strip() for cell in cells)
    if all(_is_number(cell) for cell in header):
        raise bad(
            "no_header",
            say("The first line holds only numbers: {header}.", header=", ".join(header[:5])),
            path,
            say("The first line names the columns."),
            say("Write a line of names above it, e.g. x__0,x__1,y."),
        )
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise bad(
            "duplicate_column",
            say("Two columns are called {twice!r}.", twice=twice),
            f"{path}, line 1",
            "",
            say("Rename one of them."),
        )
    return header


def header(source: Csv, path: Path) -> tuple[str, ...]:
    """Return the names in the first line. Raises BadData."""
    regular(path)
    first = next(_rows(path, source), None)
    if first is None:
        raise bad("empty_file", say("The file has no line with text."), path)
    return _header(first[1], path)


def _find(names: Sequence[str], name: str, path: Path) -> int:
    """Return a column's position by its name, or by the part that NNC puts after ':'."""
    if name in names:
        return names.index(name)
    short = [k for k, column in enumerate(names) if column.partition(":")[2] == name]
    if len(short) == 1:
        return short[0]
    import difflib

    near = difflib.get_close_matches(name, names, 1)
    hint = say("Did you mean {name!r}?", name=near[0]) if near else ""
    shown = ", ".join(map(repr, names[:12])) + (", ..." if len(names) > 12 else "")
    raise bad(
        "missing_column",
        say("There is no column {name!r}; there are {names}.", name=name, names=shown),
        f"{path}, line 1",
        "",
        hint,
    )


def form(header: tuple[str, ...], source: Csv, path: Path, need_target: bool = True) -> Form:
    """Return which columns are inputs and which targets. Raises BadData."""
    matches = [NNC.match(name) for name in header]
    parts: dict[str, list[tuple[int, int]]] = {"x": [], "y": []}
    for k, match in enumerate(matches):
        if match:
            parts[match[1]].append((int(match[2] or 0), k))
    nnc = source.target is None and bool(parts["x"]) and (bool(parts["y"]) or not need_target)
    wanted = [source.target] if isinstance(source.target, str) else source.target or []
    targets = [_find(header, name, path) for name in wanted]
    if nnc:
        targets = [k for _, k in sorted(parts["y"])]
    elif not targets and need_target:
        raise bad(
            "no_target",
            say("Which column is to be predicted? There are {names}.", names=commas(map(repr, header[:12]))),
            path,
            say("The header is not of NNC's form (x__0:a,x__1:b,y:label), which would say it."),
            say('Set "target" in the source, e.g. to {header!r}.', header=header[-1]),
        )
    if source.columns is not None:
        inputs = [_find(header, name, path) for name in source.columns]
    elif nnc:
        inputs = [k for _, k in sorted(parts["x"])]
    else:
        inputs = [k for k in range(len(header)) if k not in targets]
    if not inputs:
        raise bad("no_inputs", say("There is no column but the target."), path)
    both = [header[k] for k in inputs if k in targets]
    if both:
        raise bad(
            "target_is_input",
            say("Column {name!r} is both input and target.", name=both[0]),
            path,
            "",
            say("Leave it out of columns."),
        )
    used = {*inputs, *targets}
    ignored = () if source.columns else tuple(name for k, name in enumerate(header) if k not in used)
    return Form(header, tuple(inputs), tuple(targets), ignored)


def table(source: Csv, path: Path, faults: Faults, need_target: bool = True, most: int | None = None) -> Table:
    """Read the rows; those that cannot be used go to `faults` by line. `most` stops after so many rows."""
    size = regular(path)
    if size == 0:
        raise bad("empty_file", say("The file is empty."), path)
    need_memory(2 * size, path, say("The table"))  # a number takes at least 2 characters and at most 4 bytes
    rows = _rows(path, source)
    first = next(rows, None)
    if first is None:
        raise bad("empty_file", say("The file has no line with text."), path)
    found = Table(form(_header(first[1], path), source, path, need_target))
    locator = Locator(path.parent, source.outside)
    width, inputs, targets = len(found.form.header), found.form.inputs, found.form.targets
    for line, row in rows:
        place = f"{path}, line {line}"
        if len(row) != width:
            faults.add(
                "wrong_columns",
                say("The row has {count} cells, but the header has {width}.", count=len(row), width=width),
                place,
            )
            continue
        labels = [row[k].strip() for k in targets]
        if not all(labels):
            faults.add(
                "missing_value", say("{name!r} is empty.", name=found.form.header[targets[labels.index("")]]), place
            )
            continue
        cells = [row[k] for k in inputs]
        if found.paths is None and not found.lines and len(inputs) == 1 and _is_path(cells[0]):
            found.paths = []
        if found.paths is not None:
            try:
                found.paths.append(locator(cells[0], place))
            except BadData as error:
                found.paths.append(error)
        elif not _take_numbers(found, cells, place, faults):
            continue
        found.targets.append(labels)
        found.lines.append(line)
        if len(found.lines) == most:
            break
    _text_columns(found, path)
    return found


def numeric_columns(source: Csv, path: Path, columns: Form) -> list[str]:
    """Return the input columns that hold numbers in most of the first rows."""
    rows = [row for _, row in islice(_rows(path, source), 1, 200) if len(row) == len(columns.header)]
    found = []
    for k in columns.inputs:
        cells = [row[k] for row in rows if row[k].strip()]
        if 2 * sum(map(_is_number, cells)) > len(cells):
            found.append(columns.header[k])
    return found


def _is_path(cell: str) -> bool:
    return Path(cell.strip()).suffix.lower() in SAMPLES


def _take_numbers(found: Table, cells: list[str], place: str, faults: Faults) -> bool:
    """Append a row of numbers; False where it is none."""
    try:
        numbers = [float(cell) for cell in cells]
        if "_" in "".join(cells):
            raise ValueError
    except ValueError:
        wrong = next(k for k, cell in enumerate(cells) if not _is_number(cell))
        name = found.form.header[found.form.inputs[wrong]]
        if cells[wrong].strip():
            found.text[wrong] = found.text.get(wrong, 0) + 1
            faults.add(
                "not_a_number",
                say("{name!r} is {value!r}, which is no number.", name=name, value=cells[wrong][:50]),
                place,
            )
        else:
            faults.add("missing_value", say("{name!r} is empty.", name=name), place)
        return False
    found.values.extend(numbers)
    return True


def _text_columns(found: Table, path: Path) -> None:
    """Raise BadData for a column that is text as a rule: that is one mistake, not one per row."""
    rows = len(found.lines) + sum(found.text.values())
    columns = [found.form.header[found.form.inputs[k]] for k, count in found.text.items() if 2 * count > rows]
    if columns:
        raise bad(
            "text_column",
            say("Column {name!r} holds text, not numbers.", name=columns[0]),
            path,
            say("A network reads numbers only."),
            say("List the columns of numbers in 'columns' of the source, or replace the text by numbers."),
        )


def _labels(found: Table, path: Path, faults: Faults) -> tuple[Labels, np.ndarray]:
    """Return the labels and which rows have usable ones; several targets must be numbers."""
    usable = np.ones(len(found.targets), dtype=bool)
    if len(found.form.targets) == 1:
        cells = [row[0] for row in found.targets]
        if cells and _is_path(cells[0]) and not _is_number(cells[0]):
            raise bad(
                "target_is_file",
                say("The target is a file ({value!r}).", value=cells[0]),
                path,
                say("Targets are classes or numbers."),
                say("Choose another column as target."),
            )
        return cells, usable
    values = np.zeros((len(found.targets), len(found.form.targets)))
    for k, row in enumerate(found.targets):
        try:
            values[k] = [number(cell) for cell in row]
        except ValueError:
            usable[k] = False
            faults.add(
                "not_a_number",
                say("A target is no number: {row}.", row=", ".join(row)[:80]),
                f"{path}, line {found.lines[k]}",
            )
    return values, usable


def peek(source: Csv, base: Path) -> Peek:
    path = base / source.path
    whole = regular(path) <= SHORT
    found = table(source, path, Faults(), most=None if whole else 100)
    if not found.lines:
        raise bad("no_samples", say("No row can be used."), path)
    if found.paths is None:
        shape: tuple[int, ...] | None = (len(found.form.inputs),)
    else:
        shape = probe_any((p for p in found.paths if isinstance(p, Path)), source.channels)
    labels, usable = _labels(found, path, Faults())
    if not whole:
        return Peek(shape, None, None)
    chosen = labels[usable] if isinstance(labels, np.ndarray) else labels
    return Peek(shape, len(found.lines), chosen)


def read(source: Csv, base: Path) -> Raw:
    path, faults = base / source.path, Faults()
    found = table(source, path, faults)
    labels, usable = _labels(found, path, faults)
    samples, kept, findings, columns = inputs(found, source, path, faults, np.flatnonzero(usable))
    if found.form.ignored:
        shown = ", ".join(map(repr, found.form.ignored[:10]))
        findings.append(
            Finding("warning", "columns_ignored", say("Columns {shown} are neither x nor y.", shown=shown), str(path))
        )
    chosen = labels[kept] if isinstance(labels, np.ndarray) else [labels[k] for k in kept]
    known = samples.value_range if isinstance(samples, FileSamples) else None
    return Raw(samples, chosen, value_range=known, columns=columns, faults=faults, findings=findings)


def inputs(
    found: Table, source: Csv, path: Path, faults: Faults, rows: np.ndarray
) -> tuple[ArraySamples | FileSamples, np.ndarray, list[Finding], tuple[str, ...]]:
    """Return the samples of the given rows, the rows that are good, what was remarkable, and the columns' names."""
    lines = found.lines
    if found.paths is None:
        columns = tuple(found.form.header[k] for k in found.form.inputs)
        values = np.array(found.values, dtype=np.float32).reshape(len(lines), len(columns))
        return ArraySamples(values, lambda i: f"{path}, line {lines[i]}", rows), rows, [], columns
    places = [f"{path}, line {lines[k]}" for k in rows]
    samples, kept, findings = scan([found.paths[k] for k in rows], places, source.channels, faults)
    return samples, rows[kept], findings, ()
