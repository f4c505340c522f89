"""Every sentence that a rule says is said by `say`, and there in every language with the same values."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import string
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import builder
from builder.ui.texts import LANGUAGES, texts
from builder.ui.texts.translate import catalogue, read, said, untranslated
from schemas.document import Document
from schemas.layer import REGISTRY
from schemas.model import Repeat, RepeatHead, Unit
from schemas.say import GLUES, Joined, Said, say, sentences, written
from schemas.words import schema_of

OTHERS = sorted(set(LANGUAGES) - {"en"})
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
SOURCES = sorted([*(ROOT / "schemas").glob("**/*.py"), *(ROOT / "builder").glob("**/*.py")])
SPOKEN = {"say": (0,), "PydanticCustomError": (1,)}
"""Function that takes an English sentence -> which of its arguments are one."""
TOLD = {
    "Fix": (0,), "FieldFix": (0,), "found": (1, 2), "Problem": (1, 2), "ShapeError": (1, 2),
    "Remark": (1, 2), "bad": (1, 3, 4), "Finding": (2, 4, 5), "Advice": (1, 2, 3),
}  # fmt: skip
"""Function that takes what was said already -> which of its arguments are that."""


def calls(path: Path, functions: dict[str, tuple[int, ...]]) -> Iterator[ast.expr]:
    """Yield the arguments of these functions' calls in a file's source."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
            yield from (node.args[place] for place in functions[node.func.id] if place < len(node.args))


def spoken(path: Path) -> Iterator[str]:
    """Yield the sentences in a file's source. Each is a literal, or no test could find it."""
    for given in calls(path, SPOKEN):
        assert isinstance(given, ast.Constant) and isinstance(given.value, str), f"{path}, line {given.lineno}"
        yield given.value


