"""What is installed, and that our `schemas` is found whatever else has that name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import builder

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMMANDS = ["pip install . && tsumiki train examples/digits.json", "pip install '.[test]' && pytest"]


def python(folder: Path, text: str, packages: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, which is then the first place where it looks for modules."""
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    command = [sys.executable, "-c", text]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder that holds a `schemas` package of somebody else."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "__init__.py").write_text("raise SystemExit('a stranger was imported')\n")
    (tmp_path / "schemas" / "errors.py").write_text("raise SystemExit('a stranger was imported')\n")
    return tmp_path


def test_our_schemas_wins_over_the_current_folder(foreign: Path) -> None:
    done = python(
        foreign, "import builder, schemas.layers; print(builder.DocumentError.exit_code, schemas.__path__[0])"
    )
    assert (done.returncode, done.stderr) == (0, "")
    code, path = done.stdout.strip().split(" ", 1)
    assert code == "3"
    assert not Path(path).is_relative_to(foreign)


def test_a_foreign_schemas_that_was_first_is_named(foreign: Path) -> None:
    (foreign / "schemas" / "__init__.py").write_text("")
    done = python(foreign, "import schemas\nimport builder")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: tsumiki needs its own package 'schemas'")
    assert str(foreign / "schemas" / "__init__.py") in last


def test_our_own_schemas_may_come_first() -> None:
    assert (
        python(ROOT, "import schemas.errors, builder; print(builder.UsageError is schemas.errors.UsageError)").stdout
        == "True\n"
    )


@pytest.mark.parametrize("first", ["import builder.check", "from builder.check import Report", "builder.check"])
def test_a_verb_is_a_function_and_a_module(first: str) -> None:
    text = f"import builder\n{first}\nprint(builder.check({{}}).ok, builder.check.Report.__name__)"
    assert python(ROOT, text).stdout == "False Report\n"


def test_every_public_name_can_be_loaded() -> None:
    for name in builder.__all__:
        assert getattr(builder, name) is not None
    assert set(dir(builder)) >= set(builder.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        builder.nothing  # noqa: B018  # the access is what is tested


def test_names_and_version() -> None:
    assert PROJECT["name"] == "tsumiki-nn"
    assert PROJECT["scripts"] == {"tsumiki": "builder.cli:main"}
    assert PROJECT["version"] == builder.__version__
    assert f"## {builder.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_readme_begins_with_the_two_commands() -> None:
    blocks = re.findall(r"^```\w*\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    assert blocks[0].splitlines() == COMMANDS


def test_the_map_of_the_tree_is_true() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = readme.partition("## Map of the tree")[2].partition("\n## ")[0].splitlines()
    folders: list[str] = []
    named = set()
    for line in lines:
        row = re.match(r"    ((?:  )*)([\w./]+)(?: |$)", line)
        if row is None or "►" in line or row[1].count(" ") > 10:
            continue
        depth = len(row[1]) // 2
        path = "".join(folders[:depth]) + row[2]
        named.add(path)
        assert (ROOT / path).exists(), f"README's map names {path}"
        if path.endswith("/"):
            folders[depth:] = [row[2]]
    parts = [f"builder/{p.name}" for p in (ROOT / "builder").glob("*.py") if not p.name.startswith("__")]
    parts += [f"builder/{p.parent.name}/" for p in (ROOT / "builder").glob("*/__init__.py")]
    assert [] == [part for part in parts if part not in named], "missing in README's map"


def test_ci_is_a_correct_script() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)


@pytest.mark.thorough
def test_a_wheel_works_beside_a_foreign_schemas(foreign: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(place), str(ROOT)], check=True)
    (wheel,) = place.glob("tsumiki_nn-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "schemas/document.schema.json" in names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"builder", "schemas"}
    installed = place / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(installed), str(wheel)], check=True)
    document = foreign / "digits.json"
    document.write_text((ROOT / "examples" / "digits.json").read_text(encoding="utf-8"), encoding="utf-8")
    text = "import sys; sys.argv = ['tsumiki', 'check', 'digits.json']; from builder.cli import main; main()"
    done = python(foreign, text, packages=installed)
    assert (done.returncode, done.stdout, done.stderr) == (0, "digits.json: no problems\n", "")
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [str(installed / "bin" / "tsumiki"), "schema"]
    assert subprocess.run(command, cwd=foreign, env=environment, capture_output=True, check=True).stdout.startswith(
        b"{"
    )
