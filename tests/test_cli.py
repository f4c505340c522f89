"""The command line over documents: answers, messages and exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import builder.cli

Command = Callable[..., Any]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def broken(here: Path) -> Path:
    """A document with two mistakes that have fixes."""
    layers = [{"type": "Afine", "out_features": 8}, {"type": "ReLU", "slope": 1}, {"type": "Affine", "out_features": 3}]
    document = {
        "format": 1,
        "name": "broken",
        "task": "classification",
        "model": {"input": [4], "layers": [*layers, {"type": "Softmax"}, {"type": "CategoricalCrossEntropy"}]},
    }
    path = here / "broken.json"
    path.write_text(json.dumps(document, indent=4), encoding="utf-8")
    return path


def test_every_verb_has_help(tsumiki: Command) -> None:
    page = tsumiki("--help")
    assert page.code == 0
    for verb in builder.cli.VERBS:
        assert re.search(rf"^  {verb.__name__} ", page.out, re.M)
        assert "Usage: tsumiki" in tsumiki(verb.__name__, "--help").out


def test_the_readme_lists_every_verb() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)[^`]*` \|", readme.partition("## Verbs")[2].partition("\n## ")[0], re.M)
    assert sorted(verb.__name__ for verb in builder.cli.VERBS) == sorted(listed)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Usage"),
        (["nonsense"], "No such command"),
        (["check"], "Missing argument"),
        (["check", "a.json", "--nonsense"], "No such option"),
        (["check", "missing.json"], "There is no file"),
        (["check", "."], "is a folder"),
        (["check", "{iris}", "--write"], "use both together"),
        (["check", "{iris}", "training.epochs"], "write it as path=value"),
        (["check", "{iris}", "name.x=1"], "has no fields"),
        (["check", "{iris}", "name=a", "--fix", "--write"], "overrides"),
        (["train", "missing.json"], "There is no file"),
        (["train", "{iris}", "--threads", "0"], "--threads"),
        (["resume", "missing"], "There is no run folder"),
        (["resume", "."], "no run folder"),
        (["evaluate", "missing"], "There is no run folder"),
        (["evaluate", ".", "--part", "all"], "--part"),
        (["predict", "."], "Missing argument"),
        (["predict", ".", "missing.png"], "There is no file 'missing.png'"),
        (["compare", "."], "at least two"),
        (["init", "missing.csv"], "no such file"),
        (["schema", "-o", "missing/schema.json"], "No such file"),
    ],
)  # fmt: skip
def test_wrong_use_is_exit_code_2(here: Path, tsumiki: Command, examples: Path, words: list[str], message: str) -> None:
    done = tsumiki(*(word.format(iris=examples / "iris.json") for word in words))
    assert done.code == 2
    assert message in done.out + done.err


def test_check_says_that_all_is_well(tsumiki: Command, examples: Path) -> None:
    done = tsumiki("check", examples / "digits.json")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("digits.json: no problems\n")


def test_check_lists_problems_with_pointer_why_and_numbered_fixes(tsumiki: Command, broken: Path) -> None:
    done = tsumiki("check", broken)
    assert (done.code, done.err) == (3, "")
    assert "/model/layers/0" in done.out
    assert "why: " in done.out
    assert "fix 1: " in done.out
    assert done.out.endswith("2 errors\n")


def test_check_answers_in_json(tsumiki: Command, broken: Path) -> None:
    done = tsumiki("check", broken, "--json")
    assert (done.code, done.err) == (3, "")
    assert {"problems", "layers", "totals"} == set(done.json)
    for problem in done.json["problems"]:
        assert {"code", "severity", "pointer", "layer", "what", "why", "fixes"} == set(problem)
        assert {"title", "patch"} == set(problem["fixes"][0])
    columns = "name type inputs output_shape parameters weights biases multiply_adds activation_bytes".split()
    assert set(columns) <= set(done.json["layers"][0])


@pytest.mark.parametrize(
    "text", ["", "[1]", '{"format": 1', "\ud800", '{"a": 1, "a": 2}', "[" * 10_000, '{"format": NaN}']
)
def test_what_is_no_document_is_exit_code_3(here: Path, tsumiki: Command, text: str) -> None:
    (here / "a.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    done = tsumiki("check", "a.json", "--json")
    assert (done.code, done.err) == (3, "")
    assert done.json["problems"][0]["severity"] == "error"
    plain = tsumiki("check", "a.json")
    assert plain.code == 3
    assert "error" in plain.out
    for verb in ("summary", "render", "train", "datasets"):
        done = tsumiki(verb, "a.json")
        assert (done.code, done.out) == (3, "")
        assert "error" in done.err


def test_fix_shows_a_diff_and_writes_nothing(tsumiki: Command, broken: Path) -> None:
    before = broken.read_bytes()
    done = tsumiki("check", broken, "--fix")
    assert done.code == 0
    changed = [line for line in done.out.splitlines() if re.match(r"[-+] ", line)]
    assert any(line.startswith("-") and "Afine" in line for line in changed)
    assert any(line.startswith("+") and '"Affine"' in line for line in changed)
    assert "nothing is written" in done.out
    assert before == broken.read_bytes()


def test_fix_writes_when_asked_to(tsumiki: Command, broken: Path) -> None:
    assert tsumiki("check", broken, "--fix", "--write").code == 0
    layers = json.loads(broken.read_text(encoding="utf-8"))["model"]["layers"]
    assert layers[:2] == [{"type": "Affine", "out_features": 8}, {"type": "ReLU"}]
    assert broken.read_text(encoding="utf-8").startswith('{\n    "format": 1,\n')
    assert tsumiki("check", broken).code == 0


def test_warnings_alone_are_exit_code_0(here: Path, tsumiki: Command, examples: Path) -> None:
    done = tsumiki("check", examples / "digits.json", "model.layers.3.kernel_size=3", "--json")
    severities = {problem["severity"] for problem in done.json["problems"]}
    assert (done.code, severities) == (0, {"warning"})


def test_overrides_reach_every_verb(tsumiki: Command, examples: Path) -> None:
    file = examples / "iris.json"
    assert tsumiki("check", file, "training.epochs=-1").code == 3
    assert json.loads(tsumiki("render", file, "training.epochs=3").out)["training"]["epochs"] == 3
    shapes = [
        row["output_shape"]
        for row in tsumiki("summary", file, "model.layers.0.out_features=7", "--json").json["layers"]
    ]
    assert shapes[0] == [7]
    assert tsumiki("datasets", file, "data.source.name=wine", "--json").json["samples"] == 178


def test_what_init_says_next_can_be_pasted_into_a_shell(here: Path, tsumiki: Command) -> None:
    (here / "表 1.csv").write_text("a,b\n" + "".join(f"{i},{i % 2}\n" for i in range(40)), encoding="utf-8")
    told = tsumiki("init", "表 1.csv")
    assert told.code == 0
    assert told.out.splitlines()[-1] == "next: tsumiki summary '表 1.json', then tsumiki train '表 1.json'"


def test_render_fills_in_head_and_loss(here: Path, tsumiki: Command, examples: Path) -> None:
    document = json.loads((examples / "iris.json").read_text(encoding="utf-8"))
    del document["model"]["layers"][-3:]
    (here / "a.json").write_text(json.dumps(document), encoding="utf-8")
    done = tsumiki("render", "a.json")
    types = [layer["type"] for layer in json.loads(done.out)["model"]["layers"]]
    assert types[-3:] == ["Affine", "Softmax", "CategoricalCrossEntropy"]


def test_summary_in_json_and_as_a_table(tsumiki: Command, examples: Path) -> None:
    found = tsumiki("summary", examples / "digits.json", "--json").json
    assert {"layers", "totals", "predicted"} == set(found)
    assert 0 < found["predicted"]["step_seconds"] < found["predicted"]["epoch_seconds"]
    affine = next(row for row in found["layers"] if row["type"] == "Affine")
    assert (affine["weights"], affine["biases"]) == (1280, 10)
    table = tsumiki("summary", examples / "digits.json").out
    for text in ("Convolution_1", "16 × 8 × 8", "1,280", "trainable", "training memory", "s per epoch"):
        assert text in table


def test_schema_is_the_file_in_the_package(here: Path, tsumiki: Command) -> None:
    done = tsumiki("schema")
    assert "properties" in done.json or "$defs" in done.json
    assert tsumiki("schema", "-o", "s.json").code == 0
    assert (here / "s.json").read_text(encoding="utf-8") == done.out


def test_datasets_lists_the_builtin_ones(tsumiki: Command) -> None:
    assert [row["name"] for row in tsumiki("datasets", "--json").json["builtin"]][:2] == ["digits", "iris"]
    assert "setosa, versicolor, virginica" in tsumiki("datasets").out


@pytest.mark.parametrize("name", ["digits", "diabetes", "breast_cancer"])
def test_datasets_describes_a_documents_data(tsumiki: Command, examples: Path, name: str) -> None:
    done = tsumiki("datasets", examples / f"{name}.json")
    assert done.code == 0
    assert "validation" in done.out


def test_datasets_names_what_is_broken(here: Path, tsumiki: Command) -> None:
    (here / "t.csv").write_text("a,b\n1,2\n3,x\n5,6,7\n" + "1,2\n" * 20, encoding="utf-8")
    data = {"source": {"type": "csv", "path": "t.csv", "target": "b"}}
    layers = [{"type": "Affine", "out_features": 1}]
    document = {"format": 1, "name": "t", "task": "regression", "model": {"layers": layers}, "data": data}
    (here / "t.json").write_text(json.dumps(document), encoding="utf-8")
    done = tsumiki("datasets", "t.json", "--json")
    assert done.code == 4
    assert any("t.csv" in finding["where"] for finding in done.json["findings"])
    assert tsumiki("datasets", "t.json").code == 4
    assert tsumiki("train", "t.json").code == 4


def test_a_bug_is_a_short_message_and_debug_shows_where(
    tsumiki: Command, examples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import builder.check

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(builder.check, "check", fail)
    done = tsumiki("check", examples / "iris.json")
    assert done.code == 1
    assert done.err.startswith("error: ZeroDivisionError: division by zero. This is a bug in tsumiki.")
    assert len(done.err.splitlines()) == 1
    monkeypatch.setattr(sys, "argv", ["tsumiki", "check", str(examples / "iris.json"), "--debug"])
    with pytest.raises(SystemExit):
        builder.cli.main()
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (MemoryError(), 5),
        (PermissionError(13, "Permission denied", "a.json"), 2),
        (OSError(28, "No space left on device"), 2),
        (RecursionError("too deep"), 1),
    ],
)
def test_errors_of_the_system_are_messages(
    tsumiki: Command, examples: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    import builder.check

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(builder.check, "check", fail)
    done = tsumiki("check", examples / "iris.json")
    assert code == done.code
    assert done.err.startswith(("error: ", "stopped"))
    assert tsumiki("summary", examples / "iris.json", "--json").json["error"]["exit_code"] == code


def test_a_closed_pipe_is_quiet(examples: Path) -> None:
    program = "import sys; from builder.cli import main; sys.argv = ['tsumiki', 'schema']; main()"
    root = Path(__file__).parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