def descriptions(schema: Any, field: bool = False) -> Iterator[str]:
    """Yield the description of every field, however deep; whole objects have docstrings, which nobody is shown."""
    if isinstance(schema, dict):
        if isinstance(schema.get("description"), str) and (field or schema.get("type") != "object"):
            yield schema["description"]
        for key, part in schema.items():
            if key == "properties":
                for one in part.values():
                    yield from descriptions(one, field=True)
            else:
                yield from descriptions(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from descriptions(part)


@cache
def rules() -> frozenset[str]:
    return frozenset(one for path in SOURCES for one in spoken(path))


def test_every_sentence_of_a_rule_is_there_in_every_language() -> None:
    lacking = [one for one in (*sorted(rules()), *GLUES) if sorted(catalogue().get(one, {})) != OTHERS]
    assert [] == lacking, "Add these to a file in builder/ui/texts/said/"


def test_no_rule_tells_what_was_not_said() -> None:
    """An f-string would stay English in every language."""
    told = [(path, given) for path in SOURCES for given in calls(path, TOLD)]
    raw = [(path, one) for path, given in told for one in _branches(given)]
    assert [] == [f"{path.relative_to(ROOT)}, line {one.lineno}" for path, one in raw if _is_raw(one)]


def test_every_kind_of_problem_has_a_heading() -> None:
    kinds = dict.fromkeys(("found", "Problem", "ShapeError", "Remark", "PydanticCustomError"), (0,))
    codes = [one for path in SOURCES for given in calls(path, kinds) for one in _branches(given)]
    told = {one.value for one in codes if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    assert set() == {code for code in told if f"problem.{code}" not in texts()}


def _branches(given: ast.expr) -> Iterator[ast.expr]:
    if isinstance(given, ast.IfExp):
        yield from (*_branches(given.body), *_branches(given.orelse))
    else:
        yield given


def _is_raw(given: ast.expr) -> bool:
    return isinstance(given, ast.JoinedStr | ast.BinOp) or (isinstance(given, ast.Constant) and given.value != "")


def test_no_translation_is_left_of_a_sentence_that_nothing_says() -> None:
    layers = [(one.cls, one.cls) for one in REGISTRY.values()] + [(Repeat, RepeatHead), (Unit, Unit)]
    used = {*rules(), *GLUES, *descriptions(schema_of(Document))}
    used |= {field.description or "" for field in Document.model_fields.values()}
    used |= {json.loads(path.read_text(encoding="utf-8")).get("description", "") for path in EXAMPLES}
    for told, fields in layers:
        used |= {(told.__doc__ or "").strip().partition("\n")[0], *descriptions(schema_of(fields))}
    assert set() == set(catalogue()) - used


def gaps(template: str) -> set[tuple[str, str, str]]:
    """Return the gaps of a template: name, conversion and form."""
    return {(name, how or "", form or "") for _, name, form, how in string.Formatter().parse(template) if name}


def test_a_translation_fills_in_the_same_values() -> None:
    for template in rules():
        assert all(name.isidentifier() for name, _, _ in gaps(template)), template
        for other in catalogue()[template].values():
            assert gaps(other) == gaps(template), f"{template} | {other}"


# --- what the checker really says -------------------------------------------------------------------------------------


def load(name: str, *place: str) -> ModuleType:
    """Return a module of the tests, which are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT.joinpath("tests", *place, f"{name}.py"))
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


load("check_documents", "builder", "checks")
load("broken_case", "builder", "checks")
HOSTILE = sorted((ROOT / "tests" / "hostile" / "documents").glob("*.json"))
PARSED = [*load("test_parse", "schemas").EVERY, *load("test_parse_layers", "schemas").EVERY]
BROKEN = {
    **{path.stem: (path, None) for path in HOSTILE},
    **{f"parsed {number}": (raw, None) for number, raw in enumerate(PARSED)},
    **{
        name: (case.document, case.facts)
        for table in ("broken_layers", "broken_ends", "broken_stacks")
        for name, case in load(table, "builder", "checks").CASES.items()
    },
}
QUOTED = re.compile(r"""["'`].*["'`]|\[.*\]|\{.*\}""")
ENGLISH = re.compile(r"\b(the|of|and|is|are|with|than)\b")


def unsaid(what: str) -> Iterator[str]:
    """Yield the values in a text that look like English of our own, which should have been said by `say`."""
    values: Iterable[Any] = what.parts if isinstance(what, Joined) else getattr(what, "values", {}).values()
    for value in values:
        if isinstance(value, Said):
            yield from unsaid(value)
        elif isinstance(value, str) and ENGLISH.search(QUOTED.sub("", value)):
            yield value


@pytest.mark.parametrize("name", BROKEN)
def test_every_problem_and_fix_is_said_in_every_language(name: str) -> None:
    document, facts = BROKEN[name]
    for problem in builder.check(document, facts=facts).problems:
        assert f"problem.{problem.code}" in texts()
        for what in (problem.what, problem.why, *(fix.title for fix in problem.fixes)):
            assert [] == list(unsaid(what))
            for to in OTHERS:
                assert [] == list(untranslated(what, to))
                assert bool(what) == bool(said(what, to))


def test_a_problem_in_japanese_and_german() -> None:
    layers = [{"type": "Convolution", "out_channels": 4, "kernel_size": 9, "name": "c"}]
    report = builder.check({"format": 1, "task": "regression", "model": {"input": [1, 7, 7], "layers": layers}})
    problem = next(problem for problem in report.problems if problem.code == "window_too_large")
    assert "c: 窓は 9 × 9 画素に及びますが、パディング後の入力は 7 × 7 しかありません。" == said(problem.what, "ja")
    assert "c: Das Fenster reicht über 9 × 9 Pixel, aber die Eingabe mit Padding hat nur 7 × 7." == said(
        problem.what, "de"
    )
    assert "入力を縦 1・横 1 画素パディングする" == said(problem.fixes[0].title, "ja")
    assert problem.what == said(problem.what, "en")


def test_a_text_is_translated_from_what_was_written_to_a_file() -> None:
    told = sentences(say("{count} samples are left out, as on_error says.", count=3), say("Make it smaller."))
    made = json.loads(json.dumps(written(told)))
    assert "on_error に従い、3 サンプルを除きました。小さくしてください。" == read(str(told), made, "ja")
    assert str(told) == read(str(told), made, "en")


@pytest.mark.parametrize(
    "made",
    [None, 3, [], {}, {"template": "{count.__class__}", "values": {"count": 3}}, {"glue": " "},
     {"template": 3, "values": 3},
     {"template": "{count} rows", "values": {}}, {"template": "{count} rows", "values": {"count": 4}}],
)  # fmt: skip
def test_what_a_stranger_wrote_to_a_file_is_told_as_its_english(made: Any) -> None:
    assert "3 rows" == read("3 rows", made, "ja")
